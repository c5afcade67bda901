"""What is left of a response when nobody's mark-up is."""
# ruff: noqa: E501  Chinese characters count twice

import pytest

from megatron_qm.rewards.reading.clean import BOX, MOST_CHARACTERS, answer_part


@pytest.mark.parametrize(("response", "left"), [
    ("<think>B</think>A", "A"), ("<think>A", None), ("**A**", "A"), ("Ａ", "A"), ("\\boxed{\\textbf{D}}", f"{BOX}D"), ("A\u200bB", "AB"),
    ("<!-- B -->A", "A"), ("```python\nprint(1)\n```", ""), ("```json\n{}\n```", "{}"), ("~~B~~ A", "A"), ("<answer>D</answer>", f"{BOX}D"),
    ("x" * MOST_CHARACTERS, "x" * MOST_CHARACTERS), ("x" * (MOST_CHARACTERS + 1), None), ("А", "А"),
])
def test_the_words_stay(response: str, left: str | None) -> None:
    assert answer_part(response) == left

"""Items of RL and evaluation: read whole, or refused with their line."""

import json
from pathlib import Path

import pytest

from megatron_qm.errors import UserError
from megatron_qm.rewards.items import read_items

GOOD = {"key": "a", "task": "exam", "prompt": "Which?", "reference": "A", "strata": {"level": 3}}


def written(folder: Path, *rows: object) -> Path:
    path = folder / "items.jsonl"
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows))
    return path


def test_a_prompt_is_a_message_of_the_user_and_a_line_without_a_key_has_its_number(tmp_path: Path) -> None:
    several = [{"role": "system", "content": "s"}, {"role": "user", "content": "u\u2028v"}]
    path = written(tmp_path, GOOD, "", {"task": "drugs", "messages": several, "reference": ["x"]})
    first, second = read_items(path)
    assert (first.question, first.strata, first.label) == ("Which?", {"level": "3"}, "")
    assert (second.key, second.question, len(second.messages)) == ("3", "u\u2028v", 2)


@pytest.mark.parametrize(("row", "why"), [
    ("{", "Expecting"), ("[]", "not a JSON object"), ({**GOOD, "task": ""}, "task"), ({**GOOD, "prompt": " "}, "prompt"),
    ({**GOOD, "messages": []}, "both"), ({**GOOD, "answer": "A"}, "'answer' is no field"), ({**GOOD, "key": True}, "key"),
    ({"task": "exam", "prompt": "q"}, "reference"), (GOOD, "'a' was given before"),
    ({**GOOD, "key": "b", "strata": [1]}, "strata"), (json.dumps({**GOOD, "prompt": "half \ud83d"}), "surrogate"),
    ({"task": "exam", "reference": 1, "messages": [{"role": "assistant", "content": "x"}]}, "ends with the user's"),
])
def test_what_is_no_item_is_refused_with_its_line(row: object, why: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=why) as refused:
        read_items(written(tmp_path, GOOD, row))
    assert "items.jsonl:2" in str(refused.value)

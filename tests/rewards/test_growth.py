"""The time of a verdict grows with its response and no faster: repeated fragments, of which some search for the worst."""
# ruff: noqa: E501  Chinese characters count twice

import time
from random import Random

import pytest

from megatron_qm.rewards.registry import load

FRAGMENTS = ["A, ", "(", "[", "{", '{"a":', "not ", "aspirin, ", "aspirin and ", "I21.9 ", "ct scan ", "the answer ", "answer is ", "答案", "不",
             "a ", ". ", ": ", "- ", "\n", "1", "1,", "**", "~~", "<a ", "\\boxed{", "```", "if ", "x" * 9, "肺炎、", "CBC is not ",
             "A ✓ ", "A: 5% ", "| A | yes |\n", "all except A ", "only A ", "- [x] A\n", "the third option ", "①", "选A收回", "not a a a, ", "a a or ", "A. foo (A) "]  # fmt: skip
ASKED = {"exam": ("A", {"options": {"A": "aspirin", "B": "a a a"}}), "diagnosis": ("I21.9", {}), "drugs": (["aspirin"], {}), "ordering": (["cbc"], {}),
         "format": (None, {})}
# Each grew with the square of the response: a sentence was searched anew for each of its statements, and all that had been named
# was looked through for each word that takes something back, and for each test that no table knows.
GREW = [("exam", "the answer is A, "), ("exam", "answer is A if "), ("exam", "答案是A，如果"), ("exam", '{"answer": "A"} '),
        ("diagnosis", "no, I21.9 pneumonia. "), ("drugs", "wait, aspirin. "), ("ordering", "wait, cbc. "), ("ordering", "cbc foo test ")]


def _seconds(task: str, response: str) -> float:
    """The least of three."""
    verifier, (reference, metadata) = load(task), ASKED[task]
    found = []
    for turn in range(3):
        start = time.process_time()
        verifier("", f"{response}{turn}", reference, metadata)
        found.append(time.process_time() - start)
    return min(found)


@pytest.mark.parametrize("task", ASKED)
def test_repeated_fragments_cost_what_they_are_long(task: str) -> None:
    rng = Random(7)
    _seconds(task, "x")
    pairs = [*FRAGMENTS, *("".join(rng.choices(FRAGMENTS, k=2)) for _ in range(20))]
    worst = max(pairs, key=lambda piece: _seconds(task, (piece * 4000)[:4000]))
    small, large, huge = (_seconds(task, (worst * size)[:size]) for size in (4000, 16_000, 1_000_000))
    assert large < 16 * small + 0.02, worst  # four times as long: what is quadratic takes sixteen times as long
    assert huge < large + 0.1, worst


@pytest.mark.parametrize(("task", "fragment"), GREW)
def test_what_grew_with_the_square_does_not(task: str, fragment: str) -> None:
    _seconds(task, "x")
    small, large = (_seconds(task, (fragment * size)[:size]) for size in (2000, 8000))
    assert large < 8 * small

"""No response makes a verifier fail, or choose that it is not scored."""
# ruff: noqa: E501  Chinese characters count twice

from random import Random

import pytest

from megatron_qm.rewards.outcome import Scored
from megatron_qm.rewards.registry import load

RIGHT = {
    "exam": ("A/C", {"options": {"A": "aspirin", "B": "İU 5", "C": "vitamin C", "D": "12 mg"}}),
    "diagnosis": (["I21.9", "肺炎"], {"names": {"Mİ": "I21.9"}}),
    "drugs": ([{"name": "warfarin", "dose": "5 mg", "route": "po"}], {"contraindicated": ["布洛芬"]}),
    "ordering": (["cbc", "ecg"], {"synonyms": {"cbc": ["İ count"]}}),
}
PIECES = [
    "{", "}", "[", "]", '"', "\\", '{"answer":', '"A"', '{"drugs": ["', '"code": "I21', "A", "D", "I21.9", "warfarin", "5 İU", "İ", "ı", "ß",
    "ﬃ", "Ａ", "肺炎", "不", "排除", "答案", "是", "选", "。", "，", " ", "\n", "\x00", "\x02", "\ud83d", "\udc00", "👍", "not ", "avoid ", "the answer is ",
    "1,000 mg", "mcg", "(", ")", "- ", ":", ";", "?", "```", "<think>", "</think>", "<answer>", "\\boxed{", "$", "~~", "<!--", "and ", "or ",
    "aspirin", "cbc", "ECG", "1. ", "²", "\u200b", "\u0301", "if ", "'", '\\u0130', "K", "ſ", "\u202e", "...", "+", "/", "*", "_",
]  # fmt: skip


def _response(rng: Random) -> str:
    if rng.random() < 0.2:
        return "".join(chr(rng.randrange(0x110000) if rng.random() < 0.3 else rng.randrange(0x250)) for _ in range(rng.randrange(60)))
    return "".join(rng.choice(PIECES) for _ in range(rng.randrange(1, 25)))


def _fuzz(seed: int, count: int) -> None:
    rng = Random(seed)
    for task, (reference, metadata) in RIGHT.items():
        verifier = load(task)
        for _ in range(count // len(RIGHT)):
            response = _response(rng)
            assert isinstance(verifier("", response, reference, metadata), Scored), (task, response)


def test_random_responses_are_scored() -> None:
    _fuzz(1, 2_000)


@pytest.mark.slow
def test_a_million_random_responses_are_scored() -> None:
    _fuzz(2, 1_000_000)

"""What an evaluation holds: numbers, and no text, key or row of what it writes."""

import random
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from megatron_qm.evals.pairs import scoring
from megatron_qm.evals.pairs.report import evaluate_pairs
from megatron_qm.evals.pairs.told import told as as_text
from megatron_qm.files import write_long_json
from tests.evals.pairs.files import pair, told, write

FEW, MANY = 1_000, 3_000  # memory is counted to the byte, and so is its growth
MOST = 230  # bytes a pair; keys alone as text would add 80, a row of `scores` 500


def drawn(count: int) -> Iterator[dict[str, object]]:
    """Every prompt and key another, so that nothing is held only once."""
    chance = random.Random(count)
    for n in range(count):
        yield pair(chance.gauss(1, 1), chance.gauss(0, 1), key=f"pair-{n:09}", prompt=f"q{n}")


def peak(folder: Path, count: int) -> int:
    path = write(folder / "pairs.jsonl", list(drawn(count)))
    tracemalloc.start()
    try:
        report = evaluate_pairs(path, told)
        as_text(report)
        write_long_json(folder / "found.json", report.numbers(), "scores", report.scores())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_grows_by_a_few_numbers_a_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "BATCH", 8)  # whose texts, held while it is scored, would be the peak of so few
    peak(tmp_path, 100)  # what is imported and cached at the first call
    grown = (peak(tmp_path, MANY) - peak(tmp_path, FEW)) / (MANY - FEW)
    assert grown < MOST, f"{grown:.0f} bytes a pair"

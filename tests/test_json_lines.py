"""No reader of JSON lines holds more than one line that is too long to be one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from megatron_qm import json_lines
from megatron_qm.align.annotation.candidates import read_candidates
from megatron_qm.align.annotation.scored import read_margins
from megatron_qm.align.annotation.verdict_log import read_log
from megatron_qm.align.grading.candidates import read_candidates as read_graded
from megatron_qm.align.preferences.samples import _parsed
from megatron_qm.align.rollouts.prompts import read_requests
from megatron_qm.align.rollouts.rollout import read_rollouts
from megatron_qm.align.sft.formats import parse
from megatron_qm.align.sft.reading import read_lines
from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.reading import read_rows
from megatron_qm.evals.probes import read_probes
from megatron_qm.model.generation.request import Sampling
from megatron_qm.rewards.audit.items import read as read_audited
from megatron_qm.rewards.items import read_items

READERS: dict[str, Callable[[Path], object]] = {
    "sft": lambda path: list(read_lines(path, frozenset(), parse)),
    "comparisons": lambda path: list(read_lines(path, frozenset(), _parsed)),
    "generate": lambda path: read_requests(path, None, Sampling()),
    "rollouts": lambda path: list(read_rollouts(path)),
    "pairs": lambda path: list(read_rows(path)),
    "probes": read_probes, "items": read_items, "audit": read_audited, "candidates": read_candidates, "margins": read_margins,
    "grade": read_graded, "verdicts": read_log,
}


@pytest.mark.parametrize("reader", READERS)
def test_a_line_without_end_is_refused_with_file_and_line(
    reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "LONGEST_LINE", 1000)
    path = tmp_path / "lines.jsonl"
    path.write_bytes(b"\n" * (reader not in ("rollouts", "verdicts")) + b" " * 999 + b"{}\n")
    with pytest.raises(UserError, match=r"lines.jsonl:\d: the line has more than 1,000 bytes"):
        READERS[reader](path)


@pytest.mark.parametrize("reader", READERS)
def test_a_device_that_never_ends_is_no_file_of_lines(reader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "LONGEST_LINE", 1 << 16)
    with pytest.raises(UserError, match=r"^/dev/zero:1: the line has more than 65,536 bytes"):
        READERS[reader](Path("/dev/zero"))


def test_a_line_may_be_as_long_as_it_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "LONGEST_LINE", 9)
    (tmp_path / "lines.jsonl").write_bytes(b'{"a": 1}\n\n{"a": 22}')
    assert list(json_lines.json_rows(tmp_path / "lines.jsonl")) == [(1, {"a": 1}), (3, {"a": 22})]

"""Every reader of messages refuses a role that is none, with file and line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from megatron_qm.align.annotation.candidates import read_candidates
from megatron_qm.align.grading.candidates import read_candidates as read_graded
from megatron_qm.align.preferences.samples import _parsed
from megatron_qm.align.rollouts.prompts import read_requests
from megatron_qm.align.sft.formats import parse
from megatron_qm.align.sft.reading import Rejected, read_lines
from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.reading import read_rows
from megatron_qm.model.generation.request import Sampling
from megatron_qm.rewards.items import read_items

PAIR = {"key": "k", "chosen": "one", "rejected": "other"}


def lines(path: Path, read: Callable) -> None:
    """Of those that count what they cannot use."""
    for found in read_lines(path, frozenset(), read):
        if isinstance(found, Rejected):
            raise UserError(f"{found.path}:{found.line}: {found}")


READERS: dict[str, tuple[dict[str, object], Callable[[Path], object]]] = {
    "items": ({"task": "exam", "reference": "A"}, read_items),
    "prompts": ({}, lambda path: read_requests(path, lambda _: [1], Sampling())),
    "pairs": (PAIR, lambda path: list(read_rows(path))),
    "candidates": (PAIR, read_candidates),
    "grade": (PAIR, read_graded),
    "conversations": ({}, lambda path: lines(path, parse)),
    "comparisons": ({key: text for key, text in PAIR.items() if key != "key"}, lambda path: lines(path, _parsed)),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("role", ["docter", "USER", "", "user ", "function", 1, None, ["user"]])
def test_a_role_that_is_none_is_refused_with_its_line(reader: str, role: object, tmp_path: Path) -> None:
    rest, read = READERS[reader]
    path = tmp_path / "lines.jsonl"
    talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    end = [{"role": "assistant", "content": "d"}] if reader == "conversations" else []
    path.write_text(json.dumps({**rest, "messages": [*talk, *end]}))
    read(path)
    path.write_text("\n" + json.dumps({**rest, "messages": [{"role": role, "content": "x"}, *talk, *end]}))
    with pytest.raises(UserError, match=r"lines\.jsonl(:|, line )2: "):
        read(path)

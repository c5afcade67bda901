"""Every reader of JSON lines, every field, every kind of value: what is not of the field's kind is refused with file and line."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data_tools.consistency.samples import read_samples
from data_tools.corpus.contamination.items import read_items as read_decontaminated
from data_tools.corpus.coverage.points import read_points
from megatron_qm.align.annotation.candidates import read_candidates
from megatron_qm.align.annotation.scored import read_margins
from megatron_qm.align.annotation.verdict_log import read_standing
from megatron_qm.align.grading.candidates import read_candidates as read_graded
from megatron_qm.align.preferences.samples import _parsed
from megatron_qm.align.rollouts.prompts import read_requests
from megatron_qm.align.rollouts.rollout import read_rollouts
from megatron_qm.align.sft.formats import parse
from megatron_qm.align.sft.reading import Rejected, read_lines
from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.reading import read_rows
from megatron_qm.evals.probes import read_probes
from megatron_qm.model.generation.request import Sampling
from megatron_qm.rewards.audit.items import read as read_audited
from megatron_qm.rewards.items import read_items

VALUES: dict[str, object] = {
    "text": "text", "blank": "", "space": " ", "whole": 3, "fraction": 2.5, "true": True, "null": None, "list": [1, None],
    "texts": ["a", "b"], "object": {"a": 1},
}
NAME = {"text", "blank", "space"}  # what is told apart by: blank, it says nothing
KEY = {"text", "whole"}
TALK = [{"role": "user", "content": "a"}]
PAIR = {"prompt": "?", "chosen": "one", "rejected": "other"}
SAID = {"text", "space", "blank"}


def counted(path: Path, read: Callable) -> None:
    """Of those that count what they cannot use."""
    for found in read_lines(path, frozenset({"key"}), read):
        if isinstance(found, Rejected):
            raise UserError(f"{found.path}:{found.line}: {found.reason}")


def points(path: Path) -> None:
    _, bad = read_points(path)
    if bad:
        raise UserError(f"{bad[0].file}:{bad[0].line}: {bad[0].reason}")


# reader: (how it reads, a line that it takes, {field: kinds that it may take}); a key is refused where it is not of its kind.
READERS: dict[str, tuple[Callable[[Path], object], dict[str, object], dict[str, set[str]]]] = {
    "items": (read_items, {"key": "k", "task": "exam", "prompt": "?", "reference": "A"},
              {"key": KEY, "id": KEY, "task": {"text"}, "prompt": {"text"}, "messages": set(), "metadata": {"object"},
               "label": NAME, "strata": set(), "strata.level": NAME, "metadata.format": {"null"}}),
    "prompts": (lambda path: read_requests(path, lambda _: [1], Sampling()), {"key": "k", "prompt": "?"},
                {"key": KEY, "id": KEY, "prompt": {"text", "space"}, "messages": set()}),
    "probes": (read_probes, {"prompt": "?", "options": ["a", "b"], "answer": 0},
               {"id": KEY, "prompt": {"text", "space"}, "options": {"texts"}, "answer": set(), "language": NAME,
                "predicate": NAME}),
    "pairs": (lambda path: list(read_rows(path)), {"key": "k", **PAIR},
              {"key": {*KEY, "null"}, "id": {*KEY, "null"}, "prompt": {"text"}, "messages": {"null"},
               "chosen": {"text", "texts"}, "rejected": {"text", "texts"}, "label": {"null"}, "tie": {"null", "true"},
               "margin": {"whole", "fraction", "null"}, "style": {"null"},
               **dict.fromkeys(("stratum", "subset", "domain"), {"text", "null"})}),
    "candidates": (read_candidates, {"key": "k", **PAIR},
                   {"key": KEY, "prompt": {"text"}, "messages": set(), "chosen": {"text"}, "rejected": {"text"},
                    "stratum": {*NAME, "null"}}),
    "grade": (read_graded, {"key": "k", "prompt": "?", "responses": ["a", "b"]},
              {"key": KEY, "prompt": {"text"}, "messages": set(), "responses": {"texts"}}),
    "margins": (read_margins, {"key": "k", "genrm": 1, "bt": 0},
                {"key": KEY, "genrm": {"whole", "fraction", "null"}, "bt": {"whole", "fraction", "null"}}),
    "rollouts": (lambda path: list(read_rollouts(path)),
                 {"key": "k", "prompt": [1], "tokens": [1], "logprobs": [0.0], "behaviour_logprobs": None,
                  "finish_reason": "stop", "seed": 0, "weights_version": 0, "asked": "x"},
                 {"key": {"text", "space"}, "prompt": set(), "tokens": set(), "logprobs": set(), "behaviour_logprobs": {"null"},
                  "finish_reason": set(), "seed": {"whole"}, "weights_version": {"whole"}, "asked": SAID}),
    "audit": (read_audited, {"verifier": "exam", "prompt": "?", "reference": "A", "right": "A", "wrong": "B",
                             "everything": "A/B"},
              {**dict.fromkeys(("prompt", "right", "wrong", "everything"), SAID), "verifier": set(), "metadata": {"object"}}),
    "conversations": (lambda path: counted(path, parse), {"messages": [*TALK, {"role": "assistant", "content": "b"}]},
                      {"messages": set(), "system": {*SAID, "null"}, "tools": {"null", "blank", "space"}}),
    "comparisons": (lambda path: counted(path, _parsed), PAIR,
                    {"prompt": SAID, "chosen": SAID, "rejected": SAID, "margin": {"whole", "fraction", "null"},
                     "tie": {"null", "true"}, "label": {"null"}, "system": {*SAID, "null"}}),
    "consistency": (lambda path: read_samples(path, "kind", []), {"prompt": "?", "response": "a\n\nb"},
                    {"key": KEY, "prompt": {"text"}, "response": {"text"}, "kind": NAME, "answer": NAME, "options": {"texts"}}),
    "points": (points, {"id": "a", "kind": "factual", "language": "en", "terms": ["x"]},
               {"id": SAID, "kind": set(), "language": SAID, "terms": {"texts"}, "question": {"null", "blank", "space"},
                "answer": {"null", "blank", "space"}, "relation": {*SAID, "null"}}),
    "decontaminate": (read_decontaminated, {"question": "?"}, {"question": {"text", "texts", "object", "list"}}),
}
CASES = [(reader, field, kind) for reader, (_, _, fields) in READERS.items() for field, taken in fields.items()
         for kind in VALUES if kind not in taken]


def with_field(good: dict[str, object], field: str, value: object) -> dict[str, object]:
    name, _, inner = field.partition(".")
    other = {"key": "id", "id": "key", "prompt": "messages", "messages": "prompt"}.get(name)
    return {**{key: one for key, one in good.items() if key != other}, name: {inner: value} if inner else value}


@pytest.mark.parametrize(("reader", "field", "kind"), CASES, ids=[" ".join(case) for case in CASES])
def test_a_value_of_another_kind_is_refused_with_file_and_line(reader: str, field: str, kind: str, tmp_path: Path) -> None:
    read, good, _ = READERS[reader]
    path = tmp_path / "lines.jsonl"
    first = {"rollouts": "", "points": json.dumps({**good, "id": "other"}) + "\n"}.get(reader, "\n")
    path.write_text(first + json.dumps(with_field(good, field, VALUES[kind])) + "\n")
    with pytest.raises(UserError, match=r"lines\.jsonl(:|, line )" + str(1 + first.count("\n")) + r"\b") as refused:
        read(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("reader", READERS)
def test_the_line_that_the_others_are_made_of_is_taken(reader: str, tmp_path: Path) -> None:
    read, good, _ = READERS[reader]
    (tmp_path / "lines.jsonl").write_text(json.dumps(good) + "\n")
    read(tmp_path / "lines.jsonl")


BEGIN = {"kind": "begin", "pairs": "x", "count": 1, "seed": 0, "second": 0.1, "time": 0}
VERDICT = {"kind": "verdict", "id": "i", "annotator": "ann", "key": "k", "reading": 1, "shown": ["a", "b"], "verdict": "a",
           "time": 0}
UNDO = {"kind": "undo", "id": "u", "annotator": "ann", "of": "i", "time": 0}
NUMBER = {"whole", "fraction"}
ENTRIES = {
    "begin": ([BEGIN], {"kind": set(), "pairs": SAID, "count": {"whole"}, "seed": {"whole"}, "second": NUMBER, "time": NUMBER}),
    "verdict": ([BEGIN, VERDICT], {"kind": set(), "id": SAID, "annotator": SAID, "key": SAID, "reading": set(),
                                   "shown": {"texts"},
                                   "verdict": set(), "time": NUMBER, "seconds": {*NUMBER, "null"}, "note": SAID}),
    "undo": ([BEGIN, VERDICT, UNDO], {"kind": set(), "id": SAID, "annotator": set(), "of": set(), "time": NUMBER}),
}


def log_cases() -> Iterator[tuple[str, str, str]]:
    for entry, (_, fields) in ENTRIES.items():
        yield from ((entry, field, kind) for field, taken in fields.items() for kind in VALUES if kind not in taken)


@pytest.mark.parametrize(("entry", "field", "kind"), log_cases())
def test_so_it_is_for_a_log_of_verdicts(entry: str, field: str, kind: str, tmp_path: Path) -> None:
    rows, _ = ENTRIES[entry]
    path = tmp_path / "lines.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows[:-1], {**rows[-1], field: VALUES[kind]}]))
    with pytest.raises(UserError, match=rf"lines\.jsonl:{len(rows)}\b"):
        read_standing(path)

"""The ledger against what the reader really read, through kills, resumes and changes of the run."""

import json
import os
from pathlib import Path

import pytest

from megatron_qm.data.ledger import DocumentSpan, LedgerWriter, documents_of_step, render_documents, truncate
from megatron_qm.data.reader import BatchReader, SourceSpec, StepPlan
from megatron_qm.errors import UserError
from tests.data.written import counting_dataset, write_dataset

DOCUMENTS = {"a": [3, 5, 1, 7, 20, 1, 14], "b": [60, 40], "c": [9, 0, 33]}


@pytest.fixture
def prefixes(tmp_path: Path) -> dict[str, str]:
    return {name: counting_dataset(tmp_path / name, lengths) for name, lengths in DOCUMENTS.items()}


def make_reader(prefixes: dict[str, str], weights: dict[str, float], length: int) -> BatchReader:
    return BatchReader([SourceSpec(name, prefixes[name], weight) for name, weight in weights.items()], length, 8, 42)


def run_steps(reader: BatchReader, ledger: LedgerWriter, steps: range, size: int) -> dict[int, list[list[int]]]:
    """{step: tokens of each sequence}, as the model would see them."""
    seen = {}
    for step in steps:
        plan = reader.plan_step(size)
        ledger.append(step, plan)
        seen[step] = reader.read(plan).tokens_bs.tolist()
        reader.advance(plan)
    return seen


def tokens_named(spans: list[DocumentSpan], sequences: int) -> list[list[int]]:
    """The tokens that the rows stand for: token t of a dataset has the id t."""
    rows: list[list[int]] = [[] for _ in range(sequences)]
    for span in spans:
        first = sum(DOCUMENTS[span.source][: span.document]) + span.first_token
        assert span.first_token + span.tokens <= DOCUMENTS[span.source][span.document]
        rows[span.sequence] += range(first, first + span.tokens)
    return rows


def test_every_step_of_a_changing_run_is_accounted_for(prefixes: dict[str, str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = make_reader(prefixes, {"a": 1, "b": 2.5}, 12)
    ledger = LedgerWriter(run, first, next_step=1)
    seen = run_steps(first, ledger, range(1, 8), 5)
    state = None
    for step in range(8, 11):  # steps that a kill undoes: the checkpoint is of step 7
        state = state or json.loads(json.dumps(first.state()))
        run_steps(first, ledger, range(step, step + 1), 5)
    ledger.close()

    second = make_reader(prefixes, {"b": 1, "a": [[0, 3.0], [900, 1.0]]}, 9)
    second.restore(state)
    ledger = LedgerWriter(run, second, next_step=8)
    seen |= run_steps(second, ledger, range(8, 12), 4)
    ledger.sync()

    # The schedule's clock counts the tokens of the source that has left, too.
    third = make_reader(prefixes, {"a": 1, "c": [[0, 0], [500, 0], [600, 4]]}, 20)
    third.restore(second.state(), allow_removed=["b"])
    ledger = LedgerWriter(run, third, next_step=12)
    seen |= run_steps(third, ledger, range(12, 14), 4)
    assert third.positions[1] > 0

    for step, sequences in seen.items():
        assert tokens_named(documents_of_step(run, step), len(sequences)) == sequences
    lines = (run / "ledger.jsonl").read_text().splitlines()
    assert [json.loads(line).get("step") for line in lines] == [
        None, 1, 2, 3, 4, 5, 6, 7, None, 8, 9, 10, 11, None, 12, 13
    ]
    with pytest.raises(UserError, match="no line for step 14; it records steps 1 to 13"):
        documents_of_step(run, 14)


def test_lines_do_not_grow_with_the_batch(prefixes: dict[str, str], tmp_path: Path) -> None:
    reader = make_reader(prefixes, {"a": 1, "b": 1}, 8)
    ledger = LedgerWriter(tmp_path, reader, next_step=1)
    ledger.append(1, reader.plan_step(1024))
    assert max(map(len, (tmp_path / "ledger.jsonl").read_text().splitlines()[1:])) < 100


def test_epochs_and_multi_sequence_documents_are_named(tmp_path: Path) -> None:
    prefix = write_dataset(tmp_path / "d", [[[0, 1], [2]], [[]], [[3, 4], [], [5]]])
    reader = BatchReader([SourceSpec("d", prefix)], 7, 100, 1)
    ledger = LedgerWriter(tmp_path, reader, next_step=1)
    run_steps(reader, ledger, range(1, 2), 1)
    assert documents_of_step(tmp_path, 1) == [
        DocumentSpan(0, "d", 0, 0, 0, 3),
        DocumentSpan(0, "d", 0, 2, 0, 3),
        DocumentSpan(0, "d", 1, 0, 0, 1),
    ]


@pytest.mark.parametrize("torn", [b'{"step":4,"len', b"\0" * 40, b'{"reader":{"see', b"\n"])
def test_a_line_torn_by_a_kill_is_cut_off(prefixes: dict[str, str], tmp_path: Path, torn: bytes) -> None:
    reader = make_reader(prefixes, {"a": 1}, 8)
    ledger = LedgerWriter(tmp_path, reader, next_step=1)
    seen = run_steps(reader, ledger, range(1, 4), 2)
    ledger.close()
    with open(tmp_path / "ledger.jsonl", "ab") as stream:
        stream.write(torn)
    assert tokens_named(documents_of_step(tmp_path, 3), 2) == seen[3]
    ledger = LedgerWriter(tmp_path, reader, next_step=4)
    seen |= run_steps(reader, ledger, range(4, 6), 2)
    for step in seen:
        assert tokens_named(documents_of_step(tmp_path, step), 2) == seen[step]


def test_truncation_stops_before_the_step_and_is_idempotent(prefixes: dict[str, str], tmp_path: Path) -> None:
    truncate(tmp_path, 3)  # no ledger yet
    reader = make_reader(prefixes, {"a": 1}, 8)
    run_steps(reader, LedgerWriter(tmp_path, reader, next_step=1), range(1, 6), 2)
    for _ in range(2):
        truncate(tmp_path, 3)
        lines = (tmp_path / "ledger.jsonl").read_text().splitlines()
        assert [json.loads(line).get("step") for line in lines] == [None, 1, 2]
    truncate(tmp_path, 1)
    assert (tmp_path / "ledger.jsonl").read_bytes() == b""


def test_a_changed_dataset_is_named(prefixes: dict[str, str], tmp_path: Path) -> None:
    reader = make_reader(prefixes, {"a": 1}, 8)
    run_steps(reader, LedgerWriter(tmp_path, reader, next_step=1), range(1, 2), 2)
    counting_dataset(tmp_path / "a", [51])
    with pytest.raises(UserError, match="source 'a'.*has changed"):
        documents_of_step(tmp_path, 1)


def test_no_ledger_and_damaged_lines_are_explained(prefixes: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing"):
        documents_of_step(tmp_path / "nothing", 1)
    reader = make_reader(prefixes, {"a": 1}, 8)
    run_steps(reader, LedgerWriter(tmp_path, reader, next_step=1), range(1, 2), 2)
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(path.read_bytes()[:-9] + b"\n")
    with pytest.raises(UserError, match="ledger.jsonl, line 2: damaged"):
        documents_of_step(tmp_path, 1)


def test_a_draw_that_does_not_match_the_record_is_refused(prefixes: dict[str, str], tmp_path: Path) -> None:
    reader = make_reader(prefixes, {"a": 1, "b": 1}, 8)
    plan = reader.plan_step(4)
    other = StepPlan(8, plan.source_b, plan.start_b, plan.before, (32, 0))
    LedgerWriter(tmp_path, reader, next_step=1).append(1, other)
    with pytest.raises(UserError, match="another rule"):
        documents_of_step(tmp_path, 1)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full to play a full disk")
def test_a_full_disk_is_an_error_with_a_name(prefixes: dict[str, str], tmp_path: Path) -> None:
    reader = make_reader(prefixes, {"a": 1}, 8)
    ledger = LedgerWriter(tmp_path, reader, next_step=1)
    os.dup2(os.open("/dev/full", os.O_WRONLY), ledger._stream.fileno())
    with pytest.raises(UserError, match=r"ledger\.jsonl.*No space"):
        ledger.append(1, reader.plan_step(1))


def test_rendering_counts_what_it_lists(prefixes: dict[str, str], tmp_path: Path) -> None:
    reader = make_reader(prefixes, {"a": 1, "b": 1}, 20)
    run_steps(reader, LedgerWriter(tmp_path, reader, next_step=1), range(1, 2), 4)
    spans = documents_of_step(tmp_path, 1)
    text = render_documents(1, spans)
    documents = {(span.source, span.document) for span in spans}
    assert text.splitlines()[0] == f"step 1: 4 sequences, 80 tokens from {len(documents)} documents"
    assert len(text.splitlines()) == 2 + len(spans)

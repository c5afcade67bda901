"""Metrics read back: the same numbers, in the order of steps, from files in any state."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from megatron_qm.errors import UserError
from megatron_qm.observe import history as module
from megatron_qm.observe.history import KINDS, read_history
from megatron_qm.observe.metrics import MetricsWriter
from megatron_qm.observe.records import EventRecord, ValidationRecord
from tests.observe.test_metrics import train_record


def write_lines(run: Path, *records: dict | bytes) -> Path:
    run.mkdir(exist_ok=True)
    lines = [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]
    (run / "metrics.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    return run


def test_what_was_written_is_read(tmp_path: Path) -> None:
    losses = [2.5, math.nan, math.inf]
    with MetricsWriter(tmp_path) as writer:
        for step, loss in enumerate(losses, 1):
            sources = {"a": loss, "b": 1.0} if step != 2 else {"b": 1.0}
            writer.write(train_record(step, loss=loss, loss_by_source=sources))
        writer.write(ValidationRecord(3, 300, 2.0))
        writer.write(EventRecord(2, "resume", "x"))
    history = read_history(tmp_path)
    loss = history.table("train").series("loss")
    assert loss.steps_n.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(loss.values_n, losses)
    assert history.table("train").group("loss_by_source")["a"].steps_n.tolist() == [1, 3]
    assert len(history.table("train").series("mfu")) == 0  # null: not measured
    assert history.table("validation").series("loss").last == 2.0
    assert history.resumes == [2] and history.unreadable == []


def test_records_are_kept_by_their_kind_as_numbers_whole_or_both(tmp_path: Path) -> None:
    records = [{"kind": kind, "step": step, "value": step / 2, "note": "x"} for kind in KINDS for step in (3, 7)]
    write_lines(tmp_path, *records)
    history = read_history(tmp_path)
    for kind, kept in KINDS.items():
        if kept != "list":
            assert history.table(kind).series("value").values_n.tolist() == [1.5, 3.5]
        if kept != "table":
            assert history.records(kind) == [record for record in records if record["kind"] == kind]
    assert history.first_and_last() == (3, 7) and history.last_step() == 7
    assert history.measured == 2 * len(set(KINDS) - {"event", "straggler", "alarm"})


def test_a_new_kind_is_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lines(tmp_path, {"kind": "preference", "step": 4, "margin": 0.5})
    with pytest.raises(UserError, match="no step is recorded yet"):
        read_history(tmp_path)
    monkeypatch.setattr(module, "KINDS", KINDS | {"preference": "table"})
    history = read_history(tmp_path)
    assert history.table("preference").series("margin").last == 0.5 and history.last_step() == 4


def test_steps_that_were_written_twice_count_once_the_last_time(tmp_path: Path) -> None:
    steps = [1, 2, 3, 2, 3, 4]
    write_lines(tmp_path, *({"kind": "train", "step": s, "loss": i} for i, s in enumerate(steps)))
    series = read_history(tmp_path).table("train").series("loss")
    assert series.steps_n.tolist() == [1, 2, 3, 4] and series.values_n.tolist() == [0, 3, 4, 5]


def test_lines_that_are_no_records_are_named_and_left_out(tmp_path: Path) -> None:
    good = {"kind": "train", "step": 1, "loss": 1.0}
    bad = [b"{", b"\xff\xfe", b"[1]", b"null", {"kind": "other", "step": 1}, {"kind": ["train"], "step": 1}, {"kind": "train"},
           {"kind": "train", "step": "1"}, {"kind": "train", "step": -1}, {"kind": "train", "step": True},
           {"kind": "train", "step": 10**30}, b"[" * 100_000]
    write_lines(tmp_path, *bad, b"", good, b'{"kind": "train", "step": 2, "loss": NaN, "lr": 1' + b"0" * 400 + b"}")
    history = read_history(tmp_path)
    assert history.unreadable == list(range(1, len(bad) + 1))
    assert history.table("train").series("loss").steps_n.tolist() == [1, 2]  # a bare NaN of another writer is understood


def test_a_line_that_is_being_written_is_passed_over(tmp_path: Path) -> None:
    write_lines(tmp_path, {"kind": "train", "step": 1, "loss": 1.0})
    with open(tmp_path / "metrics.jsonl", "ab") as file:
        file.write(b'{"kind":"train","step":2,"lo')
    history = read_history(tmp_path)
    assert history.table("train").series("loss").steps_n.tolist() == [1] and history.unreadable == []


def test_run_time_leaves_out_the_time_that_the_run_was_down(tmp_path: Path) -> None:
    def record(kind: str, step: int, time: float, name: str = "") -> dict:
        return {"kind": kind, "step": step, "time": time, "name": name}

    write_lines(
        tmp_path, record("event", 0, 100, "start"), record("train", 1, 110), record("event", 1, 115, "checkpoint"),
        record("event", 1, 9000, "resume"), record("train", 2, 9020), record("train", 3, 9010),
        record("event", 3, 20_000, "already finished"),
    )
    history = read_history(tmp_path)
    assert history.elapsed_seconds == 10 + 5 + 20
    assert (history.began, history.ended) == (100, 9010)


def test_what_cannot_be_reported_is_a_user_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: no such run folder"):
        read_history(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"metrics\.jsonl: not there"):
        read_history(tmp_path)
    for content in (b"", b"\n", b'{"kind":"event","step":0,"name":"start"}\n', b"garbage\n"):
        (tmp_path / "metrics.jsonl").write_bytes(content)
        with pytest.raises(UserError, match=r"metrics\.jsonl: no step is recorded yet"):
            read_history(tmp_path)
    (tmp_path / "metrics.jsonl").unlink()
    (tmp_path / "metrics.jsonl").mkdir()
    with pytest.raises(UserError, match=r"metrics\.jsonl: cannot read"):
        read_history(tmp_path)

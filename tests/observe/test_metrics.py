"""The metrics file: valid JSON whatever is measured, whole lines whatever happens to the writer."""

import json
import math
import os
import signal
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from megatron_qm.errors import UserError
from megatron_qm.observe.metrics import MetricsWriter
from megatron_qm.observe.records import EventRecord, ProbeRecord, TrainRecord, ValidationRecord, from_json_number


def train_record(step: int, **changes) -> TrainRecord:
    values = dict(step=step, tokens=100 * step, loss=2.5, grad_norm=1.0, lr=1e-3, tokens_per_second=10.0,
                  tflops_per_device=0.1, mfu=None, step_seconds=0.5, memory_gib=1.0,
                  loss_by_source={"web": 2.5}, tokens_by_source={"web": 100 * step})
    return TrainRecord(**(values | changes))


def strict_lines(path: Path) -> list[dict]:
    """The file's objects; bare NaN and Infinity, which are no JSON, are refused."""
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    text = path.read_bytes().decode("utf-8")
    assert text == "" or text.endswith("\n")
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def write(run: Path, *steps: int) -> None:
    with MetricsWriter(run) as writer:
        for step in steps:
            writer.write(train_record(step))


def steps_in(run: Path) -> list[int]:
    return [record["step"] for record in strict_lines(run / "metrics.jsonl")]


def test_every_kind_of_record_has_its_fields(tmp_path: Path) -> None:
    with MetricsWriter(tmp_path / "run") as writer:
        writer.write(train_record(1, phase_seconds={"optimizer": np.float32(0.25)}, tokens=np.int64(7)))
        writer.write(ValidationRecord(1, 100, 2.0, {"医学": 2.25}))
        writer.write(ProbeRecord(1, "icd", 0.5, 0.25, 0.75, 40))
        writer.write(EventRecord(1, "checkpoint", "step 1"))
    train, validation, probe, event = strict_lines(tmp_path / "run/metrics.jsonl")
    assert {record.pop("time") > 1.6e9 for record in (train, validation, probe, event)} == {True}
    assert train == {
        "kind": "train", "step": 1, "tokens": 7, "loss": 2.5, "grad_norm": 1.0, "lr": 1e-3, "tokens_per_second": 10.0,
        "tflops_per_device": 0.1, "mfu": None, "step_seconds": 0.5, "memory_gib": 1.0, "loss_by_source": {"web": 2.5},
        "tokens_by_source": {"web": 100}, "phase_seconds": {"optimizer": 0.25},
    }
    assert validation == {"kind": "validation", "step": 1, "tokens": 100, "loss": 2.0, "loss_by_source": {"医学": 2.25}}
    assert probe == {"kind": "probe", "step": 1, "name": "icd", "accuracy": 0.5, "low": 0.25, "high": 0.75, "n": 40}
    assert event == {"kind": "event", "step": 1, "name": "checkpoint", "detail": "step 1"}


def test_not_finite_numbers_are_json_and_come_back(tmp_path: Path) -> None:
    values = {"a": math.nan, "b": math.inf, "c": -math.inf, "d": 1.5}
    with MetricsWriter(tmp_path) as writer:
        writer.write(train_record(1, loss=math.nan, loss_by_source=values))
    (record,) = strict_lines(tmp_path / "metrics.jsonl")
    back = {key: from_json_number(value) for key, value in record["loss_by_source"].items()}
    assert math.isnan(back.pop("a")) and math.isnan(from_json_number(record["loss"]))
    assert back == {"b": math.inf, "c": -math.inf, "d": 1.5}


@pytest.mark.parametrize("value", [None, True, "fast", [1.0], {}, 10**400])
def test_what_is_no_number_is_not_taken_for_one(value: object) -> None:
    assert from_json_number(value) is None


def test_names_that_are_no_text_do_not_break_the_file(tmp_path: Path) -> None:
    with MetricsWriter(tmp_path) as writer:
        writer.write(EventRecord(0, "start", "folder \udcff and\nnew line"))
    assert strict_lines(tmp_path / "metrics.jsonl")[0]["detail"] == "folder ? and\nnew line"


@pytest.mark.parametrize("tail", [b'{"kind":"train","st', b"\0" * 5000, b"{", b'"text"', b"x" * 200_000])
def test_a_torn_last_line_is_cut_off(tmp_path: Path, tail: bytes) -> None:
    write(tmp_path, 1, 2)
    with open(tmp_path / "metrics.jsonl", "ab") as file:
        file.write(tail)
    write(tmp_path, 3)
    assert steps_in(tmp_path) == [1, 2, 3]


def test_a_whole_last_line_without_its_newline_stays(tmp_path: Path) -> None:
    write(tmp_path, 1, 2)
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(path.read_bytes()[:-1])
    write(tmp_path, 3)
    assert steps_in(tmp_path) == [1, 2, 3]


def test_every_cut_of_the_file_leaves_whole_records(tmp_path: Path) -> None:
    write(tmp_path / "whole", 1, 2)
    whole = (tmp_path / "whole/metrics.jsonl").read_bytes()
    first = whole.index(b"\n")
    (tmp_path / "cut").mkdir()
    for size in range(len(whole) + 1):
        (tmp_path / "cut/metrics.jsonl").write_bytes(whole[:size])
        write(tmp_path / "cut", 9)
        kept = [1] * (size >= first) + [2] * (size >= len(whole) - 1)
        assert steps_in(tmp_path / "cut") == [*kept, 9], size


def test_killed_writer_leaves_all_it_had_written(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from megatron_qm.observe.metrics import MetricsWriter
from tests.observe.test_metrics import train_record
writer = MetricsWriter(Path(sys.argv[1]))
for step in range(1, 10**6):
    writer.write(train_record(step))
    print(step, flush=True)
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        for _ in range(50):
            told = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        told = int(([told, *process.stdout.read().split("\n")[:-1]])[-1])
    write(tmp_path, 10**6)  # opening mends
    found = steps_in(tmp_path)
    assert found[:-1] == list(range(1, len(found)))
    assert len(found) - 1 >= told >= 50


def test_truncate_drops_what_came_after_a_step_and_writing_goes_on(tmp_path: Path) -> None:
    with MetricsWriter(tmp_path) as writer:
        for step in (1, 2, 3):
            writer.write(train_record(step))
            writer.write(EventRecord(step, "checkpoint"))
        assert writer.truncate_after(2) == 2
        assert writer.truncate_after(2) == 0
        writer.write(train_record(3, loss=9.0))
    records = strict_lines(tmp_path / "metrics.jsonl")
    assert [(record["kind"], record["step"]) for record in records] == [
        ("train", 1), ("event", 1), ("train", 2), ("event", 2), ("train", 3)
    ]
    assert records[-1]["loss"] == 9.0
    assert os.listdir(tmp_path) == ["metrics.jsonl"]


def test_truncate_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 1, 2, 3)
    before = (tmp_path / "metrics.jsonl").read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with MetricsWriter(tmp_path) as writer:
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(UserError, match=r"metrics\.jsonl.*No space left"):
            writer.truncate_after(1)
        monkeypatch.undo()
        assert (tmp_path / "metrics.jsonl").read_bytes() == before
        writer.write(train_record(4))
    assert steps_in(tmp_path) == [1, 2, 3, 4]


def test_a_full_disk_is_a_clear_error_and_loses_nothing(tmp_path: Path) -> None:
    program = """
import resource, sys
from pathlib import Path
from megatron_qm.errors import UserError
from megatron_qm.observe.metrics import MetricsWriter
from tests.observe.test_metrics import train_record
writer = MetricsWriter(Path(sys.argv[1]))
writer.write(train_record(1))
size = (Path(sys.argv[1]) / "metrics.jsonl").stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
try:
    writer.write(train_record(2))
except UserError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.write(train_record(3))
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True)
    assert "metrics.jsonl: cannot write metrics: File too large" in done.stdout
    assert steps_in(tmp_path) == [1, 3]


def test_a_folder_that_cannot_be_written_is_a_user_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file"):
        MetricsWriter(tmp_path / "file")


@pytest.mark.parametrize(("module", "options", "named"), [
    ("torch.utils.tensorboard", {"tensorboard": True}, "observe.tensorboard"),
    ("wandb", {"wandb_project": "medical"}, "observe.wandb_project = medical"),
])
def test_a_sink_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, options: dict, named: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # import raises ImportError
    with pytest.raises(UserError, match=named):
        MetricsWriter(tmp_path, **options)


def test_tensorboard_shows_what_the_lines_say(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is an optional sink")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with MetricsWriter(tmp_path, tensorboard=True) as writer:
        for step in (1, 2, 3):
            writer.write(train_record(step, loss=float(step)))
        writer.write(ProbeRecord(3, "icd", 0.5, 0.25, 0.75, 40))
    with MetricsWriter(tmp_path, tensorboard=True) as writer:  # resumed after step 2
        writer.truncate_after(2)
        writer.write(train_record(3, loss=30.0))
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in events.Scalars("train/loss")] == [(1, 1.0), (2, 2.0), (3, 30.0)]
    assert [event.value for event in events.Scalars("train/loss_by_source/web")] == [2.5] * 3


class FakeRun:
    def __init__(self, id: str | None) -> None:
        self.id, self.logged, self.finished = id or "new", [], False

    def define_metric(self, *_: object, **__: object) -> None: ...

    def log(self, values: dict) -> None:
        self.logged.append(values)

    def finish(self) -> None:
        self.finished = True


def test_wandb_goes_on_in_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[tuple[dict, FakeRun]] = []

    def init(**options: object) -> FakeRun:
        runs.append((options, FakeRun(options["id"])))
        return runs[-1][1]

    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=init, Error=RuntimeError))
    for step in (1, 2):
        with MetricsWriter(tmp_path, wandb_project="medical") as writer:
            writer.write(train_record(step))
            writer.write(EventRecord(step, "checkpoint"))
    assert [(options["project"], options["id"], options["resume"]) for options, _ in runs] == [
        ("medical", None, "allow"), ("medical", "new", "allow")
    ]
    (values,) = runs[1][1].logged
    assert values["step"] == 2 and values["train/loss"] == 2.5 and values["train/loss_by_source/web"] == 2.5
    assert all(run.finished for _, run in runs)


def test_wandb_that_refuses_is_a_user_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**_: object) -> None:
        raise RuntimeError("no API key")

    monkeypatch.setitem(sys.modules, "wandb", types.SimpleNamespace(init=init, Error=RuntimeError))
    with pytest.raises(UserError, match="no API key.*WANDB_MODE=offline"):
        MetricsWriter(tmp_path, wandb_project="medical")

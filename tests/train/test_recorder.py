"""Step times and speeds of records, on a clock of our own."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from megatron_qm.config.run import load_run
from megatron_qm.platform.runtime import Ranks, choose_platform
from megatron_qm.train import recorder as module
from megatron_qm.train.recorder import Recorder
from megatron_qm.train.step import Losses, StepResult


@pytest.mark.parametrize("log_every", [1, 3])
def test_pauses_are_no_part_of_a_steps_time(log_every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of 2 s and 100 tokens, each followed by 5 s of something else."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: clock.now, time=lambda: clock.now))
    options = ["train.steps=6", "schedule.warmup_steps=0", "parallel.tp=1", "parallel.sp=false", "parallel.devices=1"]
    config = load_run("tiny-cpu", [f"output={tmp_path}", f"train.log_every={log_every}", *options])
    feed = SimpleNamespace(tokens=40, names=["a"], progress=dict)
    with Recorder(config, choose_platform("cpu"), Ranks(0, 1, 0)) as recorder:
        recorder.begin(0, feed.tokens, None)
        for step in range(1, 7):
            clock.now += 2.0
            feed.tokens += 100
            recorder.step(step, StepResult(Losses([1.0], [0.0], [1.0]), 1.0), 1e-3, feed)
            clock.now += 5.0
            recorder.pause()
    lines = map(json.loads, (tmp_path / "metrics.jsonl").read_text().splitlines())
    steps = [line for line in lines if line["kind"] == "train"]
    assert [line["step"] for line in steps] == list(range(log_every, 7, log_every))
    assert all(line["step_seconds"] == 2.0 and line["tokens_per_second"] == 50.0 for line in steps)

"""What a recorder writes: step times and speeds on a clock of our own, scores, and how a run began."""

import json
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from megatron_qm.config.run import load_run
from megatron_qm.costs.flops import Work, training_flops
from megatron_qm.data.reader import SourceProgress
from megatron_qm.evals.exams import ExamScore
from megatron_qm.evals.probes import ProbeScore
from megatron_qm.platform.runtime import Ranks, choose_platform
from megatron_qm.train import recorder as module
from megatron_qm.train.recorder import Recorder
from megatron_qm.train.step import Losses, StepResult


def recorder_of_six_steps(output: Path, *overrides: str) -> Recorder:
    options = ["train.steps=6", "schedule.warmup_steps=0", "parallel.tp=1", "parallel.sp=false", "parallel.devices=1"]
    config = load_run("tiny-cpu", [f"output={output}", *options, *overrides])
    return Recorder(config, choose_platform("cpu"), Ranks(0, 1, 0))


def lines_of(run: Path, kind: str) -> list[dict]:
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == kind]


@pytest.mark.parametrize("log_every", [1, 3])
def test_pauses_are_no_part_of_a_steps_time(log_every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of 2 s and 100 tokens, each followed by 5 s of something else; one in three makes no update, and is no less work."""
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: clock.now, time=lambda: clock.now))
    feed = SimpleNamespace(tokens=40, names=["a"], progress=lambda: {"a": SourceProgress(feed.tokens, feed.tokens / 100)})
    with recorder_of_six_steps(tmp_path, f"train.log_every={log_every}") as recorder:
        recorder.begin(0, None)
        for step in range(1, 7):
            clock.now += 2.0
            feed.tokens += 100
            losses = Losses([1.0], [0.0], [1.0], read_k=[100.0], pairs_k=[2_600.0])
            recorder.step(step, StepResult(losses, 1.0, "a spike" if step % 3 == 0 else None), 1e-3, feed)
            clock.now += 5.0
            recorder.pause()
    steps = lines_of(tmp_path, "train")
    assert [line["step"] for line in steps] == list(range(log_every, 7, log_every))
    assert all(line["step_seconds"] == 2.0 and line["tokens_per_second"] == 50.0 for line in steps)
    flops = training_flops(recorder_of_six_steps(tmp_path)._config.model, Work(100, 2_600))
    assert all(line["tflops_per_device"] == pytest.approx(flops / 2.0 / 1e12) for line in steps)
    assert steps[-1]["tokens_by_source"] == {"a": 640} and steps[-1]["epochs_by_source"] == {"a": 6.4}


@pytest.mark.parametrize(("step", "name"), [(0, "start"), (5, "resume"), (6, "already finished"), (7, "already finished")])
def test_a_run_says_how_it_begins_and_a_finished_one_that_nothing_is_left(
    step: int, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "megatron_qm"), recorder_of_six_steps(tmp_path) as recorder:
        recorder.begin(step, "a checkpoint")
    (event,) = lines_of(tmp_path, "event")
    assert (event["step"], event["name"]) == (step, name)
    if name != "already finished":
        assert event["detail"] == "a checkpoint" and not caplog.messages
        return
    assert event["detail"] == f"step {step} of 6 was done before: nothing was left to do"
    (said,) = caplog.messages
    assert said.startswith(f"this run is finished: step {step} of 6; to go on, raise train.steps") and "another output" in said


def test_a_score_is_kept_with_its_chance_where_that_is_known(tmp_path: Path) -> None:
    with recorder_of_six_steps(tmp_path) as recorder:
        recorder.begin(0, None)
        recorder.scores(3, [ProbeScore("codes", 3, 4, 0.25), ExamScore("exam", 4, 2, 0.5, False, (0.1, 0.9))])
    codes, exam = lines_of(tmp_path, "probe")
    assert (codes["name"], codes["accuracy"], codes["n"], codes["chance"]) == ("codes", 0.75, 4, 0.25)
    assert exam["name"] == "exam" and "chance" not in exam

"""Responses that nobody can score teach nothing, and do not end a run without a word."""

import json
from pathlib import Path

import numpy as np
import pytest

from megatron_qm.align.rl.experience import judged, reasons
from megatron_qm.align.rl.looking import items_of_step
from megatron_qm.align.rl.objective import token_weights
from megatron_qm.align.rl.updates import taught
from megatron_qm.align.rollouts.rollout import Rollout
from megatron_qm.cli import main
from megatron_qm.config.rl import RlConfig, RlRun
from megatron_qm.config.train import TrainConfig
from megatron_qm.exits import USER_MUST_MEND
from megatron_qm.rewards.items import Item
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from tests import warm
from tests.align.stages import records, run, words, written
from tests.align.test_rl_command import QUICK

DOWN, UNRELIABLE = "tests.align.stages:down_at_first", "tests.align.stages:unreliable"


def items(folder: Path, task: str, references: list[str], **metadata: object) -> list[str]:
    path = written(folder / "items.jsonl", [
        {"key": f"item {n}", "task": task, "prompt": f"Code of illness a{n}?", "reference": reference, "metadata": metadata}
        for n, reference in enumerate(references)
    ])
    return [f"rl.items={path}", f"rl.verifiers=[{task}]", "rl.curriculum.resample=false"]


def test_a_judge_that_is_down_ends_the_run_with_the_reasons_on_every_rank(tiny: Path, policy: Path, tmp_path: Path) -> None:
    overrides = [f"train.start_from={policy}", *items(tmp_path, UNRELIABLE, ["down", "down", "crash", "down"]), *QUICK,
                 "rl.max_unscored_in_a_row=2", "train.global_batch_size=4"]
    done = warm.megatron_qm(*words("rl", tiny / "rl.yaml", tmp_path / "run", *overrides, ranks=2))
    assert done.returncode == USER_MUST_MEND, done.stderr[-3000:]
    assert "Traceback" not in done.stderr and "no response could be scored, 2 batches in a row" in done.stderr
    assert "12 x exception: ValueError: could not convert string to float: 'down', 4 x crash: the process ended" in done.stderr
    said = records(tmp_path / "run", "rl")
    assert [record["unscored"] for record in said] == [1.0, 1.0] and said[0]["reward"] is None
    assert not records(tmp_path / "run", "train") and not list((tmp_path / "run" / "checkpoints").glob("step-*"))
    assert [alarm["metric"] for alarm in records(tmp_path / "run", "alarm") if alarm["metric"] == "unscored"] == ["unscored"]


def test_batches_that_a_judge_has_missed_are_left_out_and_told_of(tiny: Path, policy: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    overrides = [f"train.start_from={policy}", *items(tmp_path, DOWN, [str(asked)] * 5, answers=16), *QUICK, "train.steps=4",
                 "checkpoint.every=2"]
    run("rl", tiny / "rl.yaml", tmp_path / "run", *overrides)
    said = records(tmp_path / "run", "rl")
    assert [record["unscored"] for record in said] == [1, 1, 0, 0, 0, 0] and asked.stat().st_size == 6 * 8
    assert [record["step"] for record in said] == [1, 1, 1, 2, 3, 4]
    assert [record["batches"] for record in said] == [[number] for number in range(6)]
    assert [record["step"] for record in records(tmp_path / "run", "train")] == [1, 2, 3, 4]
    assert "of batch 2 in" in items_of_step(tmp_path / "run", 1)


def test_a_judge_that_was_mended_is_asked_again(tiny: Path, policy: Path, tmp_path: Path) -> None:
    """What it had not said of the same responses is no verdict to be kept."""
    asked = tmp_path / "asked"
    overrides = [f"train.start_from={policy}", *items(tmp_path, DOWN, [str(asked)] * 5, answers=16), *QUICK, "train.steps=2",
                 "rl.max_unscored_in_a_row=2"]
    done = warm.megatron_qm(*words("rl", tiny / "rl.yaml", tmp_path / "run", *overrides))
    assert done.returncode == USER_MUST_MEND and asked.stat().st_size == 16, done.stderr[-3000:]
    assert sorted(path.name for path in (tmp_path / "run" / "rollouts" / "replaced").iterdir()) == [
        "000000.outcomes.jsonl", "000001.outcomes.jsonl"]
    run("rl", tiny / "rl.yaml", tmp_path / "run", *overrides)
    assert asked.stat().st_size == 32
    assert [(record["step"], record["batches"], record["unscored"]) for record in records(tmp_path / "run", "rl")] == [
        (1, [0], 0.0), (2, [1], 0.0)]


def test_updates_without_a_score_are_left_out(tiny: Path, policy: Path, tmp_path: Path) -> None:
    """Two prompts a batch, one an update; one prompt in four has no score."""
    references = ["down", "0.5", "1.0", "0.7"]
    run("rl", tiny / "rl.yaml", tmp_path / "run", f"train.start_from={policy}", *items(tmp_path, UNRELIABLE, references), *QUICK,
        "train.global_batch_size=4", "train.steps=4")
    said = records(tmp_path / "run", "rl")
    assert {record["unscored"] for record in said} == {0.0, 0.5}
    steps = [record["step"] for record in said]
    assert [step - before for before, step in zip([0, *steps], steps, strict=False)] == [
        2 if record["unscored"] == 0 else 1 for record in said
    ]


def test_references_that_a_verifier_refuses_are_said_before_the_run_begins(
    tiny: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    path = written(tmp_path / "items.jsonl", [
        {"key": key, "task": "exam", "prompt": "A or B?", "reference": reference, "metadata": {"options": {"A": "x", "B": "y"}}}
        for key, reference in (("good", "A"), ("bad", "C"))
    ])
    asked = words("rl", tiny / "rl.yaml", tmp_path / "run", f"train.start_from={policy}", f"rl.items={path}")
    assert main(asked) == USER_MUST_MEND and not (tmp_path / "run").exists()
    assert f"rl.items: {path}:2: the item 'bad': no answer could be scored: the reference 'C'" in capsys.readouterr().err


def experience(values: list[float | None], samples: int = 2):
    asked = [Item(f"p{n // samples}", "exam", ({"role": "user", "content": "?"},), "A") for n in range(len(values))]
    rollouts = [Rollout(f"{n}", (1,), (2,), (-1.0,), None, "stop", 0, 0, "x") for n in range(len(values))]
    outcomes: list[Outcome] = [Unscored("deadline: late") if value is None else Scored(value) for value in values]
    return judged(asked, rollouts, outcomes, None, RlConfig(samples=samples))


def test_an_update_is_made_where_one_of_its_responses_has_a_score() -> None:
    config = RlRun(train=TrainConfig(global_batch_size=2))
    assert taught(experience([None, None, 0.0, None, None, None, 1.0, 0.0]), config) == [1, 3]
    assert taught(experience([None] * 4), config) == []


@pytest.mark.parametrize("normalise", ["token", "sequence", "constant"])
def test_where_nothing_counts_nothing_weighs(normalise: str) -> None:
    mask, response = np.zeros((1, 4), np.float32), np.array([[-1, 0, 0, 1]])
    assert not token_weights(mask, response, normalise, 8).any()


def test_reasons_are_counted_by_kind_with_an_example() -> None:
    said = [Scored(1.0), *[Unscored(f"exception: KeyError: {n}") for n in range(3)], Unscored("deadline: no verdict\nin 4 s")]
    assert reasons(said) == "3 x exception: KeyError: 0, 1 x deadline: no verdict in 4 s"
    many = [Unscored(f"kind {n}: x") for n in range(8)]
    assert reasons(many).count(" x kind") == 5 and reasons(many).endswith(", and 3 other kinds")
    assert json.dumps(reasons([Unscored("x" * 4000)])) and len(reasons([Unscored("x" * 4000)])) < 300

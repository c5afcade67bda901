"""A tiny model learns whether a conclusion follows from its reasoning, and not which conclusions are likely or true."""

import json
from pathlib import Path

import pytest

from tests import warm
from tests.align.consistency_world import world
from tests.align.stages import run, written

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("consistency")
    recipes = world(made)
    base = run("sft", recipes["sft"], made / "base")
    run("reward-model", recipes["reward-model"], made / "judge", f"train.start_from={base}")
    return made


def measured(folder: Path, pairs: Path) -> dict:
    [checkpoint] = (folder / "judge" / "checkpoints").glob("step-*")
    output = pairs.with_suffix(".json")
    done = warm.megatron_qm("evaluate", "--model", checkpoint, "--pairs", pairs, "--output", output)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(output.read_text())


def test_on_other_prompts_what_follows_is_told_from_what_does_not(folder: Path) -> None:
    found = measured(folder, folder / "consistency" / "held_out_pairs.jsonl")
    print(found["accuracy"], found["low"], found["high"], found["n"], found["strata"])
    assert found["accuracy"] >= 0.8 and found["low"] > 0.5 and found["n"] > 500


def test_without_the_reasoning_there_is_little_to_tell_them_by(folder: Path) -> None:
    lines = [json.loads(line) for line in (folder / "consistency" / "held_out_pairs.jsonl").read_text().splitlines()]
    bare = [{**line, **{side: line[side].partition("\n\n")[2] for side in ("chosen", "rejected")}} for line in lines]
    found = measured(folder, written(folder / "bare.jsonl", bare))
    print(found["accuracy"], found["n"])
    assert found["accuracy"] < 0.65

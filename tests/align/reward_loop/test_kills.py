"""Every stage of a loop with a generative model, each killed at twenty moments of its own work: what it then leaves is what one
that nobody disturbed has left, to the last bit."""

import json
import random
import shutil
import time
from pathlib import Path

import pytest

from megatron_qm.drills.compare import tensor_hashes
from tests import warm
from tests.align.grading_world import world
from tests.align.judge_world import GOOD, drawn
from tests.align.kills import MOMENTS
from tests.align.reward_loop.cases import ENVIRONMENT
from tests.align.stages import MODEL, SFT, run, written

pytestmark = pytest.mark.slow
STAGES = ("start/grade", "start/pairs", "start/bt", "round-1/score", "round-1/select", "round-1/annotate", "round-1/retrain",
          "round-1/measure")
KILLED = [stage for stage in STAGES if not stage.endswith(("score", "measure"))]  # these two only ask a model: test_loop.py
MOST_STARTS = 20 * MOMENTS  # of a stage that takes milliseconds most kills come too late


def exact(pair: dict, annotator: str, reading: int) -> str:
    """The one that says when to see a doctor."""
    a, b = (any(sentence in pair[side] for sentence in GOOD) for side in "ab")
    return "tie" if a == b else "a" if a else "b"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """loop.yaml of a loop of one round that is at its end."""
    folder, draw = tmp_path_factory.mktemp("loop"), random.Random(5)
    genrm = run("sft", world(folder), folder / "genrm", "sft.epochs=2")
    recipe = folder / "reward-model.yaml"
    recipe.write_text(SFT.removeprefix(MODEL).replace("sequence_length: 64", "sequence_length: 96"))
    rows = []
    for at in range(24):
        asked = [drawn(draw, good) for good in (True, False, True, False)]
        rows.append({"key": f"c{at}", "prompt": asked[0][0], "responses": [said for _, said in asked]})
    config = {
        "output": str(folder / "loop"), "start_from": str(genrm), "recipe": str(recipe), "rounds": 1, "labels": 12,
        "overrides": ["parallel.devices=1", "train.steps=8", "checkpoint.every=2"], "pairs_per_prompt": 6,
        "candidates": str(written(folder / "candidates.jsonl", rows)),
        "genrm": {"checkpoint": str(genrm), "margin": 0.5, "options": ["--max-new-tokens", "16", "--samples", "2"]},
        "annotators": {"names": ["ann", "ben"], "function": f"{__name__}:exact", "second": 0.3},
    }
    path = folder / "loop.yaml"
    path.write_text(json.dumps(config))
    ended = warm.megatron_qm("reward-loop", "--config", path, timeout=1200)
    assert ended.returncode == 0, ended.stderr
    assert (folder / "loop" / "start" / "grade" / "pairs.jsonl").stat().st_size, "it grades nothing that differs"
    return path


def left(stage: Path) -> dict[str, object]:
    """Of what a stage writes: tensors of runs, verdicts without their times, files byte for byte."""
    found: dict[str, object] = {}
    for name in json.loads((stage / "manifest.json").read_text())["writes"]:
        path = stage / name
        if path.is_dir():
            found[name] = tensor_hashes(sorted((path / "checkpoints").glob("step-*"))[-1])
        elif name == "verdicts.jsonl":
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            found[name] = [{key: value for key, value in row.items() if key != "time"} for row in rows]
        else:
            found[name] = path.read_bytes()
    return found


@pytest.mark.parametrize("stage", KILLED)
def test_killed_at_twenty_moments_of_its_work_a_stage_leaves_the_same(stage: str, done: Path, tmp_path: Path) -> None:
    output, draw, kills = tmp_path / "loop", random.Random(stage), 0
    shutil.copytree(done.parent / "loop", output)
    for other in STAGES[STAGES.index(stage):]:
        shutil.rmtree(output / other)
    wanted, folder = left(done.parent / "loop" / stage), output / stage
    seconds = json.loads((done.parent / "loop" / stage / "manifest.json").read_text())["seconds"]
    words = ["reward-loop", "--config", str(done), "--until", stage, f"output={output}"]
    for number in range(MOST_STARTS):
        log, moment, before = tmp_path / "log", draw.uniform(0, seconds), _begun(folder)
        process = warm.start("megatron_qm.cli", words, ENVIRONMENT, log, log)
        while process.poll() is None and _begun(folder) == before:
            time.sleep(0.001)
        time.sleep(moment)
        assert process.poll() in (None, 0), log.read_text()[-3000:]
        process.kill()
        process.wait(60)
        if not (folder / "manifest.json").exists():
            kills += 1
            print(f"{stage}: kill {kills} of start {number + 1}, {moment:.3f} of {seconds} s", flush=True)
        else:
            assert left(folder) == wanted
            shutil.rmtree(folder)
        if kills == MOMENTS:
            break
    assert kills == MOMENTS, f"{kills} kills in {MOST_STARTS} starts"
    ended = warm.megatron_qm(*words, timeout=600)
    assert ended.returncode == 0, ended.stderr
    assert left(folder) == wanted


def _begun(folder: Path) -> int | None:
    try:
        return (folder / "begun.json").stat().st_mtime_ns
    except OSError:
        return None

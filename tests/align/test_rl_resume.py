"""What a run of RL takes from the disk when it goes on, and what it refuses to: verdicts, rollouts, items."""

import json
import random
import shutil
from pathlib import Path

import pytest

from megatron_qm.drills.compare import compare_runs
from tests import warm
from tests.align.stages import records, run, words, written
from tests.align.test_rl_command import QUICK, killed

UPDATES = [*QUICK, "train.global_batch_size=4", "train.steps=12", "checkpoint.every=4"]  # two updates a batch
AFTER = 4  # the checkpoint that is gone on from: two batches are learnt from, four come again


def went_on_from(run: Path, copy: Path) -> Path:
    """The run as a kill right after its end had left it, if its later checkpoints had not been whole."""
    shutil.copytree(run, copy)
    for folder in (copy / "checkpoints").glob("step-*"):
        if int(folder.name.partition("-")[2]) > AFTER:
            shutil.rmtree(folder)
    return copy


def said_by(recipe: Path, output: Path, *overrides: str, code: int = 0) -> str:
    """By a run that ends with exit code `code`."""
    done = warm.megatron_qm(*words("rl", recipe, output, *overrides))
    assert done.returncode == code, done.stderr[-3000:]
    return done.stderr


def learnt(output: Path) -> dict[tuple[str, int], dict]:
    """Records of updates and batches without the clock's numbers."""
    clock = {"time", "tokens_per_second", "tflops_per_device", "mfu", "step_seconds", "memory_gib", "phase_seconds", "seconds",
             "engine_gap"}
    return {(kind, record["step"]): {name: value for name, value in record.items() if name not in clock}
            for kind in ("train", "rl") for record in records(output, kind)}


@pytest.fixture(scope="module")
def done(tiny: Path, policy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("done") / "run"
    run("rl", tiny / "rl.yaml", output, f"train.start_from={policy}", *UPDATES)
    return output


@pytest.mark.parametrize("options", [[], ["rl.overlap=true", "rl.keep_rollouts=1"]], ids=["on-policy", "one step behind"])
def test_a_judge_that_draws_lots_is_not_asked_again(options: list[str], tiny: Path, policy: Path, tmp_path: Path) -> None:
    count = tmp_path / "asked"
    items = written(tmp_path / "items.jsonl", [
        {"key": f"item {n}", "task": "tests.align.stages:by_chance", "prompt": f"Code of illness a{n}?", "reference": str(count)}
        for n in range(6)
    ])
    overrides = [f"train.start_from={policy}", f"rl.items={items}", "rl.verifiers=[tests.align.stages:by_chance]",
                 "rl.shaping.format_weight=0.1", *UPDATES, *options]
    output = tmp_path / "run"
    killed(words("rl", tiny / "rl.yaml", output, *overrides), output, random.Random(1), least=AFTER + 3)
    before = learnt(output)
    assert ("rl", AFTER + 2) in before  # a whole batch behind the newest checkpoint, or behind none
    run("rl", tiny / "rl.yaml", output, *overrides)
    after = learnt(output)
    assert {name: after[name] for name in before} == before
    asked = count.stat().st_size
    copy = went_on_from(output, tmp_path / "copy")
    run("rl", tiny / "rl.yaml", copy, *overrides)
    assert count.stat().st_size == asked
    found = compare_runs(output, copy)
    assert found.difference is None and found.records == 12 + 6
    assert 0 < sum(record["unscored"] for record in records(output, "rl"))  # a judge that would not say is not asked again either


def test_another_verifier_is_asked_and_it_says_so(done: Path, tiny: Path, policy: Path, tmp_path: Path) -> None:
    copy = went_on_from(done, tmp_path / "copy")
    said = said_by(tiny / "rl.yaml", copy, f"train.start_from={policy}", *UPDATES, "rl.verifier.seconds=9")
    assert said.count("or the code of a verifier has changed since; its batch is judged again") == 4
    assert compare_runs(done, copy).difference is None  # this one says the same as the other


def test_rollouts_of_other_weights_are_not_learnt_from(done: Path, tiny: Path, policy: Path, tmp_path: Path) -> None:
    """Another learning rate from a checkpoint on: the batch right behind it is the same, those that follow are of weights that
    never come again."""
    overrides = [f"train.start_from={policy}", *UPDATES, "optimizer.lr=1.0e-3"]
    kept, bare = went_on_from(done, tmp_path / "kept"), went_on_from(done, tmp_path / "bare")
    shutil.rmtree(bare / "rollouts")
    for output in (kept, bare):
        run("rl", tiny / "rl.yaml", output, *overrides)
    assert compare_runs(kept, bare).difference is None and compare_runs(done, kept).difference is not None
    replaced = sorted(path.name for path in (kept / "rollouts" / "replaced").glob("*[0-9].jsonl"))
    assert replaced == ["000003.jsonl", "000004.jsonl", "000005.jsonl"]
    assert (kept / "rollouts" / "000002.jsonl").read_bytes() == (done / "rollouts" / "000002.jsonl").read_bytes()
    assert (kept / "rollouts" / "replaced" / "000003.jsonl").read_bytes() == (done / "rollouts" / "000003.jsonl").read_bytes()
    said = [json.loads(line) for line in (kept / "rollouts" / "000003.outcomes.jsonl").read_text().splitlines()]
    assert len(said) == 8


def test_a_new_run_in_an_old_folder_learns_from_its_own_rollouts(done: Path, tiny: Path, policy: Path, tmp_path: Path) -> None:
    """The checkpoints were removed, and the run starts from other weights: those are of step 0 as well."""
    copy = shutil.copytree(done, tmp_path / "copy")
    other = sorted((done / "checkpoints").glob("step-*"))[-1]
    shutil.rmtree(copy / "checkpoints")
    run("rl", tiny / "rl.yaml", copy, f"train.start_from={other}", f"rl.reference={policy}", *UPDATES, "train.steps=2",
        "train.init_model_only=true")
    assert (copy / "rollouts" / "replaced" / "000000.jsonl").read_bytes() == (done / "rollouts" / "000000.jsonl").read_bytes()


def test_items_that_were_rewritten_are_refused(done: Path, tiny: Path, policy: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (tiny / "items.jsonl").read_text().splitlines()]
    items = written(tmp_path / "items.jsonl", [row | {"prompt": row["prompt"] + " Say it.", "reference": "X"} for row in rows])
    copy = went_on_from(done, tmp_path / "copy")
    before = (copy / "metrics.jsonl").read_bytes()
    said = said_by(tiny / "rl.yaml", copy, f"train.start_from={policy}", *UPDATES, f"rl.items={items}", code=2)
    assert f"rl.items: these are not the {len(rows)} items" in said and f"{len(rows)} differ, the first is 'A0'" in said
    assert "train.start_from=" in said and "Traceback" not in said
    assert (copy / "metrics.jsonl").read_bytes() == before


def test_rollouts_in_flight_must_be_those_of_the_checkpoint(tiny: Path, policy: Path, tmp_path: Path) -> None:
    overrides = [f"train.start_from={policy}", *UPDATES, "rl.overlap=true", "train.steps=6"]
    output = tmp_path / "run"
    run("rl", tiny / "rl.yaml", output, *overrides)
    copy = went_on_from(output, tmp_path / "copy")
    said = said_by(tiny / "rl.yaml", copy, *overrides, "rl.sampling.temperature=0.5", code=2)
    assert "000002.jsonl" in said and "set rl.sampling, train.seed and the tokenizer" in said
    lines = (copy / "rollouts" / "000002.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    first["logprobs"][0] -= 0.5
    (copy / "rollouts" / "000002.jsonl").write_text("\n".join([json.dumps(first), *lines[1:]]) + "\n")
    said = said_by(tiny / "rl.yaml", copy, *overrides, code=2)
    assert "000002.jsonl: these are not the rollouts that the run had in flight" in said

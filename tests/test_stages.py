"""Every verb that takes a recipe or a run, on every shipped recipe and on a run of every stage: a new stage is covered by
standing in the table (and by a run of it, in `runs`)."""

import json
import re
import shutil
from pathlib import Path

import pytest

from data_tools.train_tokenizer import save, train
from megatron_qm.cli import main
from megatron_qm.config.recipes import RECIPES
from megatron_qm.config.run import RunConfig
from megatron_qm.config.stages import STAGES, stage_from
from tests import warm
from tests.align.stages import VERIFIER, run, words, written

SHIPPED = sorted(path.stem for path in RECIPES.glob("*.yaml"))


@pytest.fixture(scope="session")
def runs(undisturbed: Path, policy: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A finished run of each stage."""
    rl = tmp_path_factory.mktemp("rl-run")
    run("rl", tiny / "rl.yaml", rl, f"train.start_from={policy}", "train.steps=4")
    found = {"pretrain": undisturbed, "sft": policy.parents[1], "rl": rl}
    for stage in ("reward-model", "dpo"):
        found[stage] = tmp_path_factory.mktemp(f"{stage}-run")
        run(stage, tiny / f"{stage}.yaml", found[stage], f"train.start_from={policy}", "train.steps=4")
    return found


@pytest.fixture(scope="session")
def named(recipe: Path, policy: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What a shipped recipe leaves to the user, by stage: data, and where to start. Items say a format: strict recipes ask."""
    prefix = recipe.parent / "A"
    rows = [json.loads(line) | {"metadata": {"format": "json"}} for line in (tiny / "items.jsonl").read_text().splitlines()]
    items = written(tmp_path_factory.mktemp("named") / "items.jsonl", rows)
    return {
        "pretrain": [f"data.sources=[{{name: a, prefix: {prefix}}}]"],
        "sft": [f"sft.sources=[{{name: chat, path: {tiny}/chat.jsonl}}]", f"data.tokenizer={tiny}/tokenizer"],
        "reward-model": [f"reward_model.sources=[{{name: pairs, path: {tiny}/pairs.jsonl}}]", f"data.tokenizer={tiny}/tokenizer"],
        "dpo": [f"dpo.sources=[{{name: pairs, path: {tiny}/pairs.jsonl}}]", f"data.tokenizer={tiny}/tokenizer"],
        "rl": [f"rl.items={items}", f"rl.verifiers=[{VERIFIER}]", f"data.tokenizer={tiny}/tokenizer"],
    }


def _said(capsys: pytest.CaptureFixture, *words: object) -> str:
    code = main([str(word) for word in words])
    out, err = capsys.readouterr()
    assert code == 0, err
    return out


def test_the_table_has_a_run_of_every_stage_and_recipes_that_say_theirs(runs: dict, named: dict) -> None:
    assert runs.keys() == named.keys() == STAGES.keys()
    for stage in STAGES.values():
        assert stage.kind().stage == stage.name and issubclass(stage.kind, RunConfig)
        assert stage_from({"stage": stage.name}) is stage


def _has_model(name: str) -> bool:
    said = (RECIPES / f"{name}.yaml").read_text()
    base = re.search(r"^base: (\S+)$", said, re.M)
    return re.search(r"^model:", said, re.M) is not None or base is not None and _has_model(base[1])


@pytest.mark.parametrize("name", SHIPPED)
def test_config_plan_and_data_plan_on_every_shipped_recipe(name: str, named: dict, capsys: pytest.CaptureFixture) -> None:
    shape = [] if _has_model(name) else ["model.shape=qwen3-0.6b"]
    resolved = _said(capsys, "config", "--config", name, *shape)
    stage = resolved.splitlines()[0].removeprefix("stage: ")
    assert stage in STAGES
    _said(capsys, "plan", "--config", name, "--gpus", 64, *shape)
    said = _said(capsys, "data", "plan", "--config", name, *shape, *named[stage])
    assert "steps" in said or "batches" in said
    said = _said(capsys, stage, "--config", name, "--dry-run", *shape)
    assert "GiB per rank" in said and "not ready to run" in said


@pytest.mark.parametrize("stage", STAGES)
def test_ledger_replay_report_and_config_on_a_run_of_every_stage(
    stage: str, runs: dict, capsys: pytest.CaptureFixture
) -> None:
    folder = runs[stage]
    before = _everything(folder)
    assert "step 2" in _said(capsys, "data", "ledger", "--run", folder, "--step", 2)
    assert f"stage: {stage}\n" in _said(capsys, "config", "--config", folder / "config.resolved.yaml")
    said = _replayed(folder)
    assert said.count("the same to the last bit") == 2 and "NOT" not in said, said
    assert _everything(folder) == before  # looking changes nothing
    page = Path(_said(capsys, "report", folder).strip())
    assert STAGES[stage].title in page.read_text()


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "pretrain"])
def test_a_checkpoint_of_one_stage_is_not_gone_on_with_by_another(stage: str, runs: dict, tiny: Path, capsys) -> None:
    other = "rl" if stage == "sft" else "sft"
    before = _everything(runs[other])
    start = sorted((runs["sft"] / "checkpoints").glob("step-*"))[-1]
    assert main([stage, "--config", str(tiny / f"{stage}.yaml"), f"output={runs[other]}", f"train.start_from={start}",
                 "train.steps=9"]) == 2
    assert f"holds a run of stage {other}" in capsys.readouterr().err
    assert _everything(runs[other]) == before


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tokenizer that no run has seen."""
    folder = tmp_path_factory.mktemp("foreign") / "tokenizer"
    save(train(["chest pain and fever", "aspirin 100 mg daily", "no known allergies"] * 8, 280), folder)
    return folder


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage != "pretrain"])  # of that: tests/test_identities.py
def test_a_foreign_tokenizer_or_shape_is_refused_and_leaves_a_run_as_it_was(
    stage: str, dry: list[str], runs: dict, policy: Path, tiny: Path, foreign: Path, capsys: pytest.CaptureFixture
) -> None:
    before = _everything(runs[stage])
    again = [stage, "--config", tiny / f"{stage}.yaml", f"output={runs[stage]}", f"train.start_from={policy}", "train.steps=20",
             *dry]
    for wrong, sides in (
        ([f"data.tokenizer={foreign}"], (str(foreign), str(policy))), (["model.layers=2"], ("layers", str(policy))),
        (["data.tokenizer=nowhere"], ("nowhere",)), (["train.start_from=nowhere"], ("nowhere",)),
    ):
        assert main([str(word) for word in (*again, *wrong)]) == 2
        said = capsys.readouterr().err
        assert all(side in said for side in sides) and "Traceback" not in said, said
        assert _everything(runs[stage]) == before, wrong


@pytest.fixture(scope="session")
def wrong(tiny: Path, policy: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files that no run can begin with: found by the ranks, once they have read them."""
    folder = tmp_path_factory.mktemp("wrong")
    item = json.loads((tiny / "items.jsonl").read_text().splitlines()[0])
    shutil.copytree(policy, folder / "altered")
    weights = max((folder / "altered" / "weights").iterdir(), key=lambda path: path.stat().st_size)
    weights.write_bytes(weights.read_bytes()[:-1] + b"~")
    return {
        "checkpoint": folder / "altered",
        "item": written(folder / "item.jsonl", [item | {"task": "nobody knows it"}]),
        "reference": written(folder / "reference.jsonl", [item | {"task": "exam", "reference": ""}]),
        "long": written(folder / "long.jsonl", [item | {"prompt": "It is A1. " * 200}]),
        "probes": written(folder / "probes.jsonl", [{"prompt": "It is", "options": ["A1", "A2"], "answer": 2}]),
        "long probes": written(folder / "probes.jsonl", [{"prompt": "It is A1. " * 200, "options": ["A1", "A2"], "answer": 0}]),
    }


def _refusals(stage: str, wrong: dict[str, Path]) -> dict[str, list[str]]:
    """Overrides of a first start by the one that it is refused for."""
    examined = {f"observe.items={wrong[name]}": [f"observe.verifiers=[{VERIFIER}]"] for name in ("item", "reference", "long")}
    found = {f"train.start_from={wrong['checkpoint']}": [], **examined,
             **{f"observe.probes={wrong[name]}": [] for name in ("probes", "long probes")}}
    if stage == "dpo":
        found |= {f"dpo.reference={wrong['checkpoint']}": [], "dpo.reference=nowhere": []}
    if stage == "rl":
        found |= {f"rl.reference={wrong['checkpoint']}": [], f"rl.items={wrong['long']}": []}
    return {key: [key, *more] for key, more in found.items()}


# Seconds a refusal, since ranks come to each. Dpo stands for the stages that make datasets of samples.
@pytest.mark.parametrize("stage", [
    pytest.param(stage, marks=[pytest.mark.slow] if stage in ("sft", "reward-model") else [])
    for stage in STAGES if stage != "pretrain"])
def test_whatever_is_refused_before_the_first_step_leaves_the_output_as_it_was(
    stage: str, runs: dict, policy: Path, tiny: Path, wrong: dict, tmp_path: Path
) -> None:
    before = _everything(runs[stage])
    for key, overrides in _refusals(stage, wrong).items():
        first = words(stage, tiny / f"{stage}.yaml", tmp_path / "new" / "run", f"train.start_from={policy}", "train.steps=4",
                      *overrides)
        _refused(first, key)
        assert not (tmp_path / "new").exists(), key
        if key == f"observe.items={wrong['long']}":
            _refused(words(stage, tiny / f"{stage}.yaml", runs[stage], f"train.start_from={policy}", "train.steps=20",
                           *overrides), key)
            assert _everything(runs[stage]) == before, key


@pytest.mark.parametrize("made", ["", "rank-1.log"])
def test_nor_do_several_ranks_leave_logs(made: str, policy: Path, tiny: Path, wrong: dict, tmp_path: Path) -> None:
    """Nor anything else: ranks that were started wrote them."""
    output, key = tmp_path / "run", f"rl.items={wrong['long']}"
    if made:
        (output / "logs").mkdir(parents=True)
        (output / "logs" / made).write_text("of a run before\n")
    before = _everything(output)
    _refused(words("rl", tiny / "rl.yaml", output, f"train.start_from={policy}", key, ranks=2), key)
    assert _everything(output) == before and output.exists() == bool(made)


def _refused(arguments: list[str], key: str) -> None:
    done = warm.megatron_qm(*arguments)
    said, name = done.stderr, Path(key.partition("=")[2]).name
    assert done.returncode == 2 and said.count("error: ") == 1 and name in said or "rl.items" in said, said
    assert "Traceback" not in said, said


# Of stages that make datasets of samples one stands for all; the others are run where slow tests are.
@pytest.mark.parametrize("stage", [
    pytest.param(stage, marks=[pytest.mark.slow] if stage in ("sft", "dpo") else []) for stage in STAGES])
def test_verify_resume_asks_the_recipe_for_its_stage(
    stage: str, recipe: Path, tiny: Path, policy: Path, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    chance = "tests.align.stages:by_chance"  # a judge that draws lots: what it has said once is not asked for again
    items = written(tmp_path / "items.jsonl", [
        {"key": f"item {n}", "task": chance, "prompt": f"Code of illness a{n}?", "reference": str(tmp_path / "asked")}
        for n in range(6)
    ])
    config = {
        "pretrain": [recipe, "--nproc", 2], "sft": [tiny / "sft.yaml", "sft.epochs=1"],
        "reward-model": [tiny / "reward-model.yaml", "reward_model.epochs=1"], "dpo": [tiny / "dpo.yaml", "dpo.epochs=1"],
        "rl": [tiny / "rl.yaml", f"rl.items={items}", f"rl.verifiers=[{chance}]"],
    }[stage]
    start = [] if stage == "pretrain" else [f"train.start_from={policy}"]
    said = _said(capsys, "verify-resume", "--steps", 4, "--kills", 1, "--folder", tmp_path / "drill", "--config", *config, *start)
    assert "the same to the last bit" in said
    assert json.loads((tmp_path / "drill" / "killed" / "metrics.jsonl").read_text().splitlines()[0])


def _replayed(run_folder: Path) -> str:
    """With as many threads as the run had: sums of other threads differ in their last bits."""
    done = warm.megatron_qm("replay", "--run", run_folder, "--step", "2")
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _everything(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file below it, folders too; the report is made to be written."""
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")
            if path.name != "report.html" and path.is_file()}

"""Datasets, tokenizers and checkpoints that do not belong together are refused, naming both, and nothing changes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from data_tools.train_tokenizer import save, train
from megatron_qm.cli import main
from megatron_qm.data.tokenizer_identity import read_identity
from tests.align.stages import MODEL, run, written

TEXTS = ["chest pain and fever", "aspirin 100 mg daily", "no known allergies", "ECG shows ST elevation"] * 8
RECIPE = MODEL + """\
device: cpu
data: {sequence_length: 32, block_size: 64}
train: {steps: 2, global_batch_size: 2}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tokenizers, one and other; a dataset of each; recipe.yaml; a run of pretraining on one."""
    folder = tmp_path_factory.mktemp("identities")
    written(folder / "raw.jsonl", [{"text": text} for text in TEXTS])
    for name, size in (("one", 300), ("other", 290)):
        save(train(TEXTS, size), folder / name)
        preprocess = [sys.executable, "-m", "megatron_qm.cli", "data", "preprocess", "--input", folder / "raw.jsonl",
                      "--output-prefix", folder / f"data-{name}", "--tokenizer", folder / name]
        subprocess.run(preprocess, check=True, capture_output=True)
    (folder / "recipe.yaml").write_text(RECIPE)
    run("pretrain", folder / "recipe.yaml", folder / "run", *sources(folder, "one"), f"data.tokenizer={folder}/one")
    return folder


def sources(folder: Path, *names: str) -> list[str]:
    return ["data.sources=[" + ", ".join(f"{{name: {name}, prefix: {folder}/data-{name}}}" for name in names) + "]"]


def checkpoint(run_folder: Path) -> Path:
    return sorted((run_folder / "checkpoints").glob("step-*"))[-1]


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def refused(capsys: pytest.CaptureFixture, *words: object) -> str:
    capsys.readouterr()
    assert main([str(word) for word in words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and "Traceback" not in said
    return said


@pytest.mark.parametrize("verb", [["pretrain"], ["pretrain", "--dry-run"], ["data", "plan"]])
def test_a_dataset_of_another_tokenizer(verb: list[str], world: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    start = [*verb, "--config", world / "recipe.yaml", f"output={tmp_path}/run"]
    said = refused(capsys, *start, *sources(world, "other"), f"data.tokenizer={world}/one")
    assert f"data.tokenizer = {world}/one" in said and "'other'" in said and "another tokenizer" in said
    said = refused(capsys, *start, *sources(world, "one", "other"))
    assert "'one'" in said and "'other'" in said
    said = refused(capsys, *start, *sources(world, "other"), f"train.start_from={checkpoint(world / 'run')}")
    assert "'other'" in said and str(world / "run") in said
    assert not (tmp_path / "run").exists()


def test_what_is_known_to_be_alike_may_be_named(world: Path, tmp_path: Path) -> None:
    run("pretrain", world / "recipe.yaml", tmp_path / "run", *sources(world, "other"), f"data.tokenizer={world}/one",
        "data.allow_tokenizer_of=[other]")


def test_a_tokenizer_saved_in_another_way_is_the_same(world: Path, tmp_path: Path) -> None:
    """Indented, merges as pairs or as text, another post-processor; one merge less is another one."""
    tree = json.loads((world / "one" / "tokenizer.json").read_text())
    model = tree["model"]
    model["merges"] = [" ".join(merge) if isinstance(merge, list) else merge.split(" ") for merge in model["merges"]]
    tree["truncation"] = {"max_length": 4, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(tree, indent=3))
    one = read_identity(world / "one")
    assert read_identity(tmp_path).same(one) and read_identity(tmp_path).sha256 != one.sha256
    tree["model"]["merges"].pop()
    (tmp_path / "tokenizer.json").write_text(json.dumps(tree))
    assert not read_identity(tmp_path).same(one)


@pytest.mark.parametrize("what", ["nowhere", "raw.jsonl", "run"])
def test_a_tokenizer_that_is_none(what: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    said = refused(capsys, "pretrain", "--config", world / "recipe.yaml", f"output={tmp_path}/run", *sources(world, "one"),
                   f"data.tokenizer={world}/{what}")
    assert str(world / what) in said and not (tmp_path / "run").exists()


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
@pytest.mark.parametrize(("key", "value"), [
    ("layers", 2), ("hidden_size", 64), ("vocab_size", 384), ("tied_embeddings", "false"),
])
def test_a_start_of_another_shape(
    key: str, value: object, dry: list[str], world: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    said = refused(capsys, "pretrain", *dry, "--config", world / "recipe.yaml", f"output={tmp_path}/run", *sources(world, "one"),
                   f"train.start_from={checkpoint(world / 'run')}", f"model.{key}={value}")
    assert f"model.{key} = " in said and str(checkpoint(world / "run")) in said


def test_pretraining_takes_model_and_tokenizer_from_its_start(world: Path, tmp_path: Path) -> None:
    run("pretrain", world / "recipe.yaml", tmp_path / "run", *sources(world, "one"), "model=null",
        f"train.start_from={checkpoint(world / 'run')}")
    assert read_identity(checkpoint(tmp_path / "run") / "tokenizer").same(read_identity(world / "one"))


def test_a_refused_start_and_a_dry_run_leave_a_run_as_it_was(world: Path, capsys: pytest.CaptureFixture) -> None:
    before = everything(world / "run")
    again = ["pretrain", "--config", world / "recipe.yaml", f"output={world}/run", f"data.tokenizer={world}/one"]
    for wrong in (sources(world, "other"), [*sources(world, "one"), "model.layers=2"], [*sources(world, "one"), "data.seed=3"],
                  [*sources(world, "one"), "device=h100"], [*sources(world, "one"), "train.global_batch_size=3", "--nproc", "2"],
                  ["data.sources=[{name: one, prefix: nowhere}]"], [*sources(world, "one"), "train.start_from=nowhere"],
                  *([*sources(world, "one"), "train.steps=9", f"observe.{key}={world}/raw.jsonl"]
                    for key in ("items", "probes"))):
        refused(capsys, *again, *wrong)
        assert everything(world / "run") == before, wrong
    assert main([str(word) for word in (*again, *sources(world, "one"), "--dry-run")]) == 0
    assert everything(world / "run") == before


def test_fine_tuning_keeps_what_a_run_has_learnt_from(
    tiny: Path, policy: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """Its prepared data are made anew where they come out the same, and not replaced where they do not."""
    chat = tmp_path / "chat.jsonl"
    shutil.copy(tiny / "chat.jsonl", chat)
    start = ["sft", "--config", tiny / "sft.yaml", f"output={tmp_path}/run", "train.steps=1",
             f"sft.sources=[{{name: chat, path: {chat}}}]"]
    assert main([str(word) for word in start]) == 0
    before = everything(tmp_path / "run")
    lines = chat.read_text().splitlines(keepends=True)
    chat.write_text("".join(lines[:-1]))
    assert main([str(word) for word in (*start, "--dry-run")]) == 0
    said = refused(capsys, *start)
    assert "'chat'" in said and str(chat) in said and everything(tmp_path / "run") == before
    said = refused(capsys, *start, f"data.tokenizer={tiny}/nowhere")
    assert everything(tmp_path / "run") == before
    said = refused(capsys, *start, "schedule.warmup_steps=5")
    assert everything(tmp_path / "run") == before
    chat.write_text("".join(lines))
    assert main([str(word) for word in start]) == 0


def test_a_refused_first_start_leaves_no_folder(tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    chat = written(tmp_path / "chat.jsonl", [{"prompt": "only"}])
    for wrong in ([f"sft.sources=[{{name: chat, path: {chat}}}]"], ["schedule.warmup_steps=5"], ["schedule.decay_steps=5"]):
        refused(capsys, "sft", "--config", tiny / "sft.yaml", f"output={tmp_path}/new/run", "train.steps=1", *wrong)
        assert not (tmp_path / "new").exists()

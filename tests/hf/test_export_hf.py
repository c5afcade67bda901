"""What stands in a release, what is refused, and that a failure leaves things as they were."""

import argparse
import errno
import gzip
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from megatron_qm.checkpoint.manifest import read_manifest, write_manifest
from megatron_qm.errors import UserError
from megatron_qm.hf import export_hf as export_module
from megatron_qm.hf import gate
from megatron_qm.hf.commands import add_export_arguments, add_import_arguments, export_command, import_command
from megatron_qm.hf.errors import GateError
from megatron_qm.hf.export_hf import export_hf
from megatron_qm.hf.import_hf import import_hf
from megatron_qm.hf.size import parse_size
from tests.hf.models import TEMPLATE, save_random_model, save_tokenizer


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("export")
    save_random_model(root / "hf", "llama")
    save_tokenizer(root / "hf")
    (root / "hf" / "generation_config.json").write_text('{"temperature": 0.6, "do_sample": true, "eos_token_id": 0}')
    (root / "hf" / "NOTICE.txt").write_text("whose it is\n")
    return import_hf(root / "hf", root / "run" / "checkpoints" / "step-00000000")


@pytest.fixture
def bare(checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint without a tokenizer, of a run that names none, with data sources and the run's metrics beside it."""
    folder = Path(shutil.copytree(checkpoint, tmp_path / "run" / "checkpoints" / "step-00000007"))
    shutil.rmtree(folder / "tokenizer")
    shutil.rmtree(folder / "hf")
    source = {"position": 500, "tokens": 1000, "weight": 0.5, "checksum": "abc"}
    manifest = read_manifest(folder)
    write_manifest(folder, type(manifest)(
        step=7, tokens=900, model=manifest.model, dtype="fp32", data={"sources": {"pubmed": source}},
        config={"optimizer": {"lr": 0.001}, "data": {"sequence_length": 64, "tokenizer": "/secret/place"}},
    ))  # fmt: skip
    lines = [
        {"kind": "validation", "step": 5, "loss": 2.5, "loss_by_source": {"pubmed": 2.25}},
        {"kind": "probe", "step": 7, "name": "icd", "accuracy": 0.5, "low": 0.4, "high": 0.6, "n": 100},
        {"kind": "validation", "step": 9, "loss": 1.5},
    ]
    text = "\n".join(map(json.dumps, lines)) + '\n{"kind": "vali'
    (tmp_path / "run" / "metrics.jsonl").write_text(text)
    return folder


def test_a_release_is_complete(checkpoint: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer, GenerationConfig

    out = tmp_path / "deep" / "out"
    report = export_hf(checkpoint, out)
    assert sorted(path.name for path in out.parent.iterdir()) == ["out"]
    assert AutoTokenizer.from_pretrained(out).chat_template == TEMPLATE
    assert GenerationConfig.from_pretrained(out).temperature == 0.6
    assert (out / "NOTICE.txt").read_text() == "whose it is\n"
    assert report.parity.conversion.relative < 1e-5 and report.parity.rounding.mean_kl > 0
    card = (out / "README.md").read_text()
    for finding in report.checks.values():
        assert finding.replace("|", "\\|") in card
    assert json.loads((out / "gate.json").read_text())["parameters"] == report.parameters
    config = json.loads((out / "config.json").read_text())
    assert config["torch_dtype"] == "bfloat16" and config["pad_token_id"] == 1


def test_the_model_card_tells_data_training_and_results(bare: Path, tmp_path: Path) -> None:
    save_tokenizer(tmp_path / "tok")
    (tmp_path / "eval.json").write_text('{"MedQA": 61.5}')
    export_hf(bare, tmp_path / "out", tokenizer=tmp_path / "tok", skip_logits=True, evaluation=tmp_path / "eval.json")
    card = (tmp_path / "out" / "README.md").read_text()
    for text in ("7 steps and 900 tokens", "| pubmed | 0.5 | 500 | 1,000 | 0.500 | abc |", "| optimizer.lr | 0.001 |",
                 "2.5 at step 5", "2.25 at step 5", "0.500 (0.400 to 0.600, n = 100) at step 7", "| MedQA | 61.5 |",
                 "not checked: left out by --skip-logits"):  # fmt: skip
        assert text in card, text
    assert "secret" not in card and "1.5 at step 9" not in card and str(tmp_path) not in card


def test_a_bare_tokenizer_json_serves(bare: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    save_tokenizer(tmp_path / "tok")
    packed = tmp_path / "packed" / "tokenizer.json.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress((tmp_path / "tok" / "tokenizer.json").read_bytes()))
    for number, source in enumerate((tmp_path / "tok" / "tokenizer.json", packed.parent)):
        export_hf(bare, tmp_path / f"out{number}", tokenizer=source, skip_logits=True)
        released = AutoTokenizer.from_pretrained(tmp_path / f"out{number}")
        assert released.eos_token == "<|endoftext|>"
        assert released.decode(released.encode("a fever 发热 🤒")) == "a fever 发热 🤒"
        assert json.loads((tmp_path / f"out{number}" / "config.json").read_text())["eos_token_id"] == 0


def test_without_a_tokenizer_it_says_what_to_do(bare: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--tokenizer DIR"):
        export_hf(bare, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    report = export_hf(bare, tmp_path / "out", no_tokenizer=True)
    assert "random prompts" in report.checks["reload and logits"]


def test_a_tokenizer_that_is_larger_than_the_model_is_refused(bare: Path, tmp_path: Path) -> None:
    save_tokenizer(tmp_path / "tok")
    path = tmp_path / "tok" / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    for number, token in ((300, "<|fits|>"), (301, "<|late|>")):
        tokenizer["added_tokens"].append(tokenizer["added_tokens"][0] | {"id": number, "content": token})
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(GateError, match=r"301 \('<\|late\|>'\).* 301 rows"):
        export_hf(bare, tmp_path / "out", tokenizer=tmp_path / "tok")


def test_a_tokenizer_with_a_damaged_token_is_refused(bare: Path, tmp_path: Path) -> None:
    save_tokenizer(tmp_path / "tok")
    path = tmp_path / "tok" / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["added_tokens"][0]["id"] = "0"
    path.write_text(json.dumps(tokenizer))
    with pytest.raises(UserError, match="tokenizer.json: id = '0' is not a whole number"):
        export_hf(bare, tmp_path / "out", tokenizer=tmp_path / "tok")


def test_a_failure_leaves_the_old_release(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    export_hf(checkpoint, out, dtype="fp32", skip_logits=True)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(UserError, match="--overwrite"):
        export_hf(checkpoint, out, skip_logits=True)

    def fail(*_: object, **__: object) -> None:
        assert {path.name: path.read_bytes() for path in out.iterdir()} == before  # until the new one has passed
        raise GateError("model.layers.0.mlp")

    with monkeypatch.context() as patcher:
        patcher.setattr(export_module, "run_gate", fail)
        with pytest.raises(GateError):
            export_hf(checkpoint, out, skip_logits=True, overwrite=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    export_hf(checkpoint, out, skip_logits=True, overwrite=True)
    assert json.loads((out / "config.json").read_text())["torch_dtype"] == "bfloat16"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_of_somebody_else_is_never_replaced(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("years of work")
    for output in (tmp_path / "home", checkpoint):
        with pytest.raises(UserError, match="not replaced"):
            export_hf(checkpoint, output, overwrite=True)
    assert (tmp_path / "home" / "thesis.txt").exists() and (checkpoint / "manifest.json").exists()


def test_a_full_disk_is_said_and_cleaned_up(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path, *_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "model.safetensors")

    monkeypatch.setattr(export_module, "write_weights", lambda _opened, folder, *_: full(folder))
    with pytest.raises(UserError, match="the disk is full"):
        export_hf(checkpoint, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_export_left_is_cleaned_up(checkpoint: Path, tmp_path: Path) -> None:
    dead = 2**22 + 1  # above Linux's largest process id
    others = {f".out.{os.getpid()}.0a1b2c3d.unfinished", f".out2.{dead}.00.unfinished"}
    for name in {f".out.{dead}.0a1b2c3d.unfinished", *others}:
        (tmp_path / name).mkdir()
    export_hf(checkpoint, tmp_path / "out", skip_logits=True)
    assert {path.name for path in tmp_path.iterdir()} == {*others, "out"}


def test_an_altered_checkpoint_is_not_exported(checkpoint: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(checkpoint, tmp_path / "copy"))
    [file] = (copy / "weights").glob("*.distcp")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(UserError, match=file.name):
        export_hf(copy, tmp_path / "out")


def test_a_run_is_not_a_checkpoint_but_is_told_of_one(checkpoint: Path, tmp_path: Path) -> None:
    for folder in (checkpoint.parent, checkpoint.parents[1]):
        with pytest.raises(UserError, match="step-00000000"):
            export_hf(folder, tmp_path / "out")
    with pytest.raises(UserError, match="not a checkpoint"):
        export_hf(tmp_path / "nowhere", tmp_path / "out")


def test_numbers_that_are_not_finite_are_not_released(tmp_path: Path) -> None:
    from megatron_qm.hf.weights import _refuse_not_finite

    with pytest.raises(UserError, match="model.norm.weight: holds NaN"):
        _refuse_not_finite(torch.tensor([1.0, float("inf")]), "model.norm.weight")


def test_a_number_that_bf16_cannot_hold_is_told_by_its_tensor_and_released_in_fp32(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    save_random_model(tmp_path / "hf", "llama")
    path = tmp_path / "hf" / "model.safetensors"
    held = load_file(path)
    held["model.layers.1.mlp.up_proj.weight"][3, 5] = -3.4e38
    save_file(held, path, {"format": "pt"})
    imported = import_hf(tmp_path / "hf", tmp_path / "ckpt")
    with pytest.raises(UserError, match=r"layers.1.mlp.up_proj.weight .*holds 3\.39999.*e\+38.*bfloat16.*--dtype fp32") as error:
        export_hf(imported, tmp_path / "out", no_tokenizer=True, skip_logits=True)
    assert "NaN" not in str(error.value) and not (tmp_path / "out").exists()
    export_hf(imported, tmp_path / "out", dtype="fp32", no_tokenizer=True, skip_logits=True)


def test_memory_is_asked_for_before_anything_is_written(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "_available_memory", lambda: 1000)
    with pytest.raises(UserError, match="--skip-logits"):
        export_hf(checkpoint, tmp_path / "out")
    monkeypatch.setattr(gate, "_available_memory", lambda: None)
    gate.check_memory([10**12])
    assert list(tmp_path.iterdir()) == []


SIZES = {"5GB": 5 * 10**9, "2GiB": 2**31, "500mb": 5 * 10**8, "7": 7, " 1.5 KB ": 1500}


@pytest.mark.parametrize("text", SIZES)
def test_sizes(text: str) -> None:
    assert parse_size(text) == SIZES[text]


@pytest.mark.parametrize("text", ["", "GB", "5XB", "-1GB", "0", "5 GB 3", "1e9", "9" * 400 + "GB"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(UserError, match="--max-shard-size"):
        parse_size(text)


def run_command(add: Callable, command: Callable, *words: str) -> int:
    parser = argparse.ArgumentParser()
    add(parser)
    return command(parser.parse_args(list(words)))


def test_the_commands(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Export, then import what was exported, and export that: the same files."""
    once, again, ckpt = (str(tmp_path / name) for name in ("once", "again", "ckpt"))
    export = ["--dtype", "fp32", "--max-shard-size", "20KB", "--skip-logits"]
    assert run_command(add_export_arguments, export_command, "--checkpoint", str(checkpoint), "--output", once, *export) == 0
    said = capsys.readouterr().out
    assert "as config.json demands" in said and "left out by --skip-logits" in said and f"{once}: " in said
    assert run_command(add_import_arguments, import_command, "--hf", once, "--output", ckpt) == 0
    assert f"train.start_from={ckpt}" in capsys.readouterr().out
    assert run_command(add_export_arguments, export_command, "--checkpoint", ckpt, "--output", again, *export) == 0
    names = {path.name for path in Path(once).iterdir()}
    assert names == {path.name for path in Path(again).iterdir()} and "model.safetensors.index.json" in names
    for name in names - {"README.md", "gate.json"}:  # which says README.md's digest
        assert (Path(once) / name).read_bytes() == (Path(again) / name).read_bytes(), name

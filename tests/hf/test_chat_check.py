"""A release says what ends its turns, transformers acts on it, and the gate holds both."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from megatron_qm.checkpoint.manifest import read_manifest, write_manifest
from megatron_qm.errors import UserError
from megatron_qm.hf import gate
from megatron_qm.hf.companions import find_tokenizer_json, for_both
from megatron_qm.hf.errors import GateError
from megatron_qm.hf.export_hf import export_hf
from megatron_qm.hf.import_hf import import_hf
from megatron_qm.hf.opened import open_checkpoint
from megatron_qm.hf.transformers_side import generated_stop
from megatron_qm.tokenizer import TextTokenizer
from tests import templates
from tests.hf.models import MODELS, save_random_model
from tests.templates import save_chat_tokenizer

VOCAB = 320
BROUGHT = {"temperature": 0.6, "top_p": 0.9, "do_sample": True}


def imported(folder: Path, template: str | None, brought: dict[str, Any] | None) -> Path:
    """A checkpoint of a random model of a chat model's files."""
    with pytest.MonkeyPatch.context() as patcher:
        patcher.setitem(MODELS, "chat", ("qwen2", {"vocab_size": VOCAB, "num_hidden_layers": 1}))
        save_random_model(folder / "hf", "chat")
    save_chat_tokenizer(folder / "hf", template)
    (folder / "hf" / "generation_config.json").unlink(missing_ok=True)
    if brought is not None:
        (folder / "hf" / "generation_config.json").write_text(json.dumps(brought))
    return import_hf(folder / "hf", folder / "ckpt")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return imported(tmp_path_factory.mktemp("chat"), templates.CHATML, BROUGHT | {"eos_token_id": 315})


@pytest.fixture(scope="module")
def release(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("released") / "hf"
    export_hf(checkpoint, folder, skip_logits=True)
    return folder


def test_a_release_ends_with_all_that_ended_training(checkpoint: Path, release: Path) -> None:
    tokenizer = TextTokenizer(release)
    ends = sorted({tokenizer.token(text) for text in ("<|endoftext|>", "<|im_end|>")} | {315})
    shipped, config = (json.loads((release / name).read_text()) for name in ("generation_config.json", "config.json"))
    assert shipped["eos_token_id"] == config["eos_token_id"] == ends == list(tokenizer.stops)
    assert {name: shipped[name] for name in BROUGHT} == BROUGHT
    assert tuple(ends) == TextTokenizer.of_model(checkpoint, None).stops
    assert "'<|im_end|>'" in json.loads((release / "gate.json").read_text())["checks"]["stops"]


@pytest.mark.parametrize("template", [None, templates.CHATML, templates.PLAIN])
def test_without_an_import_of_its_own_too(template: str | None, tmp_path: Path) -> None:
    checkpoint = imported(tmp_path, template, None)
    export_hf(checkpoint, tmp_path / "out", skip_logits=True)
    tokenizer = TextTokenizer(tmp_path / "out")
    ends = [tokenizer.token("<|endoftext|>")] + ([tokenizer.token("<|im_end|>")] if template == templates.CHATML else [])
    shipped = json.loads((tmp_path / "out" / "generation_config.json").read_text())["eos_token_id"]
    assert shipped == (ends if len(ends) > 1 else ends[0])


def settings(folder: Path, **changes: Any) -> None:
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def ends_with(folder: Path, value: Any) -> None:
    path = folder / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token_id": value}))


FAULTS = {
    "no generation config": (lambda f: (f / "generation_config.json").unlink(), "lacks 0 .*the release would not stop"),
    "the document's end alone": (lambda f: ends_with(f, 0), r"eos_token_id = \[0\] lacks 2 \('<\|im_end\|>'\)"),
    "the turn's end alone": (lambda f: ends_with(f, [2]), "lacks 0 .* the tokenizer ends a document"),
    "an end outside the vocabulary": (lambda f: ends_with(f, [0, 2, 320]), "has 320, but the model has 320 rows"),
    "a generation config that is none": (lambda f: (f / "generation_config.json").write_text("{"), "generation_config.json"),
    "an error of syntax": (lambda f: settings(f, chat_template="{% for m in messages %}"), "chat template: .*cannot be read"),
    "an error of syntax in another": (lambda f: settings(f, chat_template=[
        {"name": "default", "template": templates.CHATML}, {"name": "tool_use", "template": "{{"}]), "cannot be read"),
    "a template that raises": (lambda f: settings(f, chat_template="{{ raise_exception('never') }}"), "refuses it: never"),
    "a template that takes no answer": (lambda f: settings(
        f, chat_template="{% if messages[1] %}{{ raise_exception('one turn') }}{% endif %}"), "refuses it: one turn"),
    "a template without answers": (lambda f: settings(f, chat_template="<|user|>{{ messages[0].content }}"),
                                   "leaves out the text of an answer"),
    "a class of transformers 5": (lambda f: settings(f, tokenizer_class="TokenizersBackend"), 'tokenizer_class = "TokenizersB'),
    "a list of transformers 5": (lambda f: settings(f, extra_special_tokens=["<|end|>"]), "extra_special_tokens = "),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_release_that_would_not_stop_or_not_load_is_refused(
    fault: str, checkpoint: Path, release: Path, tmp_path: Path
) -> None:
    folder, opened = Path(shutil.copytree(release, tmp_path / "release")), open_checkpoint(checkpoint)
    source = find_tokenizer_json(checkpoint / "tokenizer")
    gate.run_gate(opened, folder, "bf16", tokenizer_source=source, logits=False)
    change, message = FAULTS[fault]
    change(folder)
    with pytest.raises(GateError, match=message):
        gate.run_gate(opened, folder, "bf16", tokenizer_source=source, logits=False)


def test_transformers_goes_on_after_what_is_not_listed(release: Path) -> None:
    assert all(generated_stop(release, VOCAB, token) for token in (0, 2, 315))
    assert not any(generated_stop(release, VOCAB, token) for token in (1, 3, 319))


def test_what_transformers_5_writes_is_written_for_both(tmp_path: Path) -> None:
    """As save_pretrained of the installed release writes it, and as 5 does."""
    from transformers import AutoTokenizer

    save_chat_tokenizer(tmp_path / "tokenizer", templates.CHATML, additional_special_tokens=["<|end|>", "<|call|>"])
    AutoTokenizer.from_pretrained(tmp_path / "tokenizer").save_pretrained(tmp_path / "saved")
    written = json.loads((tmp_path / "saved" / "tokenizer_config.json").read_text())
    five = {"tokenizer_class": "TokenizersBackend", "backend": "tokenizers", "extra_special_tokens": ["<|end|>", "<|call|>"]}
    for config in (written, five):
        known = for_both(config)
        assert not known["tokenizer_class"].endswith("Backend") and isinstance(known.get("extra_special_tokens", {}), dict)
        assert known["additional_special_tokens"] == ["<|end|>", "<|call|>"]
    assert for_both({"tokenizer_class": "Qwen2Tokenizer", "extra_special_tokens": {"image": "<|end|>"}}) == {
        "tokenizer_class": "Qwen2Tokenizer", "extra_special_tokens": {"image": "<|end|>"}}


def test_a_fine_tuned_model_that_does_not_stop_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    """A random model says anything but an end; one that was not fine-tuned here is not asked."""
    assert "not fine-tuned" in export_hf(checkpoint, tmp_path / "base", answer_tokens=8).checks["answer"]
    tuned = Path(shutil.copytree(checkpoint, tmp_path / "tuned"))
    write_manifest(tuned, replace(read_manifest(tuned), config={"stage": "sft"}))
    with pytest.raises(GateError, match="ends none of 4 answers within 8 tokens .*--answer-tokens N.*--skip-answer"):
        export_hf(tuned, tmp_path / "out", answer_tokens=8)
    assert not (tmp_path / "out").exists()
    assert export_hf(tuned, tmp_path / "out", answer_tokens=None).checks["answer"] == "not asked: left out by --skip-answer"
    with pytest.raises(UserError, match="--answer-tokens 0"):
        export_hf(tuned, tmp_path / "other", answer_tokens=0)

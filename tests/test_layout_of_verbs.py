"""A checkpoint that is to be split as its model cannot be: refused before any rank starts, in the words of training."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from megatron_qm.checkpoint.manifest import Manifest, write_manifest
from megatron_qm.cli import main
from megatron_qm.config.run import load_run
from megatron_qm.errors import UserError

SHAPE = ["model.layers=4", "model.heads=4", "model.kv_heads=4", "model.hidden_size=64", "model.ffn_hidden_size=128",
         "model.vocab_size=512"]
VERBS = {
    "generate": ["--checkpoint", "{}", "--prompts", "{}/prompts.jsonl", "--output", "{}/out.jsonl"],
    "serve": ["--checkpoint", "{}"],
    "evaluate": ["--model", "{}", "--probes", "{}/probes.jsonl"],
}


@pytest.fixture
def checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a model with four heads and four layers; its weights are nobody's business here."""
    config = load_run("tiny-cpu", SHAPE)
    write_manifest(tmp_path, Manifest(step=0, tokens=0, model=asdict(config.model), dtype="fp32"))
    (tmp_path / "prompts.jsonl").write_text('{"prompt": [1, 2]}\n')
    (tmp_path / "probes.jsonl").write_text('{"prompt": "a", "options": ["b", "c"], "answer": 0, "predicate": "g"}\n')
    monkeypatch.setenv("MEGATRON_QM_SERVE_TOKEN", "token")
    return tmp_path


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("split", [("tp", 3), ("pp", 3), ("tp", 8), ("tp", 1_000_000)])
def test_it_is_refused_as_training_refuses_it(
    verb: str, split: tuple[str, int], checkpoint: Path, capsys: pytest.CaptureFixture
) -> None:
    kind, ranks = split
    with pytest.raises(UserError) as refused:
        load_run("tiny-cpu", [*SHAPE, f"parallel.{kind}={ranks}", "parallel.devices=null"])
    sentence = str(refused.value).partition("': ")[2]
    assert sentence.startswith(f"parallel.{kind} = {ranks} does not divide model.")
    words = [word.format(checkpoint) for word in VERBS[verb]]
    assert main([verb, *words, f"--{kind}", str(ranks)]) == 2
    assert capsys.readouterr().err == f"error: {sentence}\n"


@pytest.mark.parametrize(("more", "said"), [
    (["--tp", "2"], "a Hugging Face folder is run in one process; leave out --tp, --pp and --nproc"),
    ([], "num_hidden_layers = 99999999999999999999: must be 10,000 or less"),
])
def test_a_hugging_face_folder_that_cannot_be_run_is_refused_first(
    more: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen3", "num_hidden_layers": 99999999999999999999}))
    (tmp_path / "probes.jsonl").write_text('{"prompt": "a", "options": ["b", "c"], "answer": 0}\n')
    assert main(["evaluate", "--model", str(tmp_path), "--probes", str(tmp_path / "probes.jsonl"), *more]) == 2
    assert said in capsys.readouterr().err

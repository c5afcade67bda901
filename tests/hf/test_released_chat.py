"""Chat models, fine-tuned here and released, answer and stop under transformers 4 and 5 by nothing but what is shipped.

transformers 4 lives in an environment of its own, whose Python is named by MEGATRON_QM_TRANSFORMERS_4.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from megatron_qm.cli import main
from megatron_qm.hf.import_hf import import_hf
from megatron_qm.tokenizer import TextTokenizer
from tests import templates
from tests.align.stages import run
from tests.templates import save_chat_tokenizer

PYTHONS = {"installed": sys.executable, "4": os.environ.get("MEGATRON_QM_TRANSFORMERS_4", "")}
ANSWER = """
import json, sys, transformers
folder, question = sys.argv[1:]
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
model = transformers.AutoModelForCausalLM.from_pretrained(folder)
asked = tokenizer.apply_chat_template([{"role": "user", "content": question}], add_generation_prompt=True, tokenize=False)
ids = tokenizer(asked, add_special_tokens=False, return_tensors="pt").input_ids
out = model.generate(ids, max_new_tokens=60, do_sample=False)[0, ids.shape[1]:].tolist()
print(json.dumps([transformers.__version__, out, tokenizer.decode(out)]))
"""
RECIPE = """\
device: cpu
data: {sequence_length: 64, tokenizer: TOKENIZER}
sft: {epochs: 40, sources: [{name: chat, path: CHAT}]}
train: {global_batch_size: 4, micro_batch_size: 1, start_from: START}
optimizer: {lr: 3.0e-3}
"""


def qwen2(folder: Path) -> Path:
    """A model of Qwen2's kind as transformers makes it, with a chat model's tokenizer, imported."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(Qwen2Config(vocab_size=320, num_key_value_heads=2, max_position_embeddings=256, **shape))
    model.save_pretrained(folder / "hf")
    save_chat_tokenizer(folder / "hf", templates.CHATML)
    (folder / "hf" / "generation_config.json").write_text('{"eos_token_id": [0], "temperature": 0.7, "do_sample": true}')
    return import_hf(folder / "hf", folder / "import")


@pytest.fixture(scope="module")
def tuned(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Checkpoints by where their models came from: the quickstart's tokenizer and no weights, or an import."""
    folder = tmp_path_factory.mktemp("tuned")
    start = qwen2(folder)
    recipe = folder / "sft.yaml"
    for name, value in (("TOKENIZER", start / "tokenizer"), ("CHAT", tiny / "chat.jsonl"), ("START", start)):
        recipe.write_text((recipe.read_text() if recipe.exists() else RECIPE).replace(name, str(value)))
    return {"quickstart": run("sft", tiny / "sft.yaml", folder / "quickstart", "sft.epochs=40"),
            "qwen2": run("sft", recipe, folder / "qwen2")}


@pytest.fixture(scope="module")
def releases(tuned: dict[str, Path]) -> dict[str, Path]:
    """Through the whole gate, an answer of theirs included."""
    found = {name: checkpoint.parents[1] / "hf" for name, checkpoint in tuned.items()}
    for name, checkpoint in tuned.items():
        assert main(["export-hf", "--checkpoint", str(checkpoint), "--output", str(found[name]), "--answer-tokens", "60"]) == 0
    return found


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", ["quickstart", "qwen2"])
def test_an_answer_stops_by_what_is_shipped(name: str, python: str, releases: dict[str, Path]) -> None:
    if not PYTHONS[python]:
        pytest.skip("MEGATRON_QM_TRANSFORMERS_4 names no Python with transformers 4 (docs/hf.md)")
    done = subprocess.run([PYTHONS[python], "-c", ANSWER, str(releases[name]), "Code of illness b1?"], capture_output=True,
                          text=True, timeout=300, env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-3000:]
    version, tokens, text = json.loads(done.stdout.splitlines()[-1])
    assert version.startswith(python) or python == "installed"
    assert text.endswith("<|im_end|>") and text.count("<|") == 1 and len(tokens) < 60
    assert tokens[-1] == TextTokenizer(releases[name]).token("<|im_end|>")


def test_a_release_with_another_template_than_it_learnt_does_not_pass(
    tuned: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says <|im_end|>, and the template that is shipped ends turns otherwise."""
    other = save_chat_tokenizer(tmp_path / "tokenizer", templates.BOX)
    words = ["export-hf", "--checkpoint", str(tuned["qwen2"]), "--output", str(tmp_path / "out"), "--answer-tokens", "60"]
    assert main([*words, "--tokenizer", str(other)]) == 2
    assert "ends none of 4 answers within 60 tokens" in capsys.readouterr().err and not (tmp_path / "out").exists()

"""The gate catches a release that is not its checkpoint's model, and names what differs.

Two kinds of fault: in the files, found by comparing them with the checkpoint; and in the conversion itself, where the
files hold just what was meant and only the models' outputs tell.
"""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from megatron_qm.hf import export_hf as export_module
from megatron_qm.hf import families, gate, parity
from megatron_qm.hf.companions import find_tokenizer_json
from megatron_qm.hf.errors import GateError
from megatron_qm.hf.export_hf import export_hf
from megatron_qm.hf.import_hf import import_hf
from megatron_qm.hf.opened import Opened, open_checkpoint
from tests.hf.models import MODELS, VOCAB, save_random_model, save_tokenizer

SQUARE = "llama-tied"  # as many key heads as query heads: swapped tensors have the right shapes


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("gate")
    found = {}
    for name in MODELS:
        save_random_model(root / name, name)
        save_tokenizer(root / name)
        found[name] = import_hf(root / name, root / f"{name}-ckpt")
    return found


@pytest.fixture(scope="module")
def releases(checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("releases")
    for name in (SQUARE, "qwen2", "llama"):
        export_hf(checkpoints[name], root / name, dtype="fp32", skip_logits=True)
    return {name: root / name for name in (SQUARE, "qwen2", "llama")}


@pytest.fixture(scope="module")
def opened(checkpoints: dict[str, Path]) -> dict[str, Opened]:
    return {name: open_checkpoint(path) for name, path in checkpoints.items()}


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    held = load_file(folder / "model.safetensors")
    change(held)
    held = {name: tensor.contiguous() for name, tensor in held.items()}
    save_file(held, folder / "model.safetensors", {"format": "pt"})


def reconfigure(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def swap(a: str, b: str) -> Callable[[Path], None]:
    def change(held: dict[str, torch.Tensor]) -> None:
        held[a], held[b] = held[b], held[a]

    return lambda folder: rewrite(folder, change)


def put(name: str, make: Callable[[torch.Tensor | None], torch.Tensor | None]) -> Callable[[Path], None]:
    def change(held: dict[str, torch.Tensor]) -> None:
        value = make(held.pop(name, None))
        if value is not None:
            held[name] = value

    return lambda folder: rewrite(folder, change)


def flip_last_bit(folder: Path) -> None:
    data = bytearray((folder / "model.safetensors").read_bytes())
    data[-4] ^= 1
    (folder / "model.safetensors").write_bytes(bytes(data))


def cut(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:-4])


def other_tokenizer(folder: Path) -> None:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocab = tokenizer["model"]["vocab"]
    vocab["e"], vocab["t"] = vocab["t"], vocab["e"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


Q, K = "model.layers.1.self_attn.q_proj.weight", "model.layers.1.self_attn.k_proj.weight"
GATE, UP = "model.layers.3.mlp.gate_proj.weight", "model.layers.3.mlp.up_proj.weight"
EMBED, HEAD = "model.embed_tokens.weight", "lm_head.weight"
# what is done to the folder: what the error says
TIED_FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "query and key swapped": (swap(Q, K), "model.layers.1.self_attn.q_proj.weight differs"),
    "gate and up swapped": (swap(GATE, UP), "model.layers.3.mlp.gate_proj.weight differs"),
    "gate transposed": (put(GATE, lambda t: t.t().reshape(t.shape)), "gate_proj.weight differs"),
    "gate of another shape": (put(GATE, lambda t: t.t()), r"gate_proj.weight has shape \[32, 48\]"),
    "a row too many": (put(EMBED, lambda t: torch.cat([t, t[:1]])), rf"embed_tokens.weight has shape \[{VOCAB + 1},"),
    "a row too few": (put(EMBED, lambda t: t[:-1]), "embed_tokens.weight has shape"),
    "rows shifted by one": (put(EMBED, lambda t: t.roll(1, 0)), "embed_tokens.weight differs .* row 0"),
    "an output layer of its own": (put(HEAD, lambda _: torch.zeros(VOCAB, 32)), "lm_head.weight is no tensor"),
    "a tensor lost": (put("model.norm.weight", lambda _: None), "model.norm.weight is missing"),
    "a tensor in BF16": (put(UP, lambda t: t.bfloat16()), "up_proj.weight is torch.bfloat16"),
    "the last bit": (flip_last_bit, "differs from"),
    "a cut file": (cut, "model.safetensors"),
    "another RoPE base": (lambda f: reconfigure(f, rope_theta=20000.0), "rope_theta = 20000.0"),
    "untied": (lambda f: reconfigure(f, tie_word_embeddings=False), "tied_embeddings = False"),
    "another epsilon": (lambda f: reconfigure(f, rms_norm_eps=1e-5), "norm_eps"),
    "another vocabulary": (lambda f: reconfigure(f, vocab_size=VOCAB + 1), "vocab_size"),
    "says BF16": (lambda f: reconfigure(f, torch_dtype="bfloat16"), "bfloat16"),
    "another tokenizer": (other_tokenizer, "tokenizer: "),
    "tokenizer lost": (no_tokenizer, "tokenizer"),
}


@pytest.mark.parametrize("fault", TIED_FAULTS)
def test_a_fault_in_the_files_is_named(
    fault: str, releases: dict[str, Path], opened: dict[str, Opened], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(releases[SQUARE], tmp_path / "release"))
    change, message = TIED_FAULTS[fault]
    change(folder)
    source = find_tokenizer_json(opened[SQUARE].folder / "tokenizer")
    with pytest.raises(GateError, match=message):
        gate.run_gate(opened[SQUARE], folder, "fp32", tokenizer_source=source, logits=False)


def test_the_same_folder_passes_untouched(releases: dict[str, Path], opened: dict[str, Opened]) -> None:
    source = find_tokenizer_json(opened[SQUARE].folder / "tokenizer")
    report = gate.run_gate(opened[SQUARE], releases[SQUARE], "fp32", tokenizer_source=source)
    assert report.parity.conversion.relative < 1e-5 and report.parity.rounding is None
    assert "6 of 6 texts" in report.checks["tokenizer"] and "chat template" in report.checks["tokenizer"]


def renamed(old: str, new: str) -> Callable[[pytest.MonkeyPatch, str], None]:
    """The table gives each of two names to the other's tensor."""

    def patch(patcher: pytest.MonkeyPatch, family: str) -> None:
        names = {old: new, new: old}
        rules = tuple(
            replace(rule, hf=tuple(names.get(name, name) for name in rule.hf))
            for rule in families.FAMILIES[family].layer
        )
        patcher.setitem(families.FAMILIES, family, replace(families.FAMILIES[family], layer=rules))

    return patch


def not_interleaved(patcher: pytest.MonkeyPatch, family: str) -> None:
    """All queries, then all keys, then all values."""

    def stacked(model: Any) -> list[tuple[int, int]]:
        rows = model.kv_heads * model.head_dim
        return [(0, model.heads * model.head_dim), (1, rows), (2, rows)]

    rules = tuple(
        replace(rule, packing=stacked) if "linear_qkv.weight" in rule.megatron else rule
        for rule in families.FAMILIES[family].layer
    )
    patcher.setitem(families.FAMILIES, family, replace(families.FAMILIES[family], layer=rules))


MAPPING_FAULTS: dict[str, tuple[str, Callable[[pytest.MonkeyPatch, str], None], str]] = {
    "query and key": (SQUARE, renamed("self_attn.q_proj.weight", "self_attn.k_proj.weight"), "layers.0.self_attn"),
    "key and value": ("qwen3", renamed("self_attn.k_proj.weight", "self_attn.v_proj.weight"), "layers.0.self_attn"),
    "biases": ("qwen2", renamed("self_attn.k_proj.bias", "self_attn.v_proj.bias"), "layers.0.self_attn"),
    "q and k norms": ("qwen3", renamed("self_attn.q_norm.weight", "self_attn.k_norm.weight"), "layers.0.self_attn"),
    "not interleaved": ("llama", not_interleaved, "layers.0.self_attn"),
    "gate and up": ("llama", renamed("mlp.gate_proj.weight", "mlp.up_proj.weight"), "layers.0.mlp"),
    "norms": ("qwen3-tied", renamed("input_layernorm.weight", "post_attention_layernorm.weight"),
              "layers.0.input_layernorm"),
}


@pytest.mark.parametrize("fault", MAPPING_FAULTS)
def test_a_fault_in_the_table_shows_in_the_outputs(
    fault: str, checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, patch, module = MAPPING_FAULTS[fault]
    patch(monkeypatch, MODELS[name][0])
    with pytest.raises(GateError, match=f"first in model.{module}:"):
        export_hf(checkpoints[name], tmp_path / "out", dtype="bf16")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", [{"rope_theta": 499000.0}, {"rope_scaling": None}], ids=["theta", "scaling"])
def test_other_frequencies_are_found_in_the_model_itself(
    change: dict[str, Any], releases: dict[str, Path], opened: dict[str, Opened], tmp_path: Path
) -> None:
    """Also where config.json and our reading of it would agree."""
    folder = Path(shutil.copytree(releases["llama"], tmp_path / "release"))
    reconfigure(folder, **change)
    with pytest.raises(GateError, match="model.rotary_emb"):
        parity.compare(opened["llama"], folder, [list(range(40))], torch.float32)


def test_a_wrong_config_is_not_released(
    checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = export_module.to_hf
    monkeypatch.setattr(export_module, "to_hf", lambda *a: right(*a) | {"rope_theta": 1.0})
    with pytest.raises(GateError, match="rope_theta = 1.0"):
        export_hf(checkpoints["qwen2"], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_ties_are_looked_at_in_the_loaded_model(
    releases: dict[str, Path], opened: dict[str, Opened], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(releases["qwen2"], tmp_path / "release"))
    reconfigure(folder, tie_word_embeddings=True)
    rewrite(folder, lambda held: held.pop(HEAD))
    with pytest.raises(GateError, match="lm_head.weight is tied"):
        parity.compare(opened["qwen2"], folder, [[1, 2, 3]], torch.float32)


def test_differences_are_what_their_names_say() -> None:
    generator = torch.Generator().manual_seed(0)
    a = [torch.randn(5, 7, generator=generator), torch.randn(3, 7, generator=generator)]
    b = [a[0].clone(), a[1].clone()]
    same = parity.difference(a, b)
    assert (same.largest, same.relative, same.worst_kl, same.same_top, same.tokens) == (0, 0, 0, 1.0, 8)
    b[1][2, 4] += 3.0
    found = parity.difference(a, b)
    reference = torch.nn.functional.kl_div(
        b[1][2].log_softmax(-1), a[1][2].log_softmax(-1), reduction="sum", log_target=True
    ).item()
    assert found.largest == pytest.approx(3.0) and found.worst_kl == pytest.approx(reference, rel=1e-5)
    assert found.mean_kl == pytest.approx(reference / 8, rel=1e-5)
    b[0][0, 0] = float("nan")
    assert parity.difference(a, b).largest == float("inf")

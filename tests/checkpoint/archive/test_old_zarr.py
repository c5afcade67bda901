"""Old `zarr` checkpoints, against numbers that their maker's formula gives (old_zarr/README.md)."""

import json
import shutil
import zlib
from pathlib import Path

import pytest
import tensorstore as ts
import torch

from megatron_qm.checkpoint.manifest import verify
from megatron_qm.checkpoint.torch_dist_reader import TorchDistReader
from megatron_qm.cli import main

OLD = Path(__file__).parent / "old_zarr" / "checkpoint"
RECIPE = """
model: {family: qwen3, layers: 2, hidden_size: 32, ffn_hidden_size: 48, heads: 4, kv_heads: 2, head_dim: 8,
        vocab_size: 100, pad_vocab_to_multiple_of: 128, tied_embeddings: false}
train: {steps: 1}
"""
SHAPES = {
    "embedding.word_embeddings.weight": (104, 32),
    "output_layer.weight": (104, 32),
    "decoder.final_layernorm.weight": (32,),
    "decoder.layers.self_attention.linear_qkv.layer_norm_weight": (2, 32),
    "decoder.layers.self_attention.linear_qkv.weight": (2, 64, 32),
    "decoder.layers.self_attention.q_layernorm.weight": (2, 8),
    "decoder.layers.self_attention.k_layernorm.weight": (2, 8),
    "decoder.layers.self_attention.linear_proj.weight": (2, 32, 32),
    "decoder.layers.mlp.linear_fc1.layer_norm_weight": (2, 32),
    "decoder.layers.mlp.linear_fc1.weight": (2, 96, 32),
    "decoder.layers.mlp.linear_fc2.weight": (2, 32, 48),
}
QKV, PROJ = "decoder.layers.self_attention.linear_qkv.weight", "decoder.layers.self_attention.linear_proj.weight"


def formula(name: str) -> torch.Tensor:
    """As in old_zarr/make.py."""
    places = torch.arange(torch.Size(SHAPES[name]).numel()).reshape(SHAPES[name])
    return (((places * 7 + zlib.crc32(name.encode())) % 251 - 125) / 64).bfloat16()


def restored(old: Path, tmp_path: Path, *overrides: str) -> int:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return main(["restore", "--archive", str(old), "--output", str(tmp_path / "new"),
                 "--config", str(tmp_path / "recipe.yaml"), *overrides])  # fmt: skip


def check_weights(new: Path, vocabulary_rows: int = 128) -> None:
    verify(new)
    reader = TorchDistReader(new / "weights")
    assert reader.names == set(SHAPES)
    for name in SHAPES:
        wanted = formula(name)
        if wanted.shape[0] == 104:
            rows = min(104, vocabulary_rows)
            padding = torch.zeros(vocabulary_rows - rows, 32, dtype=torch.bfloat16)
            wanted = torch.cat([wanted[:rows], padding])
        found = reader.block(name, [0] * wanted.dim(), wanted.shape)
        assert reader.shape(name) == wanted.shape and torch.equal(found, wanted), name


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(OLD, tmp_path / "old")
    return tmp_path / "old"


def test_every_number_is_the_formulas(tmp_path: Path) -> None:
    assert restored(OLD, tmp_path) == 0
    check_weights(tmp_path / "new")
    manifest = json.loads((tmp_path / "new" / "manifest.json").read_text())
    assert manifest["dtype"] == "bf16" and manifest["contains"] == {"model": True, "optimizer": False}


def test_padding_that_the_recipe_does_not_want_is_cut(tmp_path: Path) -> None:
    assert restored(OLD, tmp_path, "model.pad_vocab_to_multiple_of=4") == 0
    check_weights(tmp_path / "new", 100)


def test_nemo_keeps_them_one_folder_down_and_prefixed(copy: Path, tmp_path: Path) -> None:
    nemo = tmp_path / "nemo" / "model_weights"
    shutil.copytree(copy, nemo)
    for folder in [path for path in nemo.iterdir() if path.is_dir()]:
        folder.rename(nemo / f"model.{folder.name}")
    shutil.copytree(nemo / f"model.{QKV}", nemo / f"optimizer.state.exp_avg.model.{QKV}")
    assert restored(tmp_path / "nemo", tmp_path) == 0
    check_weights(tmp_path / "new")


def test_megatron_lm_names_the_newest(copy: Path, tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    copy.rename(tmp_path / "all" / "iter_0000700")
    (tmp_path / "all" / "latest_checkpointed_iteration.txt").write_text("700\n")
    assert restored(tmp_path / "all", tmp_path) == 0
    check_weights(tmp_path / "new")


def test_layers_that_were_not_stacked(copy: Path, tmp_path: Path) -> None:
    """As `non_homogeneous_layers` stores them."""
    for layer in range(2):
        single = copy / PROJ.replace("layers.", f"layers.{layer}.")
        spec = {"driver": "zarr", "kvstore": {"driver": "file", "path": f"{single}/"},
                "metadata": {"dtype": "bfloat16", "shape": [32, 32], "chunks": [32, 16], "compressor": None}}  # fmt: skip
        array = ts.open(spec, create=True).result()
        array.write(formula(PROJ)[layer].float().numpy().astype(array.dtype.numpy_dtype)).result()
    shutil.rmtree(copy / PROJ)
    assert restored(copy, tmp_path) == 0
    check_weights(tmp_path / "new")


@pytest.mark.parametrize(("remove", "overrides", "named"), [
    (f"{QKV}/1.1.0", [], QKV),
    (QKV, [], QKV),
    ("embedding.word_embeddings.weight", [], "embedding.word_embeddings.weight"),
    (None, ["model.hidden_size=64"], "[104, 32]"),
    (None, ["model.vocab_size=110"], "[104, 32]"),
    (None, ["model.layers=1"], "[2, "),
    (None, ["model.tied_embeddings=true"], "output_layer.weight"),
    (None, ["model.family=llama", "model.qk_norm=false"], "k_layernorm"),
])  # fmt: skip
def test_what_does_not_fit_is_named(copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                    remove: str | None, overrides: list[str], named: str) -> None:  # fmt: skip
    if remove:
        path = copy / remove
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    assert restored(copy, tmp_path, *overrides) == 2
    assert named in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["old", "recipe.yaml"]


def test_a_torn_chunk_is_named(copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chunk = copy / QKV / "1.1.0"
    chunk.write_bytes(chunk.read_bytes()[:-2])
    assert restored(copy, tmp_path) == 2
    assert QKV in capsys.readouterr().err and not (tmp_path / "new").exists()


def test_without_a_recipe_it_is_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", "--archive", str(OLD), "--output", str(tmp_path / "new")]) == 2
    assert "--config RECIPE" in capsys.readouterr().err

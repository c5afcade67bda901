"""HF -> checkpoint -> HF gives the bits back; what cannot be converted is named, and leaves nothing behind."""

import gzip
import json
import re
import shutil
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from megatron_qm.checkpoint import torch_dist_writer
from megatron_qm.checkpoint.manifest import verify
from megatron_qm.errors import UserError
from megatron_qm.hf import weights
from megatron_qm.hf.export_hf import export_hf
from megatron_qm.hf.import_hf import import_hf
from megatron_qm.hf.opened import open_checkpoint
from tests.hf.models import MODELS, VOCAB, differing, save_random_model, save_tokenizer, tensors


@pytest.fixture(scope="module")
def hf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hf") / "model"
    save_random_model(folder, "qwen3-tied")
    save_tokenizer(folder)
    (folder / "LICENSE").write_text("as it was\n")
    return folder


@pytest.fixture
def copy(hf: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(hf, tmp_path / "copy"))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("tiny_blocks", [False, True], ids=["", "tiny blocks"])
def test_there_and_back_is_bit_for_bit_the_same(
    name: str, tiny_blocks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dtype = torch.bfloat16 if tiny_blocks else torch.float32
    save_random_model(tmp_path / "hf", name, dtype, **({"max_shard_size": "20KB"} if tiny_blocks else {}))
    if tiny_blocks:
        monkeypatch.setattr(weights, "_BLOCK_BYTES", 200)
        monkeypatch.setattr(torch_dist_writer, "CHUNK_BYTES", 700)
        monkeypatch.setattr(torch_dist_writer, "_FILE_BYTES", 20000)
    checkpoint = import_hf(tmp_path / "hf", tmp_path / "ckpt")
    export_hf(
        checkpoint, tmp_path / "out", dtype="bf16" if tiny_blocks else "fp32", no_tokenizer=True, skip_logits=True,
        max_shard_size="10kB" if tiny_blocks else "5GB",
    )  # fmt: skip
    assert differing(tensors(tmp_path / "hf"), tensors(tmp_path / "out")) == []
    files = sorted(path.name for path in (tmp_path / "out").glob("*.safetensors"))
    assert (files == ["model.safetensors"]) != tiny_blocks
    for file in files:
        held = load_file(tmp_path / "out" / file)
        size = sum(tensor.numel() * tensor.element_size() for tensor in held.values())
        assert size <= 10_000 or len(held) == 1 or not tiny_blocks


def test_what_a_checkpoint_of_an_import_holds(hf: Path, tmp_path: Path) -> None:
    checkpoint = import_hf(hf, tmp_path / "runs" / "ckpt")
    manifest = verify(checkpoint)
    assert (manifest.step, manifest.tokens, manifest.dtype) == (0, 0, "fp32")
    assert manifest.contains == {"model": True, "optimizer": False}
    kept = {"tokenizer/tokenizer.json", "tokenizer/chat_template.jinja", "hf/LICENSE", "hf/config.json"}
    assert kept <= set(manifest.files)
    opened = open_checkpoint(checkpoint)
    embedding = opened.reader.rows("embedding.word_embeddings.weight", 0, 384)
    assert torch.equal(embedding[:VOCAB], tensors(hf)["model.embed_tokens.weight"])
    assert not embedding[VOCAB:].any()
    assert [path.name for path in checkpoint.parent.iterdir()] == ["ckpt"]


def test_an_existing_output_is_left_alone(hf: Path, tmp_path: Path) -> None:
    checkpoint = import_hf(hf, tmp_path / "ckpt")
    with pytest.raises(UserError, match="exists"):
        import_hf(hf, checkpoint)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    with pytest.raises(UserError, match="not replaced"):
        import_hf(hf, tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "x"
    import_hf(hf, checkpoint, overwrite=True)
    verify(checkpoint)


def rewrite(folder: Path, **changes: torch.Tensor | None) -> None:
    """Change tensors of model.safetensors; None takes one out. `__` in a name stands for a dot."""
    held = load_file(folder / "model.safetensors")
    for name, tensor in changes.items():
        name = name.replace("__", ".")
        held = {key: value for key, value in held.items() if key != name}
        if tensor is not None:
            held[name] = tensor
    save_file(held, folder / "model.safetensors", {"format": "pt"})


def missing(folder: Path) -> None:
    rewrite(folder, model__layers__2__mlp__up_proj__weight=None)


def strange(folder: Path) -> None:
    rewrite(folder, model__layers__0__mlp__experts__weight=torch.zeros(2))


def misshapen(folder: Path) -> None:
    rewrite(folder, model__norm__weight=torch.zeros(31))


def integer(folder: Path) -> None:
    rewrite(folder, model__norm__weight=torch.zeros(32, dtype=torch.int8))


def not_a_number(folder: Path) -> None:
    norm = torch.ones(32)
    norm[3] = float("nan")
    rewrite(folder, model__norm__weight=norm)


def another_head(folder: Path) -> None:
    rewrite(folder, lm_head__weight=torch.zeros(VOCAB, 32))


def truncated(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-10])


def empty(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"")


def huge_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 1 << 60) + b"{}")


def other_format(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def lying_index(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    names = {name: "model-00001-of-00001.safetensors" for name in ("model.norm.weight", "nowhere.weight")}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))


def escaping_index(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../model.safetensors"}}))


def both(folder: Path) -> None:
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {}}))


def mixture(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "qwen3_moe"}))


def cut_tokenizer(folder: Path) -> None:
    file = folder / "tokenizer.json"
    file.write_bytes(file.read_bytes()[:-10])


def cut_packed_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json.gz").write_bytes(gzip.compress((folder / "tokenizer.json").read_bytes())[:-20])
    (folder / "tokenizer.json").unlink()


def tokenizer_is_a_folder(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.json").mkdir()


def no_vocabulary(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def broken_tokenizer_config(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text("{")


def unknown_tokenizer_class(folder: Path) -> None:
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": 5}))


def broken_template(folder: Path) -> None:
    (folder / "chat_template.jinja").write_text("{% for")


def more_tokens_than_rows(folder: Path) -> None:
    file = folder / "tokenizer.json"
    held = json.loads(file.read_text())
    held["added_tokens"].append(held["added_tokens"][0] | {"id": VOCAB, "content": "<|more|>"})
    (held["model"]["vocab"])["<|more|>"] = VOCAB
    file.write_text(json.dumps(held))


def broken_generation_config(folder: Path) -> None:
    (folder / "generation_config.json").write_text("[1")


def listed_generation_config(folder: Path) -> None:
    (folder / "generation_config.json").write_text("[1]")


BROKEN = {
    cut_tokenizer: "tokenizer.json: not a tokenizer",
    cut_packed_tokenizer: "tokenizer.json.gz: not a tokenizer",
    tokenizer_is_a_folder: "tokenizer.json: is a folder",
    no_vocabulary: "tokenizer_config.json: cannot load",
    broken_tokenizer_config: "tokenizer_config.json: cannot be read as JSON",
    unknown_tokenizer_class: "tokenizer_config.json: tokenizer_class = 5 is not text",
    broken_template: "the chat template cannot be read",
    more_tokens_than_rows: f"tokenizer.json: has tokens up to number {VOCAB}, but the embedding has {VOCAB} rows",
    broken_generation_config: "generation_config.json: cannot be read as JSON",
    listed_generation_config: "generation_config.json: holds a list, not an object",
    missing: "model.layers.2.mlp.up_proj.weight is missing",
    strange: "model.layers.0.mlp.experts.weight is no tensor",
    misshapen: r"model.norm.weight has shape \[31\]",
    integer: "model.norm.weight is stored as I8",
    not_a_number: "model.norm.weight: holds NaN",
    another_head: "lm_head.weight differs",
    truncated: "model.safetensors: torn",
    empty: "model.safetensors: torn",
    huge_header: "model.safetensors: torn",
    other_format: "pytorch_model.bin is there",
    lying_index: "nowhere.weight",
    escaping_index: "weight_map",
    both: "has both",
    mixture: "qwen3_moe",
}


@pytest.mark.parametrize("damage", BROKEN, ids=lambda damage: damage.__name__)
def test_what_cannot_be_converted_is_named_and_leaves_nothing(damage: object, copy: Path, tmp_path: Path) -> None:
    damage(copy)
    with pytest.raises(UserError, match=BROKEN[damage]):
        import_hf(copy, tmp_path / "ckpt")
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


@pytest.mark.parametrize("value", ["x", -1, 99999, VOCAB, [], [1, "x"], True, 1.0])
@pytest.mark.parametrize("name", ["generation_config.json", "config.json"])
def test_an_end_that_is_no_token_is_refused(name: str, value: object, copy: Path, tmp_path: Path) -> None:
    file = copy / name
    (copy / "generation_config.json").unlink(missing_ok=True)
    held = json.loads(file.read_text()) if file.is_file() else {}
    file.write_text(json.dumps(held | {"eos_token_id": value}))
    with pytest.raises(UserError, match=rf"{name}: eos_token_id = {re.escape(json.dumps(value))}: must be the number"):
        import_hf(copy, tmp_path / "ckpt")
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]


def test_a_packed_tokenizer_and_none_at_all_are_fine(copy: Path, tmp_path: Path) -> None:
    (copy / "tokenizer.json.gz").write_bytes(gzip.compress((copy / "tokenizer.json").read_bytes()))
    (copy / "tokenizer.json").unlink()
    assert (import_hf(copy, tmp_path / "packed") / "tokenizer" / "tokenizer.json").is_file()
    for name in ("tokenizer.json.gz", "tokenizer_config.json", "chat_template.jinja"):
        (copy / name).unlink()
    verify(import_hf(copy, tmp_path / "bare"))


def test_an_output_layer_equal_to_the_embedding_is_a_tie(copy: Path, tmp_path: Path) -> None:
    """Some files store the tied tensor twice; some store a buffer that follows from the config."""
    held = load_file(copy / "model.safetensors")
    embedding = held["model.embed_tokens.weight"].clone()
    rewrite(copy, lm_head__weight=embedding, model__layers__0__self_attn__rotary_emb__inv_freq=torch.ones(8))
    export_hf(import_hf(copy, tmp_path / "ckpt"), tmp_path / "out", dtype="fp32", skip_logits=True)
    assert differing(tensors(tmp_path / "out"), held) == []


def test_mixed_precision_is_kept_without_loss(copy: Path, tmp_path: Path) -> None:
    held = load_file(copy / "model.safetensors")
    mixed = {name: value if "norm" in name or "k_proj" in name else value.bfloat16() for name, value in held.items()}
    save_file(mixed, copy / "model.safetensors", {"format": "pt"})
    export_hf(import_hf(copy, tmp_path / "ckpt"), tmp_path / "out", dtype="fp32", skip_logits=True)
    assert differing(tensors(tmp_path / "out"), {name: value.float() for name, value in mixed.items()}) == []

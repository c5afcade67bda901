"""Checkpoints for archives: written by torch's own distributed checkpoint, with every kind of tensor there is."""

from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.metadata import TensorStorageMetadata

from megatron_qm.checkpoint.manifest import Manifest, write_manifest
from megatron_qm.config.model import ModelConfig

MODEL = ModelConfig(layers=3, hidden_size=32, ffn_hidden_size=48, heads=4, kv_heads=2, vocab_size=100, max_positions=64)
STACKED = "decoder.layers.mlp.linear_fc1.weight"
EXTRA = "decoder.layers.self_attention.linear_qkv._extra_state/shard_0_3"


def tensors() -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(5)
    bits = torch.randint(-(2**31), 2**31, (50, 7), generator=random, dtype=torch.int64).to(torch.int32)
    return {
        STACKED: torch.randn(3, 6, 5, generator=random),
        f"optimizer.state.exp_avg.{STACKED}": torch.randn(3, 6, 5, generator=random),
        "embedding.word_embeddings.weight": torch.randn(128, 32, generator=random).bfloat16(),
        "any bits as float32": bits.view(torch.float32),  # NaNs of every kind among them
        "any bits as bfloat16": bits.view(torch.bfloat16),
        "minus zero": torch.full((9,), -0.0),
        "zeros": torch.zeros(40, 3),
        "half": torch.randn(4, 4, generator=random).half(),
        "fp8": torch.randn(8, 8, generator=random).to(torch.float8_e4m3fn),
        "counts": torch.arange(-5, 20).reshape(5, 5),
        "bytes": torch.arange(200, dtype=torch.uint8),
        "flags": torch.tensor([True, False, True]),
        "complex": torch.randn(3, 2, generator=random, dtype=torch.complex64),
        "scalar": torch.tensor(1.5, dtype=torch.float64),
        "step": torch.tensor(7),
        "empty": torch.empty(0, 5),
        "empty at the end": torch.empty(4, 0, dtype=torch.bfloat16),
        "experts": torch.randn(2, 3, 4, 5, generator=random),
        "a/b c%d.ü": torch.ones(2),
        "__private": torch.ones(3),
        "zarr.json": torch.ones(1),
    }


def write_checkpoint(folder: Path, step: int = 40) -> dict[str, torch.Tensor]:
    """A checkpoint of all `tensors`, of one object and of other files. Returns the tensors."""
    state = tensors()
    state["embedding.word_embeddings.weight"][0, 0] = step
    dcp.save(state | {EXTRA: "scale 3"}, checkpoint_id=folder / "weights", no_dist=True)
    torch.save({"optimizer_step": step}, folder / "weights" / "common.pt")
    (folder / "weights" / "metadata.json").write_text('{"sharded_backend": "torch_dist", "sharded_backend_version": 1}')
    (folder / "rank_state").mkdir()
    torch.save({"cpu": torch.arange(256, dtype=torch.uint8)}, folder / "rank_state" / "rank-00000.pt")
    for name in ("tokenizer/tokenizer.json", "tokenizer/zarr.json", "hf/c/0", "hf/__x"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes(range(256)) * 3 + name.encode())
    (folder / "hf" / "nothing").write_bytes(b"")
    manifest = Manifest(step=step, tokens=step * 100, model=vars(MODEL.resolved()), dtype="bf16", data={"cursor": [1, 2]},
                        contains={"model": True, "optimizer": True}, created_by={"megatron-qm": "of long ago"})  # fmt: skip
    write_manifest(folder, manifest)
    return state


def load(folder: Path) -> dict[str, Any]:
    """Everything in a checkpoint's weights, by torch alone."""
    reader = dcp.FileSystemReader(folder / "weights")
    stored = reader.read_metadata().state_dict_metadata
    state: dict[str, Any] = {
        key: torch.empty(value.size, dtype=value.properties.dtype) if isinstance(value, TensorStorageMetadata) else None
        for key, value in stored.items()
    }
    dcp.load(state, storage_reader=reader, no_dist=True)
    return state


def same_bits(left: torch.Tensor, right: torch.Tensor) -> bool:
    same_kind = left.dtype == right.dtype and left.shape == right.shape
    return same_kind and raw(left) == raw(right)


def raw(tensor: torch.Tensor) -> bytes:
    return tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def other_files(folder: Path) -> dict[str, bytes]:
    """All files but the tensors, their index and the manifest."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes() for name, path in files.items()
        if name not in ("manifest.json", "weights/.metadata") and not name.endswith(".distcp")
    }  # fmt: skip

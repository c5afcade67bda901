"""Hashes of everything in a checkpoint, read by torch alone: no Megatron, no process group."""

import hashlib
from pathlib import Path

import numpy as np


def hashes(checkpoint: Path) -> dict[str, str]:
    """{tensor name: sha256 of its shape, dtype and bytes} of weights and optimizer state."""
    import torch
    from torch.distributed.checkpoint import FileSystemReader
    from torch.distributed.checkpoint.default_planner import _EmptyStateDictLoadPlanner
    from torch.distributed.checkpoint.state_dict_loader import _load_state_dict

    state: dict = {}
    _load_state_dict(
        state, storage_reader=FileSystemReader(checkpoint / "weights"), planner=_EmptyStateDictLoadPlanner(),
        no_dist=True,
    )
    tensors = {name: value for name, value in flat(state).items() if isinstance(value, torch.Tensor)}
    return {name: digest(tensor.contiguous().view(torch.uint8).numpy(), tensor) for name, tensor in tensors.items()}


def flat(tree: dict, prefix: str = "") -> dict:
    found = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        found |= flat(value, name + ".") if isinstance(value, dict) else {name: value}
    return found


def digest(array: np.ndarray, tensor: object) -> str:
    head = f"{tuple(tensor.shape)} {tensor.dtype}".encode()  # type: ignore[attr-defined]
    return hashlib.sha256(head + array.tobytes()).hexdigest()

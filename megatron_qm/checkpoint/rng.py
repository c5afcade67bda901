"""The random number generators of one rank: Python's, numpy's, torch's on CPU and GPU, and Megatron's tracker."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from megatron.core.tensor_parallel import get_cuda_rng_tracker

from megatron_qm.checkpoint.manifest import RANK_STATE
from megatron_qm.checkpoint.pickles import read_values

Generators = dict[str, Any]  # states of different kinds, as torch.load(weights_only=True) gives them back


def rng_file(rank: int) -> str:
    """Relative to the checkpoint."""
    return f"{RANK_STATE}/rank-{rank:05d}.pt"


def rng_state() -> Generators:
    """A copy of all generators' states, of plain values and tensors: `torch.load(weights_only=True)` reads it."""
    legacy = np.random.get_state()
    assert isinstance(legacy, tuple)  # a dictionary only where that is asked for
    kind, keys, position, has_gauss, gauss = legacy
    version, words, python_gauss = random.getstate()
    return {
        "python": [version, torch.tensor(words, dtype=torch.int64), python_gauss],
        "numpy": [kind, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, gauss],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
        "megatron": {name: state.clone() for name, state in get_cuda_rng_tracker().get_states().items()},
    }


def restore_rng(state: Generators) -> None:
    version, words, python_gauss = state["python"]
    random.setstate((version, tuple(words.tolist()), python_gauss))
    kind, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    torch.set_rng_state(state["torch"])
    if state["cuda"] is not None and torch.cuda.is_initialized():
        torch.cuda.set_rng_state(state["cuda"])
    if state["megatron"]:
        get_cuda_rng_tracker().set_states(state["megatron"])


def load_rng(path: Path) -> Generators:
    state: Generators = read_values(path)
    return state

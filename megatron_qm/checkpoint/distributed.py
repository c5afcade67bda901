"""Model and optimizer as global tensors by name, at whatever layout this job has: what Megatron's `torch_dist` stores.

A name does not say how a tensor was split, so a checkpoint loads at any TP, PP, VPP, CP and DP, with or without
sequence parallelism, and with the optimizer's state sharded over DP or not. Unless said otherwise a function here is
collective.
"""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from megatron.core import dist_checkpointing, parallel_state
from megatron.core.dist_checkpointing.core import CheckpointingConfig, save_config
from megatron.core.dist_checkpointing.mapping import (
    LocalNonpersistentObject,
    ShardedObject,
    ShardedTensor,
    ShardedTensorFactory,
)
from megatron.core.dist_checkpointing.serialization import get_default_load_sharded_strategy, load_sharded_metadata
from megatron.core.dist_checkpointing.state_dict_utils import save_preprocess
from megatron.core.dist_checkpointing.strategies.fully_parallel import FullyParallelLoadStrategyWrapper
from megatron.core.distributed import DistributedDataParallel
from megatron.core.optimizer import MegatronOptimizer

from megatron_qm.checkpoint import adam
from megatron_qm.checkpoint.pickles import known_classes_only, read_metadata, read_values
from megatron_qm.checkpoint.writer import save_object
from megatron_qm.errors import UserError
from megatron_qm.model.language_model import unwrap

COMMON = "common.pt"
_STEP = "optimizer_step"
# The FP32 copy of a weight, as Megatron's distributed and its plain mixed precision optimizer name it.
_MAIN_PARAM = ("optimizer.state.param.", "optimizer.state.fp32_param.")
_SHARDED = (ShardedTensor, ShardedObject, ShardedTensorFactory)

Stored = Mapping[str, tuple[int, ...] | None]  # name: global shape, None for what is not a tensor
State = dict[str, object]  # tensors, sharded or plain, in nested dicts and lists
Place = tuple[str | int, ...]  # of a leaf in such a tree


@dataclass(frozen=True)
class SaveState:
    """sharded: tensors by name, this rank's share. common: what is the same on all ranks and not a tensor."""

    sharded: State
    common: State


@contextmanager
def quiet() -> Iterator[None]:
    """Without Megatron's and torch's announcements of what later releases will call differently."""
    log = logging.getLogger("megatron.core.dist_checkpointing")
    level = log.level
    log.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        for message in ("torch.distributed is disabled, unavailable", "The argument order of load has been changed"):
            warnings.filterwarnings("ignore", message=message)
        try:
            yield
        finally:
            log.setLevel(level)


def replicas() -> torch.distributed.ProcessGroup:
    """The ranks that hold the same weights, and share the work of writing and reading them."""
    group: torch.distributed.ProcessGroup = parallel_state.get_data_parallel_group(with_context_parallel=True)
    return group


def state_to_save(
    chunks: Sequence[torch.nn.Module], optimizer: MegatronOptimizer | None, device: torch.device, *, check: bool
) -> SaveState:
    """check: compare with all ranks that every part of every tensor has exactly one owner."""
    _gather_weights(chunks, optimizer)
    state = _model_state(chunks)
    step = None
    if optimizer is not None:
        step = adam.agreed_step(optimizer, device)
        with adam.loadable(optimizer, ("initial_states",)):  # before the first step there is no state to ask for
            state["optimizer"] = optimizer.sharded_state_dict(dict(state), metadata=_metadata())
    sharded, common = save_preprocess(state, validate_access_integrity=check)
    return SaveState(sharded, common | {_STEP: step})


def write_common(weights: Path, common: State) -> list[str]:
    """On one rank: the files of the folder `weights` that hold no tensors. Returns their names."""
    save_object(weights / COMMON, common)
    save_config(CheckpointingConfig("torch_dist", 1), str(weights))
    return [COMMON, "metadata.json"]


def stored_names(weights: Path) -> Stored:
    """On one rank: what a `torch_dist` folder holds."""
    read_metadata(weights)  # refused with its name, where it is not what it should be
    with known_classes_only(weights):
        found = load_sharded_metadata(str(weights))
    return {name: tuple(x.global_shape) if isinstance(x, ShardedTensor) else None for name, x in found.items()}


def load_weights(
    weights: Path, stored: Stored, chunks: Sequence[torch.nn.Module], fresh: Callable[[str], bool] = lambda name: False
) -> None:
    """Fill the model chunks, but for the tensors whose names are `fresh`: they stay as they are. Raises UserError naming a tensor
    that is not there, or not of the model's shape."""
    wanted = {part: {name: leaf for name, leaf in tensors.items() if not fresh(name)}
              for part, tensors in _model_state(chunks).items()}
    with known_classes_only(weights):
        _fill_model(chunks, _load(weights, stored, wanted), fresh)


def load_training_state(
    weights: Path,
    stored: Stored,
    chunks: Sequence[torch.nn.Module],
    optimizer: MegatronOptimizer,
    adam_parts: Sequence[str] = adam.PARTS,
) -> None:
    """Fill the model chunks and the optimizer. Learning rate and the like stay as they are: the recipe rules.

    adam_parts: for tests; leave it alone elsewhere.
    """
    step = read_values(weights / COMMON)[_STEP]
    state = _model_state(chunks)
    with adam.loadable(optimizer, adam_parts), known_classes_only(weights):
        request = optimizer.sharded_state_dict(dict(state), is_loading=True, metadata=_metadata())
        from_weights = _name_main_params(request, stored)
        loaded = _load(weights, stored, state | {"request": request})
        _fill_model(chunks, loaded)
        filled = _filled(request, loaded["request"])
        if from_weights:  # in a load of its own: the model has asked for the same tensors
            again = _load(weights, stored, {str(i): leaf for i, (_, leaf) in enumerate(from_weights)})
            for i, (path, _) in enumerate(from_weights):
                _put(filled, path, again[str(i)])
        _set_step(optimizer, filled, step)
        optimizer.load_state_dict(filled)


def _gather_weights(chunks: Sequence[torch.nn.Module], optimizer: MegatronOptimizer | None) -> None:
    """With overlap_param_gather a rank has updated its own shard alone, until the next forward pass."""
    parts = adam.parts_of(optimizer) if optimizer is not None else []
    wrapped = [*chunks, *(chunk for part in parts for chunk in getattr(part, "model_chunks", ()))]
    for chunk in {id(chunk): chunk for chunk in wrapped}.values():
        if isinstance(chunk, DistributedDataParallel) and chunk.ddp_config.overlap_param_gather:
            chunk.start_param_sync(force_sync=True)


def _metadata() -> dict[str, object]:
    return {
        # Megatron's default fails on save; `dp_reshardable` cannot change TP or PP.
        "distrib_optim_sharding_type": "fully_reshardable",
        # All ranks of a DP group get the state, so that all write and read a part of it.
        "distrib_optim_fully_reshardable_mem_efficient": False,
        "chained_optim_avoid_prefix": True,
        "singleton_local_shards": False,
        "dp_cp_group": replicas(),
    }


def _model_state(chunks: Sequence[torch.nn.Module]) -> dict[str, State]:
    """By chunk, under Megatron-LM's keys: "model", or "model0", "model1", ... for an interleaved schedule."""
    names = ["model"] if len(chunks) == 1 else [f"model{i}" for i in range(len(chunks))]
    states = [chunk.sharded_state_dict(metadata=_metadata()) for chunk in unwrap(chunks)]
    return dict(zip(names, states, strict=True))


def _load(weights: Path, stored: Stored, request: Mapping[str, object]) -> dict[str, Any]:
    """The tensors that `request` asks for, in a tree like it. Each is read once among its replicas, then exchanged."""
    there = _without_absent_extras(request, stored)
    _refuse_what_differs(there, stored, weights)
    strategy = FullyParallelLoadStrategyWrapper(get_default_load_sharded_strategy(str(weights)), replicas())
    loaded: dict[str, Any] = dist_checkpointing.load(there, str(weights), strategy)
    return loaded


def _without_absent_extras(tree: Mapping[str, object], stored: Stored) -> State:
    """FP8 scaling factors that the checkpoint lacks (it was made in another precision) start anew."""
    kept: State = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            kept[key] = _without_absent_extras(value, stored)
        elif not (isinstance(value, ShardedObject) and value.unique_key not in stored):
            kept[key] = value
    return kept


def _refuse_what_differs(request: State, stored: Stored, weights: Path) -> None:
    problem = None
    for _, leaf in _leaves(request):
        if isinstance(leaf, ShardedObject):
            continue
        shape = tuple(leaf.global_shape) if isinstance(leaf, ShardedTensor) else None
        if leaf.key not in stored:
            problem = f"{weights}: has no tensor {leaf.key}, which this run's model or optimizer needs"
        elif shape is not None and shape != stored[leaf.key]:
            problem = f"{weights}: {leaf.key} has shape {list(stored[leaf.key] or ())}, this run's model {list(shape)}"
        if problem:
            break
    problems: list[str | None] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(problems, problem)  # a stage may lack what the others have
    if any(problems):
        raise UserError(f"{next(filter(None, problems))}; was the checkpoint made by another model?")


def _leaves(tree: object, path: Place = ()) -> Iterator[tuple[Place, Any]]:
    """(path, sharded thing) for every one in nested dicts and lists."""
    if isinstance(tree, _SHARDED):
        yield path, tree
    elif isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from _leaves(value, (*path, key))


def _put(tree: Any, path: Place, value: object) -> None:
    for key in path[:-1]:
        tree = tree[key]
    tree[path[-1]] = value


def _name_main_params(request: State, stored: Stored) -> list[tuple[Place, object]]:
    """Ask for the FP32 copies under the name that the checkpoint has them by, whichever optimizer wrote it.

    In FP32, Megatron's plain optimizer keeps none: then the weights are what to ask for. Those requests are taken out
    of `request` and returned with their places.
    """
    aside = []
    for path, leaf in list(_leaves(request)):
        prefix = next((prefix for prefix in _MAIN_PARAM if leaf.key.startswith(prefix)), None)
        if prefix is None:
            continue
        name = leaf.key.removeprefix(prefix)
        leaf.key = next((known + name for known in _MAIN_PARAM if known + name in stored), name)
        if leaf.key == name:
            aside.append((path, leaf))
            _put(request, path, None)
    return aside


def _filled(request: object, loaded: object) -> Any:
    """`request` with what was loaded in the place of what was asked for; all else as it is on this rank."""
    if isinstance(request, _SHARDED):
        return loaded
    if isinstance(request, LocalNonpersistentObject):
        return request.unwrap()
    if isinstance(request, dict):
        known = loaded if isinstance(loaded, dict) else {}
        return {key: _filled(value, known.get(key)) for key, value in request.items()}
    if isinstance(request, list):
        have = loaded if isinstance(loaded, list) and len(loaded) == len(request) else [None] * len(request)
        return [_filled(wanted, found) for wanted, found in zip(request, have, strict=True)]
    return request


def _fill_model(
    chunks: Sequence[torch.nn.Module], loaded: dict[str, Any], fresh: Callable[[str], bool] = lambda name: False
) -> None:
    for (name, state), chunk in zip(((n, s) for n, s in loaded.items() if n.startswith("model")), unwrap(chunks), strict=True):
        keys = chunk.load_state_dict(state, strict=False)
        missing = [key for key in keys.missing_keys if not key.endswith("_extra_state") and not fresh(key)]
        if missing or keys.unexpected_keys:
            raise RuntimeError(f"{name}: not filled: {missing}, not known: {keys.unexpected_keys}")


def _set_step(optimizer: MegatronOptimizer, filled: dict[Any, Any], step: int) -> None:
    """Where each of Megatron's optimizers looks for the number of updates."""
    parts = adam.parts_of(optimizer)
    for part, state in zip(parts, [filled] if len(parts) == 1 else filled.values(), strict=True):
        inner = state.get("optimizer", state)
        if "state" in inner and isinstance(part.optimizer, torch.optim.AdamW):
            inner["state"]["common_step"] = torch.tensor(float(step))
        else:
            for group in inner["param_groups"]:
                group["step"] = step

"""Two runs that should be the same to the last bit: the first thing in which they differ, or None."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.distributed.checkpoint import FileSystemReader
from torch.distributed.checkpoint.default_planner import _EmptyStateDictLoadPlanner
from torch.distributed.checkpoint.state_dict_loader import _load_state_dict

from megatron_qm.checkpoint.folder import published
from megatron_qm.checkpoint.manifest import RANK_STATE, WEIGHTS, read_manifest
from megatron_qm.checkpoint.pickles import known_classes_only, read_values
from megatron_qm.errors import UserError
from megatron_qm.json_types import parse_json

# What the clock decides, or the start of a process (which compares its rollout engine anew), and nothing else.
_OF_THE_CLOCK = {"time", "tokens_per_second", "tflops_per_device", "mfu", "step_seconds", "memory_gib", "phase_seconds",
                 "seconds", "engine_gap"}
_COMPARED_KINDS = ("train", "validation", "probe", "rl")


@dataclass(frozen=True)
class Comparison:
    """difference: a sentence about the first thing that is not the same, None if all is. tensors: how many were compared."""

    difference: str | None
    tensors: int
    records: int


def compare_runs(one: Path, other: Path) -> Comparison:
    """Weights, optimizer state, data cursors, generators, metrics and ledger of the newest checkpoints and their runs."""
    first, second = _newest(one), _newest(other)
    if first.name != second.name:
        return Comparison(f"the newest checkpoints are {first.name} and {second.name}", 0, 0)
    hashes, others = tensor_hashes(first), tensor_hashes(second)
    records, other_records = _records(one), _records(other)
    difference = (
        _first_difference("tensor", hashes, others)
        or _first_difference("manifest", _manifest(first), _manifest(second))
        or _first_difference("generators", _generators(first), _generators(second))
        or _first_difference("metrics", records, other_records)
        or _first_difference("ledger", _ledger(one), _ledger(other))
    )
    return Comparison(difference, len(hashes), len(records))


def tensor_hashes(checkpoint: Path) -> dict[str, str]:
    """{name of a global tensor: sha256 of its dtype, shape and bytes} of weights and optimizer state."""
    state: dict[str, object] = {}
    reader = FileSystemReader(checkpoint / WEIGHTS)
    with known_classes_only(checkpoint / WEIGHTS):
        _load_state_dict(state, storage_reader=reader, planner=_EmptyStateDictLoadPlanner(), no_dist=True)
    return {name: _digest(value) for name, value in _flat(state).items() if isinstance(value, torch.Tensor)}


def _newest(run: Path) -> Path:
    found = published(Path(run) / "checkpoints")
    if not found:
        raise UserError(f"{run}: has no checkpoint to compare")
    return found[0]


def _flat(tree: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in tree.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def _digest(tensor: torch.Tensor) -> str:
    head = f"{tensor.dtype} {tuple(tensor.shape)} ".encode()
    return hashlib.sha256(head + tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()


def _manifest(checkpoint: Path) -> dict[str, object]:
    manifest = read_manifest(checkpoint)
    return {"step": manifest.step, "tokens": manifest.tokens, **_flat({"data": manifest.data, "guard": manifest.guard})}


def _generators(checkpoint: Path) -> dict[str, str]:
    found = {}
    for path in sorted((checkpoint / RANK_STATE).glob("*.pt")):
        found[path.name] = _content(read_values(path))
    return found


def _content(value: object) -> str:
    if isinstance(value, torch.Tensor):
        return _digest(value)
    if isinstance(value, Mapping):
        return json.dumps({key: _content(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return json.dumps([_content(item) for item in value])
    return repr(value)


def _records(run: Path) -> dict[str, str]:
    found = {}
    for line in (Path(run) / "metrics.jsonl").read_text().splitlines():
        record = parse_json(line)
        if record["kind"] in _COMPARED_KINDS:
            kept = {key: value for key, value in record.items() if key not in _OF_THE_CLOCK}
            found[f"{record['kind']} {record.get('name', '')} of step {record['step']}"] = json.dumps(kept, sort_keys=True)
    return found


def _ledger(run: Path) -> dict[str, str]:
    path = Path(run) / "ledger.jsonl"  # a run on rollouts has none
    lines = path.read_text().splitlines() if path.exists() else []
    return {f"step {parse_json(line)['step']}": line for line in lines if line.startswith('{"step":')}


def _first_difference(what: str, one: Mapping[str, object], other: Mapping[str, object]) -> str | None:
    for name in [*one, *(name for name in other if name not in one)]:
        if name not in other or name not in one:
            return f"{what} {name}: only one of the runs has it"
        if one[name] != other[name]:
            return f"{what} {name}: {_short(one[name])} in the undisturbed run, {_short(other[name])} in the other"
    return None


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 160 else text[:157] + "..."

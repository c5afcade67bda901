"""Where the main thread stands, seen from another thread: the collective it waits in, and how many it has entered."""

import linecache
import os
import pickle
import sys
import threading

import torch

# A main thread whose innermost line says one of these waits for others, or for a GPU that does.
_WAITING_LINES = {".wait(": "wait", "synchronize(": "synchronize", ".item()": "item", ".tolist()": "tolist"}
_WRAPPERS = {"wrapper", "decorate_context", "__torch_function__", "<lambda>"}


def record_collectives() -> None:
    """Let torch's flight recorder count the collectives of each group; call it before the process group is made."""
    os.environ.setdefault("TORCH_FR_BUFFER_SIZE", "64")


def main_thread_stands() -> tuple[str | None, str]:
    """(the collective in which the main thread waits or None, "file.py:line function" where it stands)."""
    main, operation = threading.main_thread().ident, None
    frame = None if main is None else sys._current_frames().get(main)
    if frame is not None:
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        operation = next((name for sign, name in _WAITING_LINES.items() if sign in line), None)
    while frame is not None:
        name, path = frame.f_code.co_name, frame.f_code.co_filename.replace(os.sep, "/")
        if "torch/distributed/" in path:
            operation = operation if name in _WRAPPERS else name  # the outermost: what was called
        elif "/torch/" not in path and name not in _WRAPPERS:
            return operation, f"{_short(path)}:{frame.f_lineno} {name}"
        frame = frame.f_back
    return operation, ""


def _short(path: str) -> str:
    """The file within its package: megatron/core/tensor_parallel/mappings.py"""
    for root in ("/site-packages/", "/megatron_qm/"):
        if root in path:
            return (root if root == "/megatron_qm/" else "").lstrip("/") + path.rsplit(root, 1)[1]
    return path.rsplit("/", 1)[-1]


def collectives_entered() -> dict[str, int]:
    """By group ("name: ranks"), how many collectives this rank has entered in it; empty where torch does not tell.

    Source: torch's flight recorder, which serves gloo and NCCL alike (torch.distributed's debugging tools).
    """
    dump = getattr(torch._C._distributed_c10d, "_dump_fr_trace", None)
    if dump is None or not torch.distributed.is_initialized():
        return {}
    try:
        groups = _groups()
        status = pickle.loads(dump(False, False, True)).get("pg_status", {})
        return {groups[name]: int(of["last_enqueued_collective"]) for name, of in status.items() if name in groups}
    except Exception:  # a debugging aid of torch, of which the format may change, must never end a run
        return {}


def _groups() -> dict[str, str]:
    world = torch.distributed.distributed_c10d._world
    ranks = world.pg_group_ranks
    names = {group: name for group, name in world.pg_names.items() if group in ranks}
    return {name: f"{name}: {','.join(map(str, sorted(ranks[group])))}" for group, name in names.items()}

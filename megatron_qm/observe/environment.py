"""What a run ran on: versions, hardware, the state of the working tree, the command. Imports no torch."""

import contextlib
import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from megatron_qm.json_types import JsonObject

_PACKAGES = ("megatron-qm", "torch", "megatron-core", "transformer-engine", "transformers", "numpy", "safetensors",
             "fastokens", "tokenizers")
_PREFIXES = ("NCCL_", "NVTE_", "SLURM_", "CUDA_", "OMP_")
# SLURM_JWT and its like are passwords, and a report is a thing that people send around.
_SECRET = re.compile(r"JWT|TOKEN|SECRET|PASSW|KEY|CREDENTIAL", re.IGNORECASE)
_TREE = Path(__file__).parents[2]
_SECONDS = 20


def capture_environment(**facts: object) -> JsonObject:
    """Versions, hardware, git state, command line and the variables that steer NCCL, TE, Slurm, CUDA and OpenMP.

    `facts` are added as they are; the report looks for world_size, device (its name) and peak (the name of what MFU is
    a share of). What cannot be found out is None.
    """
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": {"name": cpu_name(), "cores": _cores(), "memory_gib": _memory_gib()},
        "gpus": _gpus(),
        "git": _git(_TREE),
        "command": list(sys.argv),
        "variables": {
            name: value for name, value in sorted(os.environ.items())
            if name.startswith(_PREFIXES) and not _SECRET.search(name)
        },
        **facts,
    }


def _version(package: str) -> str | None:
    for name in (package, f"{package}-cu12", f"{package}-cu13"):  # Transformer Engine's wheels
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(name)
    return None


def cpu_name() -> str | None:
    """As /proc/cpuinfo has it; of other systems, what Python knows."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or None


def _cores() -> int | None:
    """Those that this process may use, which on a shared node is fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _memory_gib() -> float | None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    return None


def _gpus() -> list[dict[str, str]]:
    fields = ("name", "memory.total", "driver_version")
    if not shutil.which("nvidia-smi"):
        return []
    listing = _run(["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader"])
    rows = [[cell.strip() for cell in line.split(",")] for line in (listing or "").splitlines()]
    return [dict(zip(("name", "memory", "driver"), row, strict=True)) for row in rows if len(row) == len(fields)]


def _git(tree: Path) -> JsonObject | None:
    """Commit of the code that runs, and whether it was changed since; None where it does not run from a work tree."""
    top = _run(["git", "-C", str(tree), "rev-parse", "--show-toplevel"])
    # An installed package may lie inside somebody's other repository, whose commit says nothing about it.
    if not top or Path(top.strip()).resolve() != tree.resolve():
        return None
    commit = _run(["git", "-C", str(tree), "rev-parse", "HEAD"])
    changes = _run(["git", "--no-optional-locks", "-C", str(tree), "status", "--porcelain"])
    if not commit or changes is None:
        return None
    return {"commit": commit.strip(), "dirty": bool(changes.strip())}


def _run(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout

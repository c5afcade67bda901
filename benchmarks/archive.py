"""Archive and restore of a random model, against writing and reading the same tensors as `torch_dist`.

    python benchmarks/archive.py [--parameters 1e9] [--workers 2] [--scratch DIR] [--output FILE]

A BF16 checkpoint with random weights (normal, deviation 0.02) is made, one tensor of 64 Mi numbers after another. Then,
each in a process of its own: `archive` and `restore` are the commands; `torch_dist_read` reads every chunk of the
checkpoint, and `torch_dist_copy` reads each tensor and writes it to a new `torch_dist` folder with hashes and fsync: what
verifying and saving cost without zarr. `torch_dist_by_torch` does the same with torch's own loader and writer, which
hold all tensors; `copy` copies the files and fsyncs them: what the disk allows. Memory is what the
peak of resident memory gains after the imports.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import torch

from megatron_qm.checkpoint.manifest import WEIGHTS, Manifest, write_manifest
from megatron_qm.checkpoint.torch_dist_writer import TorchDistWriter
from megatron_qm.config.model import ModelConfig
from megatron_qm.files import write_json
from megatron_qm.observe.environment import cpu_name

RESULT = Path(__file__).parent / "results" / "archive.json"
_TENSOR = 1 << 26  # numbers in each of the large tensors

MEASURE = """
import json, logging, os, shutil, sys, time
from pathlib import Path
logging.disable(logging.CRITICAL)
import torch, tensorstore
import torch.distributed.checkpoint as dcp
from megatron_qm.checkpoint.archive.restore import restore
from megatron_qm.checkpoint.archive.write import archive
from megatron_qm.checkpoint.manifest import Manifest, read_manifest, verify, write_manifest
from megatron_qm.checkpoint.torch_dist_reader import TorchDistReader
from megatron_qm.checkpoint.torch_dist_writer import TorchDistWriter
from megatron_qm.files import fsync_tree

def peak():  # not ru_maxrss: that starts at the parent's
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(status["VmHWM"].split()[0]) / 1024

source, target, workers = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])

def torch_dist_read():
    verify(source)
    reader = TorchDistReader(source / "weights")
    for name in reader.names:
        for start in range(0, reader.shape(name)[0], 1 << 13):
            reader.rows(name, start, min(start + (1 << 13), reader.shape(name)[0]))

def torch_dist_copy():
    verify(source)
    reader = TorchDistReader(source / "weights")
    with TorchDistWriter(target / "weights") as writer:
        for name in sorted(reader.names):
            rows = lambda start, stop, name=name: reader.rows(name, start, stop)
            writer.add(name, reader.shape(name), reader.dtype(name), rows)
    fsync_tree(target)
    write_manifest(target, Manifest(step=0, tokens=0, model={}, dtype="bf16"))

def torch_dist_by_torch():
    verify(source)
    reader = dcp.FileSystemReader(source / "weights")
    stored = reader.read_metadata().state_dict_metadata
    state = {name: torch.empty(what.size, dtype=what.properties.dtype) for name, what in stored.items()}
    dcp.load(state, storage_reader=reader, no_dist=True)
    dcp.save(state, storage_writer=dcp.FileSystemWriter(target / "weights"), no_dist=True)
    fsync_tree(target)
    write_manifest(target, Manifest(step=0, tokens=0, model={}, dtype="bf16"))

def copy():
    shutil.copytree(source, target)
    fsync_tree(target)

before, start = peak(), time.perf_counter()
WORK
print(json.dumps({"seconds": round(time.perf_counter() - start, 1), "memory_mib": round(peak() - before)}))
"""
WORK = {
    "copy": "copy()",
    "torch_dist_copy": "torch_dist_copy()",
    "torch_dist_by_torch": "torch_dist_by_torch()",
    "torch_dist_read": "torch_dist_read()",
    "archive": "archive(source, str(target), workers=workers)",
    "restore": "restore(str(source), target, workers=workers)",
}


def write_random_checkpoint(folder: Path, parameters: int) -> None:
    generator = torch.Generator().manual_seed(0)

    def draw(start: int, stop: int) -> torch.Tensor:
        return torch.empty((stop - start, 4096)).normal_(0.0, 0.02, generator=generator).bfloat16()

    with TorchDistWriter(folder / WEIGHTS) as writer:
        for number in range(max(1, round(parameters / _TENSOR))):
            writer.add(f"decoder.layers.{number}.weight", (_TENSOR // 4096, 4096), torch.bfloat16, draw)
    write_manifest(folder, Manifest(step=0, tokens=0, model=asdict(ModelConfig()), dtype="bf16"))


def measure(name: str, source: Path, target: Path, workers: int) -> dict[str, float]:
    command = [sys.executable, "-W", "ignore", "-c", MEASURE.replace("WORK", WORK[name]), source, target, workers]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    return found | ({"mib": round(size(target) / 2**20)} if target.exists() else {})


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def same_weights(one: Path, other: Path) -> bool:
    """Compared by the reader alone, a block of rows at a time."""
    from megatron_qm.checkpoint.torch_dist_reader import TorchDistReader

    left, right = TorchDistReader(one / WEIGHTS), TorchDistReader(other / WEIGHTS)
    places = [(name, at) for name in left.names for at in range(0, left.shape(name)[0], 1 << 12)]
    return left.names == right.names and all(
        torch.equal(*(reader.rows(name, at, at + (1 << 12)).view(torch.int16) for reader in (left, right)))
        for name, at in places
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parameters", type=float, default=1e9)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--scratch", type=Path, help="folder for the files (default: a temporary one)")
    parser.add_argument("--output", type=Path, default=RESULT)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.scratch) as name:
        folder = Path(name)
        checkpoint = folder / "checkpoint"
        write_random_checkpoint(checkpoint, int(args.parameters))
        results = {}
        for work in ("copy", "torch_dist_read", "torch_dist_copy", "torch_dist_by_torch"):
            results[work] = measure(work, checkpoint, folder / work, args.workers)
            subprocess.run(["rm", "-rf", folder / work], check=True)
        results["archive"] = measure("archive", checkpoint, folder / "archive", args.workers)
        results["restore"] = measure("restore", folder / "archive", folder / "restore", args.workers)
        equal, stored = same_weights(checkpoint, folder / "restore"), size(checkpoint)
    packages = ("megatron-core", "torch", "tensorstore")
    report = {
        "date": datetime.date.today().isoformat(),
        "command": f"python benchmarks/archive.py --parameters {args.parameters:g} --workers {args.workers}",
        "hardware": {"cpu": cpu_name(), "cores": os.cpu_count()},
        "versions": {"python": platform.python_version(), **{p: importlib.metadata.version(p) for p in packages}},
        "checkpoint_mib": round(stored / 2**20),
        "results": results,
        "archive_seconds_over_torch_dist_copy": ratio(results, "seconds", "archive", "torch_dist_copy"),
        "restore_seconds_over_torch_dist_copy": ratio(results, "seconds", "restore", "torch_dist_copy"),
        "archive_seconds_over_torch_dist_by_torch": ratio(results, "seconds", "archive", "torch_dist_by_torch"),
        "archive_memory_over_torch_dist_by_torch": ratio(results, "memory_mib", "archive", "torch_dist_by_torch"),
        "archive_bytes_over_checkpoint": round(results["archive"]["mib"] * 2**20 / stored, 3),
        "restored_weights_equal": equal,
    }
    write_json(args.output, report)
    print(json.dumps(report, indent=2))


def ratio(results: dict[str, dict[str, float]], what: str, one: str, other: str) -> float:
    return round(results[one][what] / results[other][what], 2)


if __name__ == "__main__":
    main()

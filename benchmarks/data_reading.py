"""Start-up of the token-cursor reader against Megatron-Core's GPTDataset, on the same synthetic datasets.

    python benchmarks/data_reading.py [--documents 200000 2000000 20000000] [--scratch DIR] [--output FILE]

Both open the dataset, get ready to read one epoch in sequences of 4096 tokens, and read 8; each in a process of its
own, after its imports. GPTDataset is measured twice: building its indexes, and loading those that it cached. Memory is
what the peak of resident memory gains (mapped pages included). The .bin is a sparse file: start-up reads none of it.
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
from pathlib import Path
from typing import Any

import numpy as np

from megatron_qm.data.indexed_format import pack_header
from megatron_qm.files import write_json
from megatron_qm.observe.environment import cpu_name

TOKENS_PER_DOCUMENT = 500
SEQUENCE_LENGTH = 4096
RESULT = Path(__file__).parent / "results" / "data_reading.json"

CURSORS = """
import json, sys, time
from megatron_qm.data.reader import BatchReader, SourceSpec

def peak():  # not ru_maxrss: that starts at the parent's
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(status["VmHWM"].split()[0]) / 1024

before, start = peak(), time.perf_counter()
reader = BatchReader([SourceSpec("source", sys.argv[1])], sequence_length=4096, block_size=65536, seed=1)
ready = time.perf_counter()
reader.read(reader.plan_step(8))
read = time.perf_counter()
print(json.dumps({"start_s": ready - start, "first_batch_s": read - ready, "memory_mib": peak() - before}))
"""

GPT_DATASET = """
import json, sys, time
import numpy, torch
torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
from megatron.core.datasets.indexed_dataset import IndexedDataset
from megatron.core.datasets.utils import Split, compile_helpers

def peak():  # not ru_maxrss: that starts at the parent's
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(status["VmHWM"].split()[0]) / 1024

class Tokenizer:
    vocab_size, eod, pad, unique_identifiers = 1000, 0, -1, {"class": "bench"}

prefix, cache, tokens = sys.argv[1], sys.argv[2], int(sys.argv[3])
config = GPTDatasetConfig(
    random_seed=1, sequence_length=4096, blend=([prefix], None), split="1", path_to_cache=cache, tokenizer=Tokenizer(),
    reset_position_ids=False, reset_attention_mask=False, eod_mask_loss=False, create_attention_mask=False,
)
try:
    from megatron.core.datasets import helpers_cpp
except ImportError:
    compile_helpers()
before, start = peak(), time.perf_counter()
low = IndexedDataset(prefix)
documents = numpy.arange(low.sequence_lengths.shape[0], dtype=numpy.int32)
dataset = GPTDataset(low, prefix, documents, (tokens - 1) // 4096, Split.train, config)
ready = time.perf_counter()
[dataset[index] for index in range(8)]
read = time.perf_counter()
print(json.dumps({"start_s": ready - start, "first_batch_s": read - ready, "memory_mib": peak() - before}))
"""


def write_synthetic(prefix: Path, documents: int) -> None:
    """`documents` documents of TOKENS_PER_DOCUMENT tokens of id 0."""
    with open(f"{prefix}.bin", "wb") as stream:
        stream.truncate(documents * TOKENS_PER_DOCUMENT * 2)
    with open(f"{prefix}.idx", "wb") as stream:
        stream.write(pack_header(np.dtype(np.uint16), documents, documents))
        np.full(documents, TOKENS_PER_DOCUMENT, "<i4").tofile(stream)
        (np.arange(documents, dtype="<i8") * TOKENS_PER_DOCUMENT * 2).tofile(stream)
        np.arange(documents + 1, dtype="<i8").tofile(stream)


def measure(program: str, *arguments: object) -> dict[str, float]:
    """The JSON line that `program` prints last, run in a process of its own."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if run.returncode:
        raise SystemExit(run.stderr)
    return {key: round(value, 4) for key, value in json.loads(run.stdout.splitlines()[-1]).items()}


def compare(documents: int, scratch: Path) -> dict[str, Any]:
    prefix, cache = scratch / f"synthetic-{documents}", scratch / f"cache-{documents}"
    write_synthetic(prefix, documents)
    tokens = documents * TOKENS_PER_DOCUMENT
    build = measure(GPT_DATASET, prefix, cache, tokens)
    cached = measure(GPT_DATASET, prefix, cache, tokens)
    cursors = measure(CURSORS, prefix)
    return {
        "documents": documents,
        "tokens": tokens,
        "token_cursors": cursors,
        "gpt_dataset_building": build,
        "gpt_dataset_cached": cached,
        "gpt_dataset_cache_mib": round(sum(f.stat().st_size for f in cache.rglob("*") if f.is_file()) / 2**20, 1),
        "start_ratio_building": round(build["start_s"] / cursors["start_s"], 1),
        "start_ratio_cached": round(cached["start_s"] / cursors["start_s"], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="+", default=[200_000, 2_000_000, 20_000_000])
    parser.add_argument("--scratch", type=Path, help="folder for the datasets (default: a temporary one)")
    parser.add_argument("--output", type=Path, default=RESULT)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        results = [compare(documents, Path(folder)) for documents in args.documents]
    versions = {name: importlib.metadata.version(name) for name in ("numpy", "megatron-core", "torch")}
    report = {
        "date": datetime.date.today().isoformat(),
        "command": "python benchmarks/data_reading.py",
        "hardware": {"cpu": cpu_name(), "cores": os.cpu_count()},
        "versions": {"python": platform.python_version(), **versions},
        "results": results,
    }
    write_json(args.output, report)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()

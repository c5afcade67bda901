"""Training steps of 1 to 2B shapes on the GPUs of this machine: tokens/s, TFLOP/s and MFU by precision.

    python benchmarks/gpu_step.py [--shapes qwen3-1.7b llama3.2-1b] [--precisions bf16 tensorwise delayed blockwise]

Each case is a real `megatron-qm pretrain` on random tokens (one DP rank per GPU); the first steps warm up and are dropped.
Writes benchmarks/results/GPU-DATE.json. Needs CUDA; FP8 needs Transformer Engine (extra: gpu).
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import numpy as np
import torch

from megatron_qm.checkpoint.manifest import versions
from megatron_qm.files import write_json

WARM_UP = 5


def main() -> int:
    args = _arguments()
    if not torch.cuda.is_available():
        print("error: no CUDA GPU here; this benchmark measures nothing else", file=sys.stderr)
        return 2
    name = torch.cuda.get_device_name()
    with tempfile.TemporaryDirectory() as folder:
        prefix = _random_tokens(Path(folder))
        cases = [_case(shape, precision, prefix, Path(folder), args) for shape in args.shapes for precision in args.precisions]
    gpu = re.sub(r"[^a-z0-9]+", "-", name.lower().removeprefix("nvidia ")).strip("-")
    output = args.output or Path("benchmarks/results") / f"{gpu}-{date.today().isoformat()}.json"
    write_json(output, {
        "what": "training step on GPUs",
        "date": date.today().isoformat(),
        "command": "python " + " ".join(sys.argv),
        "gpu": name, "gpus": torch.cuda.device_count(),
        "versions": versions(),
        "cases": cases,
    })
    print(f"{output}: {json.dumps(cases, indent=2)}")
    return 0


def _random_tokens(folder: Path, tokens: int = 20_000_000, vocabulary: int = 32_000) -> Path:
    from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder

    prefix, draw = folder / "random", np.random.default_rng(0)
    builder = IndexedDatasetBuilder(f"{prefix}.bin", dtype=np.uint16)
    for _ in range(tokens // 10_000):
        builder.add_document(torch.from_numpy(draw.integers(0, vocabulary, 10_000)), [10_000])
    builder.finalize(f"{prefix}.idx")
    return prefix


def _case(shape: str, precision: str, prefix: Path, folder: Path, args: argparse.Namespace) -> dict:
    output = folder / f"{shape}-{precision}"
    recipe = folder / "recipe.yaml"
    recipe.write_text(f"model: {{shape: {shape}}}\n")
    gpus = torch.cuda.device_count()
    fp8 = "none" if precision == "bf16" else precision
    command = [
        sys.executable, "-m", "megatron_qm.cli", "pretrain", "--config", str(recipe), f"output={output}",
        f"data.sources=[{{name: random, prefix: {prefix}}}]", f"train.steps={WARM_UP + args.steps}",
        f"train.micro_batch_size={args.micro_batch}", f"train.global_batch_size={args.micro_batch * gpus * 4}",
        f"data.sequence_length={args.length}", f"precision.fp8={fp8}", f"recompute.mode={args.recompute}", *args.overrides,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    case = {"shape": shape, "precision": precision, "sequence_length": args.length, "micro_batch": args.micro_batch}
    if done.returncode:
        return case | {"failed": done.stderr.strip().splitlines()[-1:]}
    rows = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    rows = [row for row in rows if row["kind"] == "train"][WARM_UP:]
    peak = json.loads((output / "environment.json").read_text())["peak"]
    keys = ("tokens_per_second", "tflops_per_device", "mfu", "memory_gib")
    medians = {key: round(statistics.median(row[key] for row in rows), 4) for key in keys if rows[0][key] is not None}
    return case | medians | {"peak": peak, "last_loss": rows[-1]["loss"]}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", default=["qwen3-1.7b", "llama3.2-1b"])
    parser.add_argument("--precisions", nargs="+", default=["bf16", "tensorwise", "delayed", "blockwise"])
    parser.add_argument("--length", type=int, default=4096, help="tokens of a sequence (default: 4096)")
    parser.add_argument("--micro-batch", type=int, default=1)
    parser.add_argument("--recompute", choices=("none", "selective", "full"), default="none")
    parser.add_argument("--steps", type=int, default=15)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--overrides", nargs="*", default=[], metavar="key=value")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

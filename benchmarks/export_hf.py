"""Export of a random model: time and memory, with and without the gate, against a conversion that holds the model.

    python benchmarks/export_hf.py [--shape llama3.2-1b] [--scratch DIR] [--skip-logits] [--output FILE]

An FP32 checkpoint with random weights is written by our own streaming writer, then converted to BF16, each time in a
process of its own: `convert` writes the safetensors alone; `checked` is the whole export but the comparison of logits;
`released` is all of it. `copy` reads and writes as many bytes and computes nothing: what the disk allows. `in memory`
is the usual way: transformers loads a model and save_pretrained writes it as BF16. Memory is what the peak of resident
memory gains after the imports. All take turns in three rounds; the fastest counts, and the largest memory. A second
model with a quarter of the layers shows how memory grows with the model.
"""

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from megatron_qm.checkpoint.distributed import write_common
from megatron_qm.checkpoint.manifest import WEIGHTS, Manifest, write_manifest
from megatron_qm.checkpoint.torch_dist_writer import TorchDistWriter
from megatron_qm.config.model import ModelConfig
from megatron_qm.files import write_json
from megatron_qm.hf.families import packed_tensors
from megatron_qm.observe.environment import cpu_name

ROUNDS = 3
RESULT = Path(__file__).parent / "results" / "export-hf.json"

MEASURE = """
import json, sys, time, logging
from pathlib import Path
logging.disable(logging.CRITICAL)

def peak():  # not ru_maxrss: that starts at the parent's
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(status["VmHWM"].split()[0]) / 1024

checkpoint, output = Path(sys.argv[1]), Path(sys.argv[2])
{imports}
before, start = peak(), time.perf_counter()
{work}
print(json.dumps({{"seconds": round(time.perf_counter() - start, 1), "memory_mib": round(peak() - before, 1)}}))
"""
EXPORT = """
import torch, transformers, tokenizers, megatron.core
from transformers import AutoConfig, AutoModelForCausalLM, LlamaForCausalLM, Qwen2ForCausalLM, Qwen3ForCausalLM
from megatron_qm.hf import export_hf, weights
from megatron_qm.hf.opened import open_checkpoint
"""
WORK = {
    "copy": ("", """
left = sum(f.stat().st_size for f in output.with_name("convert").glob("*.safetensors"))
with open(output, "wb") as target:
    for file in sorted(checkpoint.glob("weights/*.distcp")):
        with open(file, "rb") as source:
            while piece := source.read(1 << 25):
                target.write(piece[:left])
                left -= min(left, len(piece))
"""),
    "convert": (EXPORT, """
from megatron_qm.checkpoint.manifest import read_manifest
from megatron_qm.hf.families import packed_tensors
from megatron_qm.hf.opened import Opened, TorchDistReader, model_of
manifest = read_manifest(checkpoint)
model = model_of(manifest)
opened = Opened(checkpoint, manifest, model, TorchDistReader(checkpoint / "weights"), tuple(packed_tensors(model)))
output.mkdir()
weights.write_weights(opened, output, torch.bfloat16, 5 * 10**9)
"""),
    "checked": (EXPORT, "export_hf.export_hf(checkpoint, output, no_tokenizer=True, skip_logits=True)"),
    "released": (EXPORT, "export_hf.export_hf(checkpoint, output, no_tokenizer=True)"),
    "in memory": (EXPORT, """
held = AutoModelForCausalLM.from_pretrained(output.with_name("checked")).float()
held.bfloat16().save_pretrained(output)
"""),
}


def write_random_checkpoint(folder: Path, model: ModelConfig) -> None:
    """An FP32 checkpoint like an import's, its weights drawn block by block."""
    generator = torch.Generator().manual_seed(0)
    with TorchDistWriter(folder / WEIGHTS) as writer:
        for packed in packed_tensors(model):
            centre = 1.0 if "norm" in packed.megatron else 0.0

            def draw(start: int, stop: int, packed=packed, centre: float = centre) -> torch.Tensor:
                return torch.empty((stop - start, *packed.shape[1:])).normal_(centre, 0.02, generator=generator)

            layers = None if packed.layer is None else model.layers
            writer.add(packed.megatron, packed.shape, torch.float32, draw, packed.layer, layers)
    write_common(folder / WEIGHTS, {"optimizer_step": None})
    write_manifest(folder, Manifest(step=0, tokens=0, model=asdict(model), dtype="fp32"))


def measure(name: str, checkpoint: Path, output: Path) -> dict[str, float]:
    imports, work = WORK[name]
    code = MEASURE.format(imports=imports, work=work)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(checkpoint), str(output)],
                          capture_output=True, text=True)  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def best(names: list[str], checkpoint: Path, scratch: Path) -> dict[str, dict[str, float]]:
    """The fastest of some rounds, in which all take turns; the largest memory of any."""
    found: dict[str, dict[str, float]] = {}
    for _ in range(ROUNDS):
        for name in names:
            output = scratch / name
            shutil.rmtree(output) if output.is_dir() else output.unlink(missing_ok=True)
            now = measure(name, checkpoint, output)
            before = found.get(name, now)
            found[name] = {key: (min if key == "seconds" else max)(now[key], before[key]) for key in now}
    return found


def measure_model(model: ModelConfig, scratch: Path, names: list[str]) -> dict[str, Any]:
    checkpoint = scratch / "checkpoint"
    write_random_checkpoint(checkpoint, model)
    found = best(names, checkpoint, scratch)
    numbers = sum(torch.Size(p.hf_shape(i)).numel() for p in packed_tensors(model) for i in range(len(p.hf)))
    result: dict[str, Any] = {"layers": model.layers, "parameters": numbers, "bf16_mib": round(numbers * 2 / 2**20)}
    result |= {name.replace(" ", "_"): value for name, value in found.items()}
    if "copy" in found:
        result["convert_seconds_over_copy"] = round(found["convert"]["seconds"] / found["copy"]["seconds"], 2)
    if "in memory" in found:
        ratio = found["in memory"]["memory_mib"] / found["convert"]["memory_mib"]
        result["memory_of_in_memory_over_convert"] = round(ratio, 1)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", default="llama3.2-1b", help="a named shape of ModelConfig")
    parser.add_argument("--scratch", type=Path, help="folder for the files (default: a temporary one)")
    parser.add_argument("--skip-logits", action="store_true", help="leave `released` out: it holds the model in FP32")
    parser.add_argument("--output", type=Path, default=RESULT)
    args = parser.parse_args()
    model = ModelConfig(shape=args.shape).resolved()
    names = [name for name in ("convert", "copy", "checked", "in memory", "released")
             if name != "released" or not args.skip_logits]  # fmt: skip
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        small = measure_model(replace(model, layers=model.layers // 4), Path(folder) / "small", ["convert"])
        whole = measure_model(model, Path(folder) / "whole", names)
    packages = ("megatron-core", "torch", "transformers", "safetensors")
    report = {
        "date": datetime.date.today().isoformat(),
        "command": f"python benchmarks/export_hf.py --shape {args.shape}",
        "hardware": {"cpu": cpu_name(), "cores": os.cpu_count()},
        "versions": {"python": platform.python_version(), **{p: importlib.metadata.version(p) for p in packages}},
        "shape": args.shape,
        "results": [small, whole],
    }
    write_json(args.output, report)
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()

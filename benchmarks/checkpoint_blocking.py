"""For how long a save keeps training from going on: written in place, in the background, and to the node's own disk.

    python benchmarks/checkpoint_blocking.py [--layers 8] [--output benchmarks/results/checkpoint-blocking.json]

Each variant is a run of its own, two ranks with TP2, that saves every few steps; the run's own events say for how long
training stood still (the save and, in the background, its publication). Compare the variants of one run of this script.
"""

import argparse
import json
import os
import statistics
import tempfile
from datetime import date
from pathlib import Path

from megatron_qm.checkpoint.manifest import versions
from megatron_qm.config.run import load_run
from megatron_qm.costs.parameters import parameter_count
from megatron_qm.drills.data import random_dataset
from megatron_qm.drills.job import finish
from megatron_qm.files import write_json

EVERY, STEPS, VOCAB = 4, 20, 32000
RECIPE = """\
device: cpu
model: {{layers: {layers}, hidden_size: 512, ffn_hidden_size: 1536, heads: 8, kv_heads: 4, vocab_size: {vocab},
        max_positions: 128}}
parallel: {{tp: 2, sp: true}}
data: {{sequence_length: 128, block_size: 512}}
train: {{steps: {steps}, global_batch_size: 2, micro_batch_size: 1}}
"""
VARIANTS = {
    "in place": [f"checkpoint.every={EVERY}"],
    "in the background": [f"checkpoint.every={EVERY}", "checkpoint.asynchronous=true"],
    "local copies": [f"checkpoint.every={STEPS}", f"checkpoint.local_every={EVERY}"],
}


def main() -> None:
    args = _arguments()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory(prefix="blocking-") as name:
        folder = Path(name)
        recipe = folder / "recipe.yaml"
        recipe.write_text(RECIPE.format(layers=args.layers, vocab=VOCAB, steps=STEPS))
        source = random_dataset(folder / "random", VOCAB)
        results = {name: _measure(recipe, folder, source, name) for name in VARIANTS}
        model = load_run(recipe).model
    report = {
        "what": f"seconds of training lost to saves, {parameter_count(model):,} parameters with optimizer state, TP2, CPU",
        "date": date.today().isoformat(),
        "command": f"python benchmarks/checkpoint_blocking.py --layers {args.layers}",
        "versions": versions(),
        "saves_every_steps": EVERY,
        "variants": results,
    }
    write_json(args.output, report)
    print(json.dumps(report, indent=2))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/checkpoint-blocking.json"))
    return parser.parse_args()


def _measure(recipe: Path, folder: Path, source: str, name: str) -> dict[str, float]:
    output = folder / name.replace(" ", "-")
    local = [f"checkpoint.local={folder / 'disk'}"] if "local" in name else []
    finish(["--config", str(recipe), "--nproc", "2", source, *local, *VARIANTS[name]], output)
    records = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    lost: dict[int, float] = {}
    for record in records:  # a publication belongs to the save before it; the end of the run waits for its last save
        if record["kind"] == "event" and record.get("seconds") is not None and record["step"] < STEPS:
            save = record["step"] // EVERY * EVERY
            lost[save] = lost.get(save, 0.0) + record["seconds"]
    steps = statistics.median(record["step_seconds"] for record in records if record["kind"] == "train")
    seconds = statistics.median(lost.values())
    return {"seconds_per_save": round(seconds, 3), "seconds_per_step": round(seconds / EVERY, 3),
            "step_seconds": round(steps, 3), "saves": len(lost)}


if __name__ == "__main__":
    main()

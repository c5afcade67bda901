"""Reward models and preference optimisation beside TRL's: same model, same pairs, one core each, in turns.

    python benchmarks/preference_speed.py --trl PYTHON [--quickstart runs/quickstart] [--rounds 5] [--output FILE]

PYTHON is that of an environment with trl 1.16.0. Pairs are random words: prompts of 256 tokens with responses of 64, and of 32
with responses of 32. Both sides run FP32 with AdamW and about 16 pairs an update; TRL's reference is computed before its first
step, as ours is. Each ratio is the median over rounds of the quotient of neighbouring runs.
"""

import argparse
import json
import os
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from transformers import AutoTokenizer

from megatron_qm.checkpoint.folder import newest
from megatron_qm.checkpoint.manifest import versions
from megatron_qm.files import write_json
from megatron_qm.observe.environment import cpu_name

SHAPES = {"256 + 64": (256, 64, 416, 16), "32 + 32": (32, 32, 352, 5)}  # prompt, response, tokens of a row, rows of an update
STAGES = ("reward-model", "dpo")
_ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trl", required=True, metavar="PYTHON", help="of the environment that has TRL")
    parser.add_argument("--quickstart", type=Path, default=Path("runs/quickstart"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=160, help="a round, a multiple of 16 (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/preference-speed.json"))
    args = parser.parse_args()
    found: dict[str, dict] = {}
    with tempfile.TemporaryDirectory() as name:
        for stage in STAGES:
            for shape in SHAPES:
                pairs = _written(Path(name) / f"{shape.replace(' ', '')}.jsonl", args, shape)
                found[f"{stage}, {shape}"] = _rounds(stage, shape, pairs, args, Path(name))
                print(json.dumps({f"{stage}, {shape}": found[f"{stage}, {shape}"]}), flush=True)
    write_json(args.output, {
        "what": "pairs a second of one core: ours, TRL's, and the median quotient of neighbouring runs",
        "date": date.today().isoformat(), "command": shlex.join(["python", "benchmarks/preference_speed.py", *sys.argv[1:]]),
        "versions": versions() | {"trl": _said([args.trl, "-c", "import trl; print(trl.__version__)"])},
        "hardware": {"cpu": cpu_name(), "cores": os.cpu_count(), "used": 1}, "rounds": args.rounds, "found": found,
    })


def _rounds(stage: str, shape: str, pairs: Path, args: argparse.Namespace, folder: Path) -> dict:
    """The first round warms caches up and is dropped."""
    rounds = [{"ours": _ours(stage, shape, pairs, args, folder / f"{stage}-{pairs.stem}-{at}"),
               "trl": _trl(stage, pairs, args, folder / "trl")} for at in range(args.rounds + 1)][1:]
    ratios = [one["ours"] / one["trl"] for one in rounds]
    return {"ours": statistics.median(one["ours"] for one in rounds), "trl": statistics.median(one["trl"] for one in rounds),
            "ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}


def _ours(stage: str, shape: str, pairs: Path, args: argparse.Namespace, output: Path) -> float:
    section, (_, _, length, rows) = stage.replace("-", "_"), SHAPES[shape]
    told = {"output": output, "train.start_from": newest(args.quickstart / "run"), "parallel.devices": 1, "train.log_every": 1,
            "data.sequence_length": length, "train.global_batch_size": rows, "train.micro_batch_size": rows,
            f"{section}.epochs": 1, "checkpoint.every": 100_000, "optimizer.lr": 1.0e-4, "schedule.warmup_steps": 1,
            f"{section}.sources": f"[{{name: pairs, path: {pairs}}}]"}
    subprocess.run([sys.executable, "-m", "megatron_qm.cli", stage, "--config", f"{stage}-tiny-cpu",
                    *(f"{key}={value}" for key, value in told.items())], check=True, env=_ONE_THREAD, stdout=subprocess.DEVNULL)
    steps = [row for row in map(json.loads, (output / "metrics.jsonl").open()) if row["kind"] == "train"]
    seconds = sum(step["step_seconds"] for step in steps[2:])
    return args.pairs * (len(steps) - 2) / len(steps) / seconds  # rows are equally full


def _trl(stage: str, pairs: Path, args: argparse.Namespace, output: Path) -> float:
    said = _said([args.trl, str(Path(__file__).parent / "trl_preferences.py"), stage, str(args.quickstart / "hf"), str(pairs),
                  str(output)])
    return float(json.loads(said.splitlines()[-1])["pairs_per_second"])


def _said(command: list[str]) -> str:
    return subprocess.run(command, check=True, env=_ONE_THREAD, text=True, stdout=subprocess.PIPE).stdout.strip()


def _written(path: Path, args: argparse.Namespace, shape: str) -> Path:
    """Texts of as many tokens as the shape says, a few more or less."""
    tokenizer, draw = AutoTokenizer.from_pretrained(args.quickstart / "hf"), random.Random(shape)
    words = [word for word in (tokenizer.decode([one]) for one in range(500, 3000)) if word.isascii() and word.strip().isalpha()]

    def text(tokens: int) -> str:
        said = " ".join(draw.choice(words).strip() for _ in range(tokens))
        return str(tokenizer.decode(tokenizer(said)["input_ids"][:tokens])).strip()

    prompt, response, _, _ = SHAPES[shape]
    rows: list[Mapping[str, object]] = [
        {"prompt": [{"role": "user", "content": text(prompt)}],
         **{side: [{"role": "assistant", "content": text(response)}] for side in ("chosen", "rejected")}}
        for _ in range(args.pairs)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


if __name__ == "__main__":
    main()

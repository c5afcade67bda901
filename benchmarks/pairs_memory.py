"""What memory and time `megatron-qm evaluate --pairs` takes, by the number of pairs.

    python benchmarks/pairs_memory.py [--pairs 10000 100000 1000000] [--scratch DIR] [--output FILE]

Each evaluation is the command, in a process of its own, with a scorer that reads the score at the end of a response. Every pair
has a prompt and a key of its own. Peak memory is that of the whole process; `bytes_a_pair` is by what it grows from one count to
the next. Seconds are of the process, too.
"""

import argparse
import importlib.metadata
import os
import platform
import random
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from megatron_qm.files import write_json, write_json_lines
from megatron_qm.observe.environment import cpu_name

ROOT = Path(__file__).parents[1]


def score(conversations: Sequence) -> list[float]:
    return [float(conversation[-1]["content"].rpartition(" ")[2]) for conversation in conversations]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--scratch", type=Path, help="folder for the pairs (default: a temporary one)")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/pairs-memory.json"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.scratch) as folder:
        results = [_evaluated(count, Path(folder).resolve()) for count in args.pairs]
    for before, result in zip(results, results[1:], strict=False):
        grown = (result["peak_mib"] - before["peak_mib"]) * 2**20
        result["bytes_a_pair"] = round(grown / (result["pairs"] - before["pairs"]))
    packages = ("megatron-qm", "numpy")
    write_json(args.output, {
        "what": "peak memory and seconds of `megatron-qm evaluate --pairs --output` with a scorer that costs next to nothing",
        "date": date.today().isoformat(), "command": shlex.join(["python", "benchmarks/pairs_memory.py", *sys.argv[1:]]),
        "versions": {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in packages}},
        "hardware": {"cpu": cpu_name(), "cores": os.cpu_count()}, "load_average": round(os.getloadavg()[0], 1),
        "results": results,
    })
    print(args.output.read_text())


def _evaluated(count: int, folder: Path) -> dict[str, float]:
    pairs, output = folder / "pairs.jsonl", folder / "found.json"
    write_json_lines(pairs, _drawn(count))
    command = [sys.executable, "-m", "megatron_qm.cli", "evaluate", "--pairs", str(pairs), "--scorer",
               "benchmarks.pairs_memory:score", "--output", str(output), "--overwrite"]
    start = time.perf_counter()
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)  # its peak counts from this process's on, which is less
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"evaluating {count} pairs failed")
    return {"pairs": count, "peak_mib": round(usage.ru_maxrss / 1024, 1), "seconds": round(time.perf_counter() - start, 1),
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1), "file_mib": round(pairs.stat().st_size / 2**20, 1)}


def _drawn(count: int) -> Iterator[dict[str, str]]:
    chance = random.Random(count)
    for number in range(count):
        better, worse = ("word " * chance.randint(1, 60) + f"{chance.gauss(mean, 1):.6f}" for mean in (1, 0))
        yield {"key": f"pair-{number:09}", "prompt": f"Case {number}: what is to be done?", "chosen": better, "rejected": worse}


if __name__ == "__main__":
    main()

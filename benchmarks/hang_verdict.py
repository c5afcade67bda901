"""Is the right rank named? A random rank of a running job is stopped at a random moment, and the verdict read.

    python benchmarks/hang_verdict.py [--trials 20] [--output benchmarks/results/hang-verdict.json]

Layouts alternate: TP2+SP x DP2, PP2 x DP2 and TP2 x PP2 on four ranks. A trial counts if RUN/hang.json names the stopped
rank and no other, and exactly one line in the logs says so.
"""

import argparse
import json
import os
import random
import signal
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

from megatron_qm.checkpoint.manifest import versions
from megatron_qm.config.run import RunConfig
from megatron_qm.config.train import WatchdogConfig
from megatron_qm.drills.data import random_dataset
from megatron_qm.drills.forked import ForkedJob
from megatron_qm.drills.job import steps_done
from megatron_qm.exits import HUNG
from megatron_qm.files import write_json

import soak  # isort: skip  (its neighbour: the same small run)

LAYOUTS = [{"tp": 2, "sp": True, "pp": 1}, {"tp": 1, "sp": False, "pp": 2}, {"tp": 2, "sp": False, "pp": 2}]
LIMIT, BEAT = 4.0, 0.4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/hang-verdict.json"))
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    draw = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="hang-") as name:
        folder = Path(name)
        random_dataset(folder / "data", soak.VOCAB)
        trials = [_trial(folder, number, draw) for number in range(args.trials)]
    right = [trial for trial in trials if trial["right"]]
    report = {
        "what": f"verdicts on a stopped rank of four: {len(right)} of {len(trials)} right",
        "date": date.today().isoformat(),
        "command": f"python benchmarks/hang_verdict.py --trials {args.trials} --seed {args.seed}",
        "versions": versions(),
        "watchdog": {"limit_seconds": LIMIT, "beat_seconds": BEAT},
        "seconds_from_stop_to_end_of_job": {
            "median": round(statistics.median(trial["seconds"] for trial in trials), 1),
            "most": round(max(trial["seconds"] for trial in trials), 1),
        },
        "trials": trials,
    }
    write_json(args.output, report)
    print(json.dumps(report, indent=2))
    raise SystemExit(0 if len(right) == len(trials) else 1)


def _trial(folder: Path, number: int, draw: random.Random) -> dict:
    config = _of_trial(folder, number)
    victim, output = draw.randrange(soak.RANKS), Path(config.output)
    job = ForkedJob(config, soak.RANKS, soak.RANKS_PER_NODE)
    wanted = draw.randint(1, 6)
    if not job.wait(lambda: steps_done(output) >= wanted, 120):
        raise SystemExit(f"the run of trial {number} ended by itself: {job.codes}")
    job.wait(lambda: False, draw.uniform(0, 0.3))
    began = time.monotonic()
    os.kill(job.pids[victim], signal.SIGSTOP)
    while job.reap() and HUNG not in job.codes.values() and time.monotonic() - began < 60:
        time.sleep(0.05)
    seconds = time.monotonic() - began
    job.wait(lambda: False, 3)
    job.end()
    logs = "".join((output / f"rank-{rank}.log").read_text() for rank in range(soak.RANKS))
    lines = [line for line in logs.splitlines() if line.startswith("error: hang:")]
    named = json.loads((output / "hang.json").read_text())["culprits"] if (output / "hang.json").exists() else []
    result = {"layout": config.parallel.describe(soak.RANKS), "stopped": victim, "named": named, "lines": len(lines),
              "seconds": round(seconds, 1), "right": named == [victim] and len(lines) == 1}
    print(number, result, flush=True)
    return result


def _of_trial(folder: Path, number: int) -> RunConfig:
    base = soak.small_run(folder, f"trial-{number}", 100000)
    layout = LAYOUTS[number % len(LAYOUTS)]
    return replace(base, parallel=replace(base.parallel, **layout), watchdog=WatchdogConfig(LIMIT, BEAT))


if __name__ == "__main__":
    main()

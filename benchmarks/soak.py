"""A soak: a small run on 2 "nodes" x 2 ranks, struck 200 times at random, must end as the undisturbed run to the last bit.

    python benchmarks/soak.py [--kills 200] [--seed 0] [--output benchmarks/results/soak.json]

Struck are: one rank; a whole node (two ranks at once); all ranks; each in steps, while a checkpoint is being written, and
while the run starts and loads. After each strike what is left of the job is ended, as srun --kill-on-bad-exit does, and
the job is started again. Ranks are forked from a process that has torch and Megatron imported already: a start takes
a second and not ten, and 200 of them minutes.
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections import Counter
from datetime import date
from pathlib import Path

from megatron_qm.checkpoint.folder import published, step_of
from megatron_qm.checkpoint.manifest import versions
from megatron_qm.config.run import RunConfig, load_run
from megatron_qm.drills.compare import compare_runs
from megatron_qm.drills.data import random_dataset
from megatron_qm.drills.forked import ForkedJob
from megatron_qm.drills.job import steps_done
from megatron_qm.files import write_json

RANKS, RANKS_PER_NODE, VOCAB = 4, 2, 256
RECIPE = """\
output: OUTPUT
device: cpu
model: {layers: 2, hidden_size: 32, ffn_hidden_size: 64, heads: 2, kv_heads: 2, vocab_size: 256, max_positions: 32}
parallel: {tp: 2, sp: true}
data: {sequence_length: 32, block_size: 64, sources: [{name: a, prefix: DATA}]}
train: {steps: STEPS, global_batch_size: 4, micro_batch_size: 1}
optimizer: {lr: 1.0e-3}
checkpoint: {every: 3, keep_last: 2, asynchronous: ASYNCHRONOUS}
watchdog: {limit_seconds: 60}
"""
WHO = ("rank", "node", "all ranks")
WHEN = ("in a step", "while saving", "while starting")
_START_SECONDS = 2.0  # of which a random part passes before a strike while starting


def main() -> None:
    args = _arguments()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        random_dataset(folder / "data", VOCAB)
        began = time.monotonic()
        _finish(small_run(folder, "undisturbed", args.steps, args.asynchronous))
        strikes = _strike_until_enough(small_run(folder, "struck", args.steps, args.asynchronous), args)
        _finish(small_run(folder, "struck", args.steps, args.asynchronous))
        found = compare_runs(folder / "undisturbed", folder / "struck")
    report = _report(strikes, found, time.monotonic() - began, args)
    write_json(args.output, report)
    print(json.dumps(report, indent=2))
    raise SystemExit(0 if found.difference is None else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--asynchronous", action="store_true", help="write checkpoints in the background")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/soak.json"))
    return parser.parse_args()


def small_run(folder: Path, name: str, steps: int, asynchronous: bool = False) -> RunConfig:
    """The run `name` in `folder`, over the dataset there."""
    text = RECIPE.replace("OUTPUT", str(folder / name)).replace("DATA", str(folder / "data"))
    text = text.replace("STEPS", str(steps)).replace("ASYNCHRONOUS", str(asynchronous).lower())
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return load_run(path)


def _finish(config: RunConfig) -> None:
    job = ForkedJob(config, RANKS, RANKS_PER_NODE)
    job.wait(lambda: False, 3600)
    job.end()
    if set(job.codes.values()) != {0}:
        logs = "\n".join((job.output / f"rank-{rank}.log").read_text()[-1500:] for rank in range(RANKS))
        raise SystemExit(f"the run failed by itself: {job.codes}\n{logs}")


def _strike_until_enough(config: RunConfig, args: argparse.Namespace) -> list[dict]:
    draw, strikes = random.Random(args.seed), []
    output = Path(config.output)
    while len(strikes) < args.kills:
        before = _newest(output)
        began = time.monotonic()
        job = ForkedJob(config, RANKS, RANKS_PER_NODE)
        who, when = draw.choice(WHO), draw.choice(WHEN)
        hit = _await_moment(job, when, draw)
        done = steps_done(output)
        if hit:
            first = draw.randrange(RANKS)
            node = first // RANKS_PER_NODE * RANKS_PER_NODE
            job.strike({"rank": [first], "node": [node, node + 1], "all ranks": list(range(RANKS))}[who])
            saved = _newest(output)
            strikes.append({"who": who, "when": when, "lost": max(0, done - saved), "seconds": time.monotonic() - began})
            print(f"{len(strikes):4d}  {who:9s} {when:14s} at step {done:4d}, newest checkpoint {before} -> {saved}", flush=True)
        job.end()
        if done >= args.steps:
            raise SystemExit(f"the run came to its end after {len(strikes)} strikes: give more --steps")
        bad = {code for code in job.codes.values() if code in (2, 3)}
        if bad:
            raise SystemExit(f"the run refused to go on ({job.codes}); see its logs")
    return strikes


def _await_moment(job: ForkedJob, when: str, draw: random.Random) -> bool:
    if when == "while starting":
        job.wait(lambda: False, draw.uniform(0.0, _START_SECONDS))
        return job.reap()
    start = steps_done(job.output)
    wanted = start + draw.randint(1, 3)
    if not job.wait(lambda: steps_done(job.output) >= wanted or steps_done(job.output) < start, 60):
        return job.reap() and not job.codes
    if when == "while saving":
        return job.wait(lambda: any((job.output / "checkpoints").glob(".step-*.saving")), 60)
    job.wait(lambda: False, draw.uniform(0.0, 0.1))
    return job.reap()


def _newest(output: Path) -> int:
    found = published(output / "checkpoints")
    return step_of(found[0]) if found else 0


def _report(strikes: list[dict], found: object, seconds: float, args: argparse.Namespace) -> dict:
    lost = [strike["lost"] for strike in strikes]
    counts = Counter(f"{strike['who']}, {strike['when']}" for strike in strikes)
    return {
        "what": f"{len(strikes)} random kills of a run of {args.steps} steps on 2 nodes x 2 ranks (TP2+SP x DP2, CPU, gloo)",
        "date": date.today().isoformat(),
        "command": f"python benchmarks/soak.py --kills {args.kills} --steps {args.steps} --seed {args.seed}"
        + (" --asynchronous" if args.asynchronous else ""),
        "versions": versions(),
        "end_state": "equal to the undisturbed run to the last bit" if found.difference is None else found.difference,
        "compared": {"tensors": found.tensors, "metrics_records": found.records},
        "kills": dict(sorted(counts.items())),
        "steps_lost_per_kill": {"mean": round(statistics.mean(lost), 2), "most": max(lost)},
        "minutes": round(seconds / 60, 1),
    }


if __name__ == "__main__":
    main()

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
import signal
import socket
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np

import megatron_qm.pretrain as program
from megatron_qm.checkpoint.folder import published, step_of
from megatron_qm.checkpoint.manifest import versions
from megatron_qm.config.run import RunConfig, load_run
from megatron_qm.drills.compare import compare_runs
from megatron_qm.drills.job import steps_done
from megatron_qm.files import write_json

RANKS, RANKS_PER_NODE = 4, 2
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
_END_SECONDS = 5.0  # for the others to notice, before they are ended


def main() -> None:
    args = _arguments()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name)
        _dataset(folder / "data")
        began = time.monotonic()
        _finish(_config(folder, "undisturbed", args))
        strikes = _strike_until_enough(_config(folder, "struck", args), args)
        _finish(_config(folder, "struck", args))
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


def _dataset(prefix: Path) -> None:
    import torch
    from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder

    builder = IndexedDatasetBuilder(f"{prefix}.bin", dtype=np.uint16)
    draw = np.random.default_rng(0)
    for _ in range(400):
        builder.add_document(torch.from_numpy(draw.integers(0, 256, 100)), [100])
    builder.finalize(f"{prefix}.idx")


def _config(folder: Path, name: str, args: argparse.Namespace) -> RunConfig:
    text = RECIPE.replace("OUTPUT", str(folder / name)).replace("DATA", str(folder / "data"))
    text = text.replace("STEPS", str(args.steps)).replace("ASYNCHRONOUS", str(args.asynchronous).lower())
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return load_run(path)


class ForkedJob:
    """All ranks of one start of a run, as children of this process."""

    def __init__(self, config: RunConfig) -> None:
        self.output = Path(config.output)
        self.output.mkdir(parents=True, exist_ok=True)
        port = _free_port()
        self.pids = [self._fork(rank, config, port) for rank in range(RANKS)]
        self.codes: dict[int, int] = {}

    def _fork(self, rank: int, config: RunConfig, port: int) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(RANKS), "LOCAL_RANK": str(rank % RANKS_PER_NODE),
                           "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
            with open(self.output / f"rank-{rank}.log", "ab") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            import torch

            torch.set_num_threads(1)
            code = 0 if program.pretrain(config) else 75
        except BaseException as error:
            print(repr(error), flush=True)
        finally:
            os._exit(code)

    def reap(self) -> bool:
        """Collect those that have ended; whether any still runs."""
        for rank, pid in enumerate(self.pids):
            if rank not in self.codes:
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    self.codes[rank] = os.waitstatus_to_exitcode(status)
        return len(self.codes) < RANKS

    def wait(self, until: Callable[[], bool], seconds: float) -> bool:
        """Whether `until` came true while the job ran."""
        deadline = time.monotonic() + seconds
        while self.reap() and time.monotonic() < deadline:
            if until():
                return True
            if self.codes:
                return False
            time.sleep(0.002)
        return False

    def strike(self, ranks: list[int]) -> None:
        for rank in ranks:
            if rank not in self.codes:
                os.kill(self.pids[rank], signal.SIGKILL)
        self.wait(lambda: False, _END_SECONDS)
        self.end()

    def end(self) -> None:
        while self.reap():
            for rank, pid in enumerate(self.pids):
                if rank not in self.codes:
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)


def _finish(config: RunConfig) -> None:
    job = ForkedJob(config)
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
        job = ForkedJob(config)
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


def _free_port() -> int:
    """Below those that Linux hands out by itself."""
    while True:
        port = random.randrange(10000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


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

"""`megatron-qm pretrain` in real processes: started, watched and killed by tests. Fixtures in tests/conftest.py."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests import warm

STEPS = 12
RECIPE = """\
model: {layers: 4, hidden_size: 64, ffn_hidden_size: 128, heads: 4, kv_heads: 2, vocab_size: 512, max_positions: 64}
device: cpu
data: {sequence_length: 64, block_size: 256, sources: [{name: a, prefix: A, weight: 2}, {name: b, prefix: B}],
       validation: [{name: va, prefix: A}], validation_sequences: 4}
train: {steps: 12, global_batch_size: 8, micro_batch_size: 2, validate_every: 6}
optimizer: {lr: 2e-3}
schedule: {warmup_steps: 4}
checkpoint: {every: 3, keep_last: 2}
"""
LAYOUTS = {"TP2+SP": ["parallel.tp=2", "parallel.sp=true"], "PP2": ["parallel.pp=2"], "DP2": []}


def start(recipe: Path, output: Path, *overrides: str, ranks: int = 2) -> subprocess.Popen:
    arguments, log = _prepared(recipe, output, *overrides, ranks=ranks)
    with open(log, "ab") as file:
        return subprocess.Popen([sys.executable, "-m", "megatron_qm.cli", *arguments], stdout=file, stderr=file,
                                start_new_session=True, env=os.environ | {"OMP_NUM_THREADS": "1"})


def _prepared(recipe: Path, output: Path, *overrides: str, ranks: int) -> tuple[list[str], Path]:
    output.mkdir(parents=True, exist_ok=True)
    arguments = ["pretrain", "--config", str(recipe), "--nproc", str(ranks), f"output={output}", *overrides]
    return arguments, output / "terminal.log"


def finish(recipe: Path, output: Path, *overrides: str, ranks: int = 2) -> Path:
    """Run to the end; the last checkpoint."""
    arguments, log = _prepared(recipe, output, *overrides, ranks=ranks)
    process = warm.start("megatron_qm.cli", arguments, os.environ | {"OMP_NUM_THREADS": "1"}, log, log)
    try:
        assert process.wait(600) == 0, log.read_text()[-4000:]
    finally:
        process.kill()
    return output / "checkpoints" / f"step-{STEPS:08d}"


def kill(process: subprocess.Popen) -> None:
    """The power cut: every process of the job at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)


def records(output: Path, kind: str = "train") -> list[dict]:
    lines = (output / "metrics.jsonl").read_text().splitlines()
    return [record for record in map(json.loads, lines) if record["kind"] == kind]


def wait_for(condition: object, process: subprocess.Popen, seconds: float = 400) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)  # a busy wait would starve the ranks


def rank_pids(process: subprocess.Popen) -> dict[int, int]:
    """{rank: pid} of the children of a job."""
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    found = {environment_of(int(pid)).get("RANK"): int(pid) for pid in children}
    return {int(rank): pid for rank, pid in found.items() if rank is not None}


def environment_of(pid: int) -> dict[str, str]:
    """Of a process that lives; of one that has ended, nothing."""
    try:
        text = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return {}
    return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)

"""A training job in processes of its own, that a drill starts, watches and kills."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from megatron_qm import children
from megatron_qm.errors import UserError
from megatron_qm.files import make_folder
from megatron_qm.json_types import parse_json

_POLL_SECONDS = 0.02


class Job:
    """One start of `megatron-qm ARGUMENTS` (the verb first), in a session of its own so that all of it can be killed at once."""

    def __init__(self, arguments: Sequence[str], output: Path) -> None:
        self.output = Path(output)
        make_folder(self.output)
        self.terminal = self.output / "terminal.log"
        command = [sys.executable, "-m", "megatron_qm.cli", *arguments, f"output={output}"]
        with open(self.terminal, "ab") as log:
            self.process = children.start(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def wait(self) -> int:
        return self.process.wait()

    def running(self) -> bool:
        return self.process.poll() is None

    def wait_for_step(self, step: int) -> bool:
        """Whether step `step` was recorded while the job ran."""
        while self.running():
            if steps_done(self.output) >= step:
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def kill(self) -> None:
        """The power cut: every process of the job at once."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended by itself
        self.process.wait()

    def tail(self, lines: int = 15) -> str:
        return "\n".join(self.terminal.read_text(errors="replace").splitlines()[-lines:])


def finish(arguments: Sequence[str], output: Path) -> None:
    """Run a job to its end. Raises UserError with the end of its output if it fails."""
    job = Job(arguments, output)
    try:
        code = job.wait()
    except BaseException:
        job.kill()
        raise
    if code:
        raise UserError(f"the run in {output} ended with exit code {code}:\n{job.tail()}")


def steps_done(output: Path) -> int:
    """The last step in the run's metrics, 0 without any."""
    try:
        lines = (output / "metrics.jsonl").read_bytes().splitlines()
    except OSError:
        return 0
    for line in reversed(lines):
        try:
            record = parse_json(line)
        except ValueError:
            continue  # being written
        if record.get("kind") == "train":
            step: int = record["step"]
            return step
    return 0


def random_moment(draw: random.Random, job: Job, steps: int) -> bool:
    """Wait for a moment somewhere in a step of the run, drawn at random. False if the job ended before it."""
    alive = job.wait_for_step(min(steps_done(job.output) + draw.randint(0, 2), steps - 1))
    time.sleep(draw.uniform(0, 0.5))
    return alive and job.running()

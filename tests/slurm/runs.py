"""A training job on the virtual cluster, and what a fault costs it."""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from megatron_qm.drills.job import steps_done
from tests.jobs import environment_of, records
from tests.slurm.cluster import Cluster

ROOT = Path(__file__).parents[2]
STEPS = 30
OVERRIDES = [f"train.steps={STEPS}", "parallel.tp=2", "parallel.sp=true", "checkpoint.every=4", "train.validate_every=null",
             "watchdog.limit_seconds=15", "watchdog.beat_seconds=0.5"]
RESULT = "MQM_FAULT_TABLE"  # environment variable: where the table of faults is written


@dataclass(frozen=True)
class Fault:
    """What a fault cost: seconds from the strike until anybody acted on it, and until the next step was done."""

    name: str
    detected_after_s: float
    back_after_s: float
    steps_lost: int


@dataclass
class Faults:
    rows: list[Fault] = field(default_factory=list)

    def write(self) -> None:
        path = os.environ.get(RESULT)
        if path and self.rows:
            Path(path).write_text(json.dumps([asdict(row) for row in self.rows], indent=2) + "\n")


class Training:
    """Submits a stage's script of launch/slurm for 2 nodes x 2 ranks with the recipe of the tests."""

    def __init__(
        self, cluster: Cluster, recipe: Path, verb: str = "pretrain", script: str = "pretrain.sh",
        overrides: Sequence[str] = OVERRIDES,
    ) -> None:
        self.cluster, self.recipe, self.verb, self.script, self.overrides = cluster, recipe, verb, script, overrides

    def submit(self, output: Path, *overrides: str, options: tuple[str, ...] = ()) -> int:
        output.parent.mkdir(parents=True, exist_ok=True)
        command = str(Path(sys.executable).parent / "megatron-qm")
        environment = {"MQM_COMMAND": command, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "RANK_WAIT_SECONDS": "20"}
        return self.cluster.submit(
            "--nodes=2", "--ntasks-per-node=2", "--gpus-per-node=0", f"--output={output.parent}/job.log", *options,
            str(ROOT / "launch/slurm" / self.script), "--config", str(self.recipe), f"output={output}", *self.overrides,
            *overrides,
            folder=output.parent, environment=environment,
        )

    def log(self, output: Path) -> str:
        parts = [output.parent / "job.log", *sorted((output / "slurm" / "logs").glob("*.log"))]
        return "\n".join(f"--- {path.name}\n{path.read_text(errors='replace')[-2500:]}" for path in parts if path.exists())

    def wait_for_step(self, job: int, output: Path, step: int, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while steps_done(output) < step:
            assert time.monotonic() < deadline, self.log(output)
            state = self.cluster.job(job).get("JobState")
            assert state not in ("FAILED", "CANCELLED", "TIMEOUT"), self.log(output)
            time.sleep(0.05)

    def rank_pid(self, job: int, rank: int) -> int:
        """The Python process of a rank: the child that srun's task has started."""
        found = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and self._is_rank(int(pid), job, rank)]
        assert len(found) == 1, f"rank {rank} of job {job} is {found}"
        return found[0]

    def _is_rank(self, pid: int, job: int, rank: int) -> bool:
        variables = environment_of(pid)
        if variables.get("SLURM_JOB_ID") != str(job) or variables.get("SLURM_PROCID") != str(rank):
            return False
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return self.verb.encode() in words and words[0].endswith((b"python", b"python3", *_versions()))

    def node_of(self, job: int, rank: int) -> str:
        return environment_of(self.rank_pid(job, rank))["SLURMD_NODENAME"]

    def strike(self, name: str, job: int, output: Path, act: Callable[[], None]) -> Fault:
        """Do `act` to the running job, and see it come back."""
        resumes, before = len(self._resumes(output)), steps_done(output)
        notes, restarts = self._notes(output), self.cluster.job(job)["Restarts"]
        began = time.monotonic()
        act()
        detected = None
        while len(self._resumes(output)) == resumes:
            now = self.cluster.job(job)
            noticed = self._notes(output) != notes or now.get("Restarts") != restarts or now.get("JobState") != "RUNNING"
            if detected is None and noticed:
                detected = time.monotonic() - began
            assert now.get("JobState") not in ("FAILED", "CANCELLED", "TIMEOUT", "COMPLETED"), self.log(output)
            self.cluster.skip_requeue_delay(job, now)
            assert time.monotonic() - began < 240, self.log(output)
            time.sleep(0.1)
        resume = self._resumes(output)[-1]
        self.wait_for_step(job, output, resume["step"] + 1)
        back = time.monotonic() - began
        return Fault(name, round(back if detected is None else detected, 1), round(back, 1), max(0, before - resume["step"]))

    def _resumes(self, output: Path) -> list[dict]:
        try:
            return [event for event in records(output, "event") if event["name"] == "resume"]
        except (OSError, ValueError):
            return []

    def _notes(self, output: Path) -> str:
        path = output / "slurm" / "restarts"
        return path.read_text() if path.exists() else ""


def _versions() -> tuple[bytes, ...]:
    return (f"python{sys.version_info[0]}.{sys.version_info[1]}".encode(),)

"""Run, kill, resume, and compare with a run that nobody disturbed."""

import random
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.children import ended_by_signals
from megatron_qm.config.recipes import as_arguments
from megatron_qm.config.run import RunConfig
from megatron_qm.drills.compare import compare_runs
from megatron_qm.drills.job import Job, finish, random_moment, steps_done
from megatron_qm.errors import UserError

_MOST_STARTS = 3  # per kill that is wanted: one that comes after the end does not count


@dataclass(frozen=True)
class Drill:
    """load: the config of the stage from overrides of `recipes`. own: the stage's own overrides for a drill, given a folder.
    heard: gives the second run what the first has heard from outside."""

    stage: str
    recipes: Sequence[str]
    overrides: Sequence[str]
    load: Callable[[Sequence[str]], RunConfig]
    own: Callable[[Path], list[str]]
    heard: Callable[[Path, Path], None]
    nproc: int | None
    steps: int
    kills: int
    seed: int

    def run(self, folder: Path | None) -> int:
        """Prints what is done and found; 0 if both runs are the same to the last bit, 1 if not."""
        with ended_by_signals(), ExitStack() as stack:
            place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="verify-resume-")))
            for name in ("undisturbed", "killed"):
                if (place / name).exists():
                    raise UserError(f"{place / name}: exists already; give an empty --folder")
            arguments = [self.stage, *self._arguments(place)]
            print(f"undisturbed: {self.steps} steps", flush=True)
            finish(arguments, place / "undisturbed")
            self.heard(place / "undisturbed", place / "killed")
            self._disturb(arguments, place / "killed")
            return self._report(place)

    def _arguments(self, place: Path) -> list[str]:
        config = self.load(self.overrides)
        short = [*self.overrides, *_shortened(config, self.steps), *self.own(place)]
        nproc = [] if self.nproc is None else ["--nproc", str(self.nproc)]
        self.load(short)
        return [*as_arguments(self.recipes), *nproc, *short]

    def _disturb(self, arguments: Sequence[str], output: Path) -> None:
        draw, kills, starts = random.Random(self.seed), 0, 0
        while kills < self.kills and starts < _MOST_STARTS * self.kills:
            starts += 1
            job = Job(arguments, output)
            try:
                in_time = random_moment(draw, job, self.steps)
            finally:
                at = steps_done(output)
                job.kill()
            if in_time:
                kills += 1
                print(f"killed all ranks after step {at} ({kills} of {self.kills})", flush=True)
            elif job.process.returncode not in (0, -9):
                raise UserError(f"the run in {output} failed by itself (exit code {job.process.returncode}):\n{job.tail()}")
        if kills < self.kills:
            raise UserError(f"the run ended before it could be killed {self.kills} times ({kills} were in time), which proves "
                            f"nothing: give more --steps than {self.steps}, or fewer --kills")
        finish(arguments, output)

    def _report(self, place: Path) -> int:
        found = compare_runs(place / "undisturbed", place / "killed")
        if found.difference is not None:
            print(f"DIFFERENT: {found.difference}")
            return 1
        print(f"the same to the last bit: {found.tensors} tensors of weights and optimizer, the data cursors, the random number "
              f"generators, {found.records} metrics records and the ledger")
        return 0


def _shortened(config: RunConfig, steps: int) -> list[str]:
    """Overrides that make a recipe a run of `steps` steps with some checkpoints in it, and break none of its rules."""
    schedule = config.schedule
    overrides = ["train.tokens=null", f"train.steps={steps}", f"checkpoint.every={max(1, min(2, steps // 2))}",
                 "train.log_every=1", "checkpoint.resume=auto", "observe.probes=null", "observe.items=null",
                 "observe.wandb_project=null"]
    if schedule.warmup_steps > steps:
        overrides.append("schedule.warmup_steps=1")
    if schedule.decay_steps is not None and schedule.decay_steps > steps:
        overrides.append("schedule.decay_steps=1")
    overrides.append(f"schedule.rewarmup_at={[at for at in schedule.rewarmup_at if at < steps]}")
    return overrides

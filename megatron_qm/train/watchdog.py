"""A thread beside the training thread: it tells the others where this rank stands, and ends a job that hangs.

Nothing in Slurm or torch notices a rank that was stopped: the others wait in a collective for as long as its timeout
allows. Each rank's thread writes its heartbeat; when its own training thread has not moved for `limit_seconds` it
reads everybody's, judges who holds the job up, and ends the process. The lowest rank that still answers says it.
"""

import faulthandler
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from megatron_qm.config.train import WatchdogConfig
from megatron_qm.exits import HUNG
from megatron_qm.files import make_folder, remove_empty, write_json
from megatron_qm.observe.heartbeat import FOLDER, Beat, beat_file, read_beats, write_beat
from megatron_qm.observe.verdict import Verdict, judge
from megatron_qm.platform.runtime import Ranks
from megatron_qm.platform.whereabouts import collectives_entered, main_thread_stands

_BEATS_TO_JUDGE = 3.0  # between the two looks
_GRACE_BEATS = 3.0  # for the rank that speaks, before the others end the job


class Watchdog:
    """Use as a context. `enter(phase)` at each change of phase; `move()` wherever the run is known to be alive."""

    def __init__(self, run: Path, config: WatchdogConfig, ranks: Ranks) -> None:
        self._run, self._config, self._ranks = Path(run), config, ranks
        self._host = socket.gethostname()
        self._step, self._phase, self._since = 0, "start", time.time()
        self._moved = time.monotonic()
        self._count = 0
        self._made: list[Path] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self.seconds: dict[str, float] = {}  # spent in each phase since they were last taken

    def __enter__(self) -> Self:
        self._made = make_folder(self._run / FOLDER)
        self._beat()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        beat_file(self._run, self._ranks.rank).unlink(missing_ok=True)
        remove_empty([self._run / FOLDER, *self._made])  # the last rank does

    def enter(self, phase: str, step: int | None = None) -> None:
        """The training thread goes on to `phase` (of `step`)."""
        now = time.time()
        self.seconds[self._phase] = self.seconds.get(self._phase, 0.0) + now - self._since
        self._phase, self._since = phase, now
        self._step = self._step if step is None else step
        self.move()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """`name` for the length of a block, and then the phase before it."""
        before = self._phase
        self.enter(name)
        try:
            yield
        finally:
            self.enter(before)

    def move(self) -> None:
        """The training thread has got somewhere, such as through a micro-batch."""
        self._moved = time.monotonic()

    def take_seconds(self) -> dict[str, float]:
        """Seconds spent in each phase since this was last called."""
        self.enter(self._phase)
        taken, self.seconds = self.seconds, {}
        return taken

    def _watch(self) -> None:
        looked = time.monotonic()
        while not self._end.wait(self._config.beat_seconds):
            now = time.monotonic()
            if now - looked > 5 * self._config.beat_seconds + 1:
                self.move()  # this whole process stood still (a debugger, a suspended laptop): begin to count anew
            looked = now
            self._beat()
            if self._config.limit_seconds and now - self._moved > self._config.limit_seconds:
                self._end_the_job()

    def _beat(self) -> None:
        self._count += 1
        operation, place = main_thread_stands()
        beat = Beat(
            rank=self._ranks.rank, host=self._host, pid=os.getpid(), count=self._count, step=self._step,
            phase=self._phase, since=self._since, time=time.time(), operation=operation, place=place,
            entered=collectives_entered(),
        )
        try:
            write_beat(self._run, beat)
        except OSError:
            return  # a full disk must not end the run; the others will see this rank as silent if it lasts

    def _end_the_job(self) -> None:
        moved, world = self._moved, self._ranks.world_size
        before = read_beats(self._run, world)
        deadline = time.monotonic() + _BEATS_TO_JUDGE * self._config.beat_seconds
        while time.monotonic() < deadline:
            self._end.wait(self._config.beat_seconds / 2)
            self._beat()
        if self._moved != moved or self._end.is_set():
            return  # it went on after all
        verdict = judge(before, read_beats(self._run, world), world)
        if verdict.speaker in (self._ranks.rank, None):
            self._say(verdict)
        else:
            time.sleep(_GRACE_BEATS * self._config.beat_seconds)
        os._exit(HUNG)

    def _say(self, verdict: Verdict) -> None:
        limit = self._config.limit_seconds
        line = (f"hang: no rank moved for {limit:g} s: {verdict.sentence}. The job ends here (exit code {HUNG}); start it "
                f"again to go on from the newest checkpoint, or raise watchdog.limit_seconds if steps take longer")
        print(f"error: {line}", file=sys.stderr, flush=True)
        stacks = self._run / FOLDER / f"stacks-{self._ranks.rank:05d}.txt"
        try:
            write_json(self._run / "hang.json", {
                "time": time.time(), "culprits": list(verdict.culprits), "sentence": verdict.sentence, "step": self._step,
            })
            with open(stacks, "w") as stream:
                faulthandler.dump_traceback(stream, all_threads=True)
        except OSError:
            return  # what matters has been said

"""A pass over single documents in slices of its files, each a task of a cluster. Joined, they are byte for byte what one run
writes: blocks begin with their files, so that a file gives the same frames whoever reads it, and joining copies frames."""

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from data_tools.corpus.config import CorpusConfig
from data_tools.corpus.counts import StepCounts
from data_tools.corpus.places import locked
from data_tools.corpus.shards import Shard, ShardWriter
from data_tools.corpus.stage_run import JOURNAL, REJECTS, StageRun
from data_tools.corpus.state import Record, State
from data_tools.corpus.steps import Pass
from data_tools.journal import Journal
from data_tools.sources.inputs import Input, Share
from data_tools.stopping import StopRequest
from megatron_qm.errors import UserError
from megatron_qm.files import atomic_write

SLICES = "slices"  # in the folder that a pass is made in


@dataclass(frozen=True)
class Sliced:
    """A pass that is made in the folder `partial`, in `count` slices."""

    partial: Path
    work: Pass
    config: CorpusConfig
    count: int
    stop: StopRequest

    def folder(self, index: int) -> Path:
        return self.partial / SLICES / f"{index:05}-of-{self.count:05}"

    @contextmanager
    def run(self, index: int) -> Iterator[StageRun]:
        """Of one slice. Raises UserError where another process works on it."""
        folder, files = self.folder(index), [read_as.input for read_as in self.work.inputs]
        folder.mkdir(parents=True, exist_ok=True)
        with (
            locked(folder / ".lock", f"{folder}: another process is at this slice; wait or stop it"),
            StageRun(folder, self.work, self.config, self.stop, files_of_slice(files, index, self.count)) as run,
        ):
            yield run

    def joined(self, workers: int) -> State:
        """Shards and rejects as one run would have written them. A slice that is not done yet is done here."""
        (self.partial / JOURNAL).unlink(missing_ok=True)  # of a run that was not in slices: its shards are written over
        steps = len(self.work.steps) + 1
        state = State(counts=[StepCounts() for _ in range(steps)], samples=[[] for _ in range(steps)])
        shards = ShardWriter(self.partial, self.config.suffix, self.config.shard_bytes, [])
        with atomic_write(self.partial / REJECTS) as rejects:
            for index in range(self.count):
                with self.run(index) as run:
                    run.write(workers)
                    state.add(run.state)
                for frame in _frames(self.folder(index), run.state.shards):
                    shards.append_frame(*frame)
                    self.stop.check("stopped; the same command joins the slices anew")
                with open(self.folder(index) / REJECTS, "rb") as some:
                    shutil.copyfileobj(some, rejects)
        shards.commit()
        shards.close()
        state.shards = shards.shards
        return state


def files_of_slice(files: Sequence[Input], index: int, count: int) -> list[Share]:
    """Whole files, in their order: those that begin in the slice's part of all bytes. One may have none."""
    sizes = [file.size for file in files]
    total = max(1, sum(sizes))
    begins = accumulate(sizes, initial=0)
    return [Share(number, 0, size) for number, (size, begin) in enumerate(zip(sizes, begins, strict=False))
            if min(begin * count // total, count - 1) == index]  # fmt: skip


def _frames(folder: Path, shards: Sequence[Shard]) -> Iterator[tuple[bytes, int, int]]:
    """Of a slice that is done: packed lines of a block, documents, bytes unpacked. Raises UserError where they were changed."""
    journal: Journal[Record] = Journal(folder / JOURNAL)
    journal.close()
    frames = iter([frame for record in journal.records for frame in record["frames"]])
    for shard in shards:
        path, digest, left = folder / shard.name, hashlib.sha256(), shard.size
        with open(path, "rb") as stream:
            while left:
                documents, lines, size = next(frames)
                data = stream.read(size)
                digest.update(data)
                left -= size
                yield data, documents, lines
        if digest.hexdigest() != shard.sha256:
            raise UserError(f"{path}: is not what the slice wrote (its SHA-256 is another): take {folder} away, and it is made "
                            "again")

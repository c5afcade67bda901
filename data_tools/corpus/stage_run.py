"""A pass of a corpus through steps that follow one another, resumable after any end: blocks in, shards out, a journal."""

import time
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from data_tools.corpus.config import CorpusConfig
from data_tools.corpus.reading import ReadAs
from data_tools.corpus.samples import chosen
from data_tools.corpus.shards import ShardWriter
from data_tools.corpus.state import Record, State
from data_tools.corpus.steps import Outcome, Pass
from data_tools.corpus.workers import outcomes
from data_tools.journal import Journal
from data_tools.progress import Progress
from data_tools.rejects import RejectsFile
from data_tools.sources.inputs import Share, shares_of
from data_tools.sources.read import read_blocks
from data_tools.stopping import StopRequest
from megatron_qm.errors import UserError

JOURNAL, REJECTS = "journal", "rejects.jsonl"


class StageRun:
    """A context: shards, rejects and journal are open inside it."""

    def __init__(
        self, folder: Path, work: Pass, config: CorpusConfig, stop: StopRequest, shares: Sequence[Share] | None = None
    ) -> None:
        """Begin in the folder, or go on where its journal ends. shares: what is read, where that is a slice of the inputs: then
        the journal tells of each frame, so that slices can be joined."""
        self._work, self._stop, self._config = work, stop, config
        self._files = [read_as.input for read_as in work.inputs]
        self._journal: Journal[Record] = Journal(folder / JOURNAL)
        self.state = state = State.replay(self._journal.records, len(work.steps) + 1)
        self._shards = ShardWriter(folder, config.suffix, config.shard_bytes, state.shards)
        state.shards = self._shards.shards
        self._sliced = shares is not None
        self._shares_read = shares_of(self._files, 0, 1) if shares is None else shares
        by_input = {share.input: share for share in self._shares_read}
        self._rejects = RejectsFile(folder / REJECTS, self._files, by_input, state.rejects_bytes)
        self._frames: list[tuple[int, int, int]] = []  # since the last commit: documents, bytes of lines, bytes packed
        self._sampled: set[int] = set()

    def __enter__(self) -> "StageRun":
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()
        self._shards.close()
        self._rejects.close()

    def write(self, workers: int) -> None:
        """Read to the end. Raises UserError or Interrupted; what was done is kept."""
        if self.state.finished:
            return
        position = self.state.position
        read = {share.input: self._files[share.input].size for share in self._shares_read}
        before = list(accumulate((read.get(number, 0) for number in range(len(self._files))), initial=0))
        progress = Progress(before[-1], before[min(position.input, len(self._files))])
        blocks = read_blocks(self._files, self._shares_read, position, None, self._config.block_bytes, self._work.limit)
        began = committed = time.monotonic()
        seconds = self.state.seconds
        results = outcomes(self._work, blocks, workers)
        try:
            for outcome in results:
                self._append(outcome)
                now = time.monotonic()
                self.state.seconds = seconds + now - began
                progress.add(outcome.counts[0].documents, 0, outcome.counts[0].bytes, before[outcome.input] + outcome.consumed)
                if now - committed >= self._config.commit_seconds or self._stop.number is not None:
                    self._commit()
                    committed = now
                self._stop.check("stopped; the same command goes on")
        finally:
            results.close()
            progress.close()
        for share in self._shares_read:
            self._files[share.input].check_unchanged()
        self.state.finished = True
        self._commit()

    def _append(self, outcome: Outcome) -> None:
        state = self.state
        last = outcome.counts[-1]
        packed = self._shards.append(outcome.data, last.kept)
        if self._sliced and packed:
            self._frames.append((last.kept, len(outcome.data), packed))
        self._rejects.append(outcome.input, outcome.rejects)
        for number, (counts, samples) in enumerate(zip(outcome.counts, outcome.samples, strict=True)):
            state.counts[number].add(counts)
            if samples:
                state.samples[number] = chosen([*state.samples[number], *samples])
                self._sampled.add(number)
        name = self._work.inputs[outcome.input].name
        state.found[name] = state.found.get(name, 0) + outcome.counts[0].kept
        state.position = outcome.end
        state.rejects_bytes = self._rejects.size

    def _commit(self) -> None:
        """Data first, then the journal that claims it."""
        shards = self._shards.commit()
        self._rejects.sync()
        frames = {"frames": self._frames} if self._sliced else {}
        self._journal.append({**self.state.record(shards, self._sampled), **frames})
        self._sampled.clear()
        self._frames = []


def check_found(found: dict[str, int], inputs: Sequence[ReadAs]) -> None:
    """Raise UserError for a source that gave no document."""
    for read_as in inputs:
        if not found.get(read_as.name):
            raise UserError(f"source {read_as.name!r}: no document in {read_as.input.path} or its other files: is text_key = "
                            f"{read_as.text_key!r} right? Reasons are in {REJECTS} of the stage")

"""One writing run: append batches, commit them, stop where too much is bad, complete the files."""

import logging
import sys
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from data_tools.counts import InputCounts, total
from data_tools.encode import Batch
from data_tools.indexed_writer import IndexedWriter
from data_tools.job import Job
from data_tools.journal import Journal
from data_tools.manifest import make_manifest
from data_tools.progress import Progress
from data_tools.records import Committed
from data_tools.rejects import RejectsFile
from data_tools.sources.blocks import EMPTY_LINE, Damage, Position
from data_tools.sources.inputs import Share
from data_tools.state import State
from data_tools.stopping import StopRequest
from data_tools.workspace import NothingToKeep, Workspace
from megatron_qm.errors import UserError

log = logging.getLogger(__name__)

# A run of bad lines at the very start of a corpus says little about the rest.
_LINES_BEFORE_JUDGING = 10_000


class Run:
    """A context: the journal, the two files and the rejects file are open inside it."""

    def __init__(self, workspace: Workspace, job: Job, stop: StopRequest) -> None:
        """Begin, or go on where the journal ends."""
        self._workspace, self._job, self._stop = workspace, job, stop
        self._shares = {share.input: share for share in job.shares}
        self._bytes_before = _bytes_before(job.shares)
        self._journal: Journal[Committed] = Journal(workspace.journal_path)
        self._state = state = State.replay(self._journal.records)
        for number in self._shares:
            state.counts.setdefault(number, InputCounts())
        if state.bin_bytes:
            log.info("resuming after %s documents", f"{state.sequences:,}")
        self._writer = IndexedWriter(
            workspace.bin_path, workspace.idx_path, job.dtype, state.bin_bytes, state.sequences
        )
        self._rejects = RejectsFile(workspace.rejects_path, job.inputs, self._shares, state.rejects_bytes)
        self._sum = total(state.counts)
        self._changed: set[int] = set()
        self._committed_at = time.monotonic()

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()
        self._writer.close()
        self._rejects.close()

    def write_all_batches(self) -> None:
        """Read to the end of the shard. Raises UserError or Interrupted; what was done is kept."""
        state, job = self._state, self._job
        if state.finished:
            self._judge(at_end=True)
            return
        progress = Progress(self._bytes_before[-1][1], self._bytes_behind(state.position, 0))
        batches = job.batches(state.position)
        try:
            for batch in batches:
                if batch.damage:
                    self._tell_damage(batch.input, batch.damage)
                self._append(batch)
                progress.add(
                    len(batch.lengths), len(batch.tokens), batch.text_bytes,
                    self._bytes_behind(batch.end, batch.consumed),
                )  # fmt: skip
                if time.monotonic() - self._committed_at >= job.options.commit_seconds:
                    self._commit()
                self._judge(at_end=False)
                if self._stop.number is not None:
                    self._commit()
                    self._stop.check(f"stopped after {state.sequences:,} documents; --resume goes on")
        finally:
            batches.close()
            rates = progress.close()
        for share in job.shares:
            job.inputs[share.input].check_unchanged()
        state.finished = True
        self._commit()
        self._judge(at_end=True)
        log.info("%s", rates)

    def complete(self) -> None:
        """Finish the index and write the manifest: from here on the files only need their names."""
        files = self._writer.finish()
        self._rejects.sync()
        manifest = make_manifest(self._job.plan, self._state.counts, self._job.dtype, files)
        self._workspace.write_manifest(manifest)
        log.info(
            "%s: %s documents, %s tokens (%s), %s lines rejected", self._workspace.prefix,
            f"{manifest['documents']:,}", f"{manifest['tokens']:,}", manifest["dtype"], f"{manifest['rejects']:,}",
        )  # fmt: skip
        for number, counts in self._state.counts.items():
            for damage in (damage for damage in counts.damage if not damage.harmless):
                log.warning("INCOMPLETE: %s is %s", self._job.inputs[number].path, damage)

    def _tell_damage(self, number: int, damage: Damage) -> None:
        """Raise UserError, committed, unless damage is allowed, or no text is lost by it."""
        path = self._job.inputs[number].path
        if not damage.harmless and not self._job.options.allow_damaged:
            self._commit()
            raise UserError(
                f"{path} is {damage}. Fetch or write it again and start with --overwrite, or take what can be read of it "
                "with --allow-damaged --resume"
            )
        log.warning("%s is %s", path, damage)

    def _append(self, batch: Batch) -> None:
        state = self._state
        self._writer.append(batch.tokens, batch.lengths)
        self._rejects.append(batch.input, batch.rejects)
        reasons = Counter(reject.reason for reject in batch.rejects)
        damage = [batch.damage] if batch.damage else []
        counts = InputCounts(batch.lines, len(batch.lengths), len(batch.tokens), batch.text_bytes, reasons, damage)
        state.counts[batch.input].add(counts)
        self._sum.add(counts)
        self._changed.add(batch.input)
        state.position = batch.end
        state.bin_bytes, state.sequences = self._writer.bin_bytes, self._writer.sequences
        state.rejects_bytes = self._rejects.size

    def _commit(self) -> None:
        """Data first, then the journal that claims it."""
        self._writer.sync()
        self._rejects.sync()
        self._journal.append(self._state.record(self._changed))
        self._changed.clear()
        self._committed_at = time.monotonic()

    def _judge(self, at_end: bool) -> None:
        """Raise UserError, committed, if more lines are bad than --max-bad-fraction allows, or nothing is good."""
        counts = self._sum
        options = self._job.options
        enough = at_end or counts.lines >= _LINES_BEFORE_JUDGING
        if enough and counts.bad > options.max_bad_fraction * counts.lines:
            if not at_end:
                self._commit()
            raise UserError(self._too_many_bad(counts))
        if at_end and not counts.documents and options.shard[1] == 1:
            names = ", ".join(str(item.path) for item in self._job.inputs[:3])
            raise NothingToKeep(f"no documents in {names}: nothing to write")

    def _too_many_bad(self, counts: InputCounts) -> str:
        limit = self._job.options.max_bad_fraction
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in counts.rejects.most_common())
        hint = "; one document per file is --text-documents file" if self._blank_text_lines() else ""
        return (
            f"{counts.bad:,} of {counts.lines:,} lines ({counts.bad / counts.lines:.2%}) are bad, over "
            f"--max-bad-fraction {limit}: {reasons}{hint}. They are listed in {self._rejects.path}; mend them and "
            "start with --overwrite, or accept them with a higher --max-bad-fraction and --resume"
        )

    def _blank_text_lines(self) -> bool:
        return any(
            counts.rejects[EMPTY_LINE] and self._job.inputs[number].kind == "text"
            for number, counts in self._state.counts.items()
        )

    def _bytes_behind(self, position: Position, consumed: int) -> int:
        """Bytes of the shard's input, on disk, that lie before `position`; `consumed` of the input it lies in."""
        number, before = self._bytes_before[bisect_left(self._bytes_before, (position.input, 0))]
        return before + (max(0, consumed - self._shares[number].start) if number == position.input else 0)


def _bytes_before(shares: Sequence[Share]) -> list[tuple[int, int]]:
    """(input, bytes of the shard before it) of each share, rising; the last entry stands for the end."""
    entries, done = [], 0
    for share in shares:
        entries.append((share.input, done))
        done += share.stop - share.start
    return [*entries, (sys.maxsize, done)]

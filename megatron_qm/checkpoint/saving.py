"""One checkpoint on its way to the disk: each rank writes its share, then rank 0 completes and publishes the whole."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch.distributed as dist

from megatron_qm.checkpoint import distributed, folder, rng
from megatron_qm.checkpoint.manifest import (
    HF,
    TOKENIZER,
    WEIGHTS,
    FileRecord,
    Manifest,
    hash_files,
    write_manifest,
)
from megatron_qm.checkpoint.together import on_first_rank
from megatron_qm.checkpoint.writer import InChild, InPlace, Outcome, Plan, plan, save_object, why, write_buckets
from megatron_qm.errors import UserError
from megatron_qm.files import fsync_directory, publish, remove_tree


@dataclass(frozen=True)
class Extras:
    """What a checkpoint carries along for an export: folders (or a tokenizer file) that are copied into it."""

    tokenizer: Path | None = None
    hf: Path | None = None


class Saving:
    """Collective from the start: the tensors are dealt out, and every rank begins to write its own.

    temporary: a folder made for this checkpoint alone, with `weights` and `rank_state` in it.
    """

    def __init__(
        self,
        temporary: Path,
        final: Path,
        manifest: Manifest,
        state: distributed.SaveState,
        extras: Extras,
        *,
        asynchronous: bool,
    ) -> None:
        self.temporary, self.final = temporary, final
        self.manifest = manifest
        self.extras = extras
        self._common = state.common
        self._plan = plan(state.sharded, temporary / WEIGHTS, distributed.replicas())
        self._work = (InChild if asynchronous else InPlace)(_share(self._plan, temporary))

    def done(self) -> bool:
        """Whether this rank's share is written, or has failed."""
        return self._work.done()

    def publish(self) -> Path:
        """Wait for all shares; then the checkpoint is whole under its name, or gone and UserError raised everywhere."""
        outcome = self._work.outcome()
        outcomes = [outcome] * dist.get_world_size() if dist.get_rank() == 0 else None
        dist.gather_object(outcome, outcomes)
        return on_first_rank(lambda: self._complete_or_remove(outcomes or []))

    def _complete_or_remove(self, outcomes: list[Outcome]) -> Path:
        try:
            for rank, outcome in enumerate(outcomes):
                if outcome.bug:
                    raise RuntimeError(f"rank {rank} failed to write its share of a checkpoint:\n{outcome.bug}")
                if outcome.error:
                    raise UserError(f"rank {rank}: {outcome.error}")
            return self._complete(outcomes)
        except (UserError, OSError) as error:
            reason = why(error) if isinstance(error, OSError) else str(error)
            raise UserError(
                f"the checkpoint of step {self.manifest.step} was not saved: {reason}. Nothing of it was kept, older "
                f"ones are intact: make room (or lower checkpoint.keep_last) and run again to go on from them"
            ) from None
        finally:
            remove_tree(self.temporary)  # published, it has another name

    def _complete(self, outcomes: list[Outcome]) -> Path:
        """The index, the files without tensors, the manifest; all on the disk before the one rename."""
        weights = self.temporary / WEIGHTS
        self._plan.writer.finish(self._plan.metadata, [outcome.results for outcome in outcomes])
        own = [f"{WEIGHTS}/{name}" for name in (".metadata", *distributed.write_common(weights, self._common))]
        for name, source in ((TOKENIZER, self.extras.tokenizer), (HF, self.extras.hf)):
            if source is not None and source.exists():
                own += [f"{name}/{file}" for file in folder.copy_files(source, self.temporary / name)]
        _sync(self.temporary / name for name in own)
        records = hash_files(self.temporary, own)
        for outcome in outcomes:
            records |= outcome.records
        self._all_here(records)
        for path in (path for path in self.temporary.iterdir() if path.is_dir()):
            fsync_directory(path)
        write_manifest(self.temporary, self.manifest, records)
        folder.make_room(self.final)
        publish(self.temporary, self.final)
        return self.final

    def _all_here(self, records: dict[str, FileRecord]) -> None:
        for name, record in records.items():
            path = self.temporary / name
            if not path.is_file() or path.stat().st_size != record.bytes:
                raise UserError(
                    f"{path}: another rank wrote it, but rank 0 cannot see it: the output folder must be on storage "
                    f"that all machines share"
                )


def _share(planned: Plan, temporary: Path) -> Callable[[], Outcome]:
    """What this rank writes, taken now: the work itself may run later, in a fork."""
    buckets = planned.take_buckets()
    generators, generators_file = rng.rng_state(), rng.rng_file(dist.get_rank())

    def work() -> Outcome:
        results = write_buckets(buckets)
        save_object(temporary / generators_file, generators)
        names = [f"{WEIGHTS}/{Path(path).name}" for path, *_ in buckets]
        return Outcome(results, hash_files(temporary, [*names, generators_file]))

    return work


def _sync(paths: Iterable[Path]) -> None:
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

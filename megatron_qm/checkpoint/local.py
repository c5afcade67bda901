"""Copies on each node's own disk: quick to write and to read, complete only while every node still has its own.

    LOCAL/RUN_ID/step-00000450/rank-00003.pt      what this rank holds, as it holds it: no gathering, one layout only
    LOCAL/RUN_ID/step-00000450/rank-00003.json    its hash, layout and step; written last

The shared checkpoints (store.py) are what a run lives by. A local copy only saves the steps since the newest of them,
when all ranks come back on the nodes that they were on. RUN_ID is drawn when a run begins, and lies in its folder
from its first copy on: the copies of a deleted run are never taken for those of a new one in its place.
"""

import logging
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypedDict

import torch
import torch.distributed as dist
from megatron.core.optimizer import MegatronOptimizer

from megatron_qm.checkpoint import adam, folder, rng
from megatron_qm.checkpoint.manifest import Layout
from megatron_qm.checkpoint.pickles import read_values
from megatron_qm.checkpoint.together import first_problem, on_first_rank
from megatron_qm.checkpoint.writer import save_object, why
from megatron_qm.errors import UserError
from megatron_qm.files import fsync_directory, sha256, write_json, write_text
from megatron_qm.json_types import JsonObject, parse_json, whole_of
from megatron_qm.model.language_model import unwrap

logger = logging.getLogger(__name__)
RUN_ID = "run.id"
_KEPT = 2  # the newest may be complete on some nodes only


class _Note(TypedDict):
    """What lies beside a copy: base is the shared checkpoint that it continues."""

    sha256: str
    bytes: int
    layout: dict[str, int | None]
    step: int
    base: str | None


class LocalCopies:
    """All methods are collective. `root` is checkpoint.local, a path that means another disk on each node."""

    def __init__(self, root: Path, run: Path, layout: Layout) -> None:
        self._rank, self._layout = dist.get_rank(), asdict(layout)
        self._id_file = Path(run) / RUN_ID
        self._identity = on_first_rank(lambda: _read_id(self._id_file) or secrets.token_hex(8))
        self.folder = Path(root) / self._identity

    def save(
        self, chunks: Sequence[torch.nn.Module], optimizer: MegatronOptimizer, progress: Mapping[str, object], base: str | None
    ) -> None:
        """Write what this rank holds. progress: plain values, with "step" among them, the same on all ranks. base: name of
        the newest shared checkpoint, of which this is a continuation.

        Raises UserError, on all ranks, if a rank could not write; then nothing of this copy is left on it.
        """
        step, problem = whole_of(progress, "step"), None
        on_first_rank(self._keep_id)
        try:
            self._write(step, chunks, optimizer, dict(progress), base)
        except OSError as error:
            problem = f"rank {self._rank}: the local copy of step {step} was not written: {why(error)}"
        problem = first_problem(problem)
        if problem is not None:
            raise UserError(f"{problem}; make room, or leave checkpoint.local out")

    def _keep_id(self) -> None:
        if not self._id_file.is_file():
            write_text(self._id_file, self._identity + "\n")

    def newest_complete(self, shared: Path | None) -> int | None:
        """The newest step of which every rank finds its copy, unaltered and of this layout, and that is newer than the
        checkpoint `shared`; None without one. Copies that continue a checkpoint which has been removed are left alone."""
        floor = -1 if shared is None else folder.step_of_published(shared)
        mine = {step: base for step, base in self._there() if step > floor and (base is None or _stands(shared, base))}
        everybody = [mine] * dist.get_world_size()
        dist.all_gather_object(everybody, mine)
        common = set.intersection(*(set(steps) for steps in everybody))
        for step in sorted(common, reverse=True):
            problem = first_problem(self._problem(step))
            if problem is None:
                return step
            if self._rank == 0:
                logger.warning("local copy of step %d skipped: %s", step, problem)
        return None

    def load(self, step: int, chunks: Sequence[torch.nn.Module], optimizer: MegatronOptimizer) -> JsonObject:
        """Put the copy of `step` (from `newest_complete`) back, generators too; returns its `progress`."""
        for part in adam.parts_of(optimizer):  # values are copied into states that must exist
            if isinstance(part.optimizer, torch.optim.AdamW):
                adam.give_initial_states(part.optimizer)
        held = read_values(self._file(step, ".pt"))
        tensors = dict(_tensors(chunks, optimizer))
        if {n: t.shape for n, t in tensors.items()} != {n: t.shape for n, t in held["tensors"].items()}:
            path = self._file(step, ".pt")
            raise UserError(f"{path}: holds other tensors than this model has; remove the folder {self.folder}")
        with torch.no_grad():
            for name, tensor in tensors.items():
                tensor.copy_(held["tensors"][name])
        rng.restore_rng(held["generators"])
        progress: JsonObject = held["progress"]
        return progress

    def _write(
        self, step: int, chunks: Sequence[torch.nn.Module], optimizer: MegatronOptimizer, progress: JsonObject, base: str | None
    ) -> None:
        # Ranks of a node share the folder, so files and not the folder are published.
        path = self._file(step, ".pt")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        note = self._file(step, ".json")
        note.unlink(missing_ok=True)
        try:
            tensors = {name: tensor.detach() for name, tensor in _tensors(chunks, optimizer)}
            save_object(temporary, {"tensors": tensors, "generators": rng.rng_state(), "progress": progress})
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        write_json(note, _Note(sha256=sha256(path), bytes=path.stat().st_size, layout=self._layout, step=step, base=base))
        fsync_directory(path.parent)
        self._remove_old(step)

    def _remove_old(self, newest: int) -> None:
        """This rank's files of steps that are no longer wanted, and the folders that they leave empty."""
        steps = sorted((step for step, _ in self._there()), reverse=True)
        for step in [s for s in steps if s > newest] + [s for s in steps if s <= newest][_KEPT:]:
            for suffix in (".json", ".pt"):
                self._file(step, suffix).unlink(missing_ok=True)
            try:
                self._file(step, ".pt").parent.rmdir()
            except OSError:
                continue  # another rank's files are still in it

    def _there(self) -> Iterator[tuple[int, str | None]]:
        """(step, base) of this rank's copies of this layout."""
        for path in folder.published(self.folder):
            step = folder.step_of_published(path)
            note = self._note(step)
            if note is not None and note.get("layout") == self._layout:
                yield step, note.get("base")

    def _note(self, step: int) -> _Note | None:
        try:
            note: _Note = parse_json(self._file(step, ".json").read_text())
        except (OSError, ValueError):
            return None
        return note

    def _problem(self, step: int) -> str | None:
        path, note = self._file(step, ".pt"), self._note(step)
        try:
            good = note is not None and path.stat().st_size == note["bytes"] and sha256(path) == note["sha256"]
        except (OSError, KeyError):
            good = False
        return None if good else f"rank {self._rank}: {path} is missing or altered"

    def _file(self, step: int, suffix: str) -> Path:
        return self.folder / folder.checkpoint_name(step) / f"rank-{self._rank:05d}{suffix}"


def _tensors(chunks: Sequence[torch.nn.Module], optimizer: MegatronOptimizer) -> Iterator[tuple[str, torch.Tensor]]:
    """Everything that an update changes, as this rank holds it, under names that only this layout understands."""
    for index, module in enumerate(unwrap(chunks)):
        yield from ((f"model.{index}.{name}", tensor) for name, tensor in module.named_parameters())
        yield from ((f"buffer.{index}.{name}", tensor) for name, tensor in module.named_buffers())
    for number, part in enumerate(adam.parts_of(optimizer)):
        for group_number, group in enumerate(part.optimizer.param_groups):
            if isinstance(group.get("step"), torch.Tensor):
                yield f"optimizer.{number}.{group_number}.step", group["step"]
            for index, parameter in enumerate(group["params"]):
                prefix = f"optimizer.{number}.{group_number}.{index}"
                yield f"{prefix}.param", parameter
                for name, value in sorted(part.optimizer.state[parameter].items()):
                    if isinstance(value, torch.Tensor):
                        yield f"{prefix}.{name}", value


def _stands(shared: Path | None, base: str) -> bool:
    """Whether the checkpoint that a copy continued is still there, or was followed by a newer one."""
    if shared is None:
        return False
    return (shared.parent / base).is_dir() or folder.step_of_published(shared) >= folder.step_of_published(Path(base))


def _read_id(path: Path) -> str | None:
    return path.read_text().strip() if path.is_file() else None

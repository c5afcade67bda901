"""PREFIX.partial: where an unfinished dataset lies, who may write it, and how it takes its final names.

A folder beside the final files, with the plan (what was asked), the journal (what is safe), the growing files and a
lock. The manifest is written last; once it is there, the files only need their names, and any later run can give them.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_tools.disk import check_writable
from data_tools.records import Manifest, MergePlan, Plan
from data_tools.rejects import is_list
from megatron_qm.errors import UserError
from megatron_qm.files import (
    atomic_write,
    fsync_directory,
    make_folder,
    obstacles_named,
    publish,
    remove_empty,
    remove_tree,
    write_json,
)  # fmt: skip

MANIFEST_FORMAT = "megatron-qm indexed dataset 1"


class Workspace:
    """The unfinished and the final files of one output prefix. Made by `locked_workspace`."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.folder = Path(f"{prefix}.partial")
        self.bin_path = self.folder / "tokens.bin"
        self.idx_path = self.folder / "index.idx"
        self.rejects_path = self.folder / "rejects"
        self.journal_path = self.folder / "journal"
        self.lock_path = self.folder / "lock"
        self._plan_path = self.folder / "plan.json"
        self._manifest_path = self.folder / "manifest.json"
        self._publishing_path = self.folder / "publishing"

    def final(self, kind: str) -> Path:
        """PREFIX.bin, PREFIX.idx, PREFIX.json or PREFIX.rejects."""
        return Path(f"{self.prefix}.{kind}")

    def begun(self) -> bool:
        return self._plan_path.exists()

    def published(self) -> bool:
        """Whether the last run got as far as the final name of its manifest."""
        return self._publishing_path.exists() and not self._manifest_path.exists()

    def read_plan(self) -> Plan | MergePlan:
        plan: Plan | MergePlan = json.loads(self._plan_path.read_bytes())
        return plan

    def begin(self, plan: Plan | MergePlan) -> None:
        """Start with nothing; what an earlier run left is thrown away."""
        self._manifest_path.unlink(missing_ok=True)  # first: with it the rest would count as whole
        for path in self.folder.iterdir():
            if path != self.lock_path:
                path.unlink()
        write_json(self._plan_path, plan)

    def ready(self) -> bool:
        """Whether all files are whole and wait for their names only."""
        return self._manifest_path.exists()

    def write_manifest(self, manifest: Manifest) -> None:
        write_json(self._manifest_path, manifest)

    def publish(self, rejects: str | None, replace: bool) -> None:
        """Give the files their final names, the manifest last; repeatable. The old dataset ends here, if `replace`.

        Without its .idx no reader opens a dataset, so that a crash half-way leaves none rather than a mixture.
        Raises UserError if a final file appeared since the run began and must not be replaced.
        """
        files = [(self.bin_path, "bin"), (self.idx_path, "idx"), (self._manifest_path, "json")]
        moves = [(source, self.final(kind)) for source, kind in files if source.exists()]
        if not replace:
            for _, target in moves:
                _refuse_existing(target)
        self._publishing_path.touch()
        fsync_directory(self.folder)
        if replace and self.bin_path.exists():
            for kind in ("idx", "json"):
                self.final(kind).unlink(missing_ok=True)
            fsync_directory(self.final("idx").parent)
        if self.rejects_path.exists():
            _copy(self.rejects_path, Path(rejects) if rejects else self.final("rejects"))
        for source, target in moves:
            publish(source, target)

    def remove(self) -> None:
        remove_tree(self.folder)

    def check_targets(self, rejects: str | None) -> None:
        """Raise UserError where a final file could not take its name."""
        for kind in ("bin", "idx", "json"):
            check_writable(self.final(kind), f"--output-prefix {self.prefix}")
        check_writable(*((Path(rejects), f"--rejects {rejects}") if rejects else
                         (self.final("rejects"), f"--output-prefix {self.prefix}")))  # fmt: skip

    def refuse_existing(self) -> None:
        """Raise UserError if a final file is there already."""
        for kind in ("bin", "idx", "json"):
            _refuse_existing(self.final(kind))

    def refuse_existing_rejects(self, rejects: str | None, replace: bool) -> None:
        """Raise UserError if the file that --rejects names is there and is not this run's, nor, if `replace`, an earlier list."""
        if not rejects or not os.path.lexists(rejects) or self._publishing_path.exists():
            return
        if not replace:
            raise UserError(f"--rejects {rejects}: exists already; name another file, or take it away")
        if not is_list(Path(rejects)):
            raise UserError(f"--rejects {rejects}: exists and is no list of rejected lines; --overwrite does not replace it: "
                            "name another file")

    def refuse_foreign_manifest(self) -> None:
        """Raise UserError if PREFIX.json is not a manifest: it may be someone's raw data."""
        path = self.final("json")
        if path.exists() and read_manifest(path) is None:
            raise UserError(f"{path}: exists and is no manifest of a dataset; choose another --output-prefix")


class NothingToKeep(UserError):
    """No run could go on from what there is: it goes."""


@contextmanager
def locked_workspace(prefix: str) -> Iterator[Workspace]:
    """The workspace of `prefix`, held by this process alone. Raises UserError if another run holds it."""
    workspace = Workspace(prefix)
    said = f"--output-prefix {prefix}"
    made = make_folder(workspace.folder.parent, workspace.folder, said)
    try:
        with obstacles_named(workspace.folder, said):
            descriptor = _lock(workspace)
        try:
            yield workspace
        except NothingToKeep:
            workspace.remove()
            raise
        finally:
            if workspace.folder.exists() and not workspace.begun():
                shutil.rmtree(workspace.folder)
            os.close(descriptor)
    finally:
        remove_empty(made)


def read_manifest(path: Path) -> Manifest | None:
    """The manifest at `path`; None if there is none or it is something else."""
    try:
        values: Manifest | None = json.loads(path.read_bytes()) if path.stat().st_size < 1 << 30 else None
    except (FileNotFoundError, ValueError):
        return None
    return values if isinstance(values, dict) and values.get("format") == MANIFEST_FORMAT else None


def _lock(workspace: Workspace) -> int:
    while True:
        workspace.folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(workspace.lock_path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:
            continue  # the run that held it has just finished and removed the folder
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise UserError(f"{workspace.folder}: another run is writing this dataset; wait or stop it") from None
        try:
            if os.fstat(descriptor).st_ino == workspace.lock_path.stat().st_ino:
                return descriptor
        except FileNotFoundError:
            pass  # removed between open and lock: what is locked is no longer the lock of this prefix
        os.close(descriptor)


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise UserError(f"{path}: exists already; --overwrite replaces it, or choose another prefix")


def _copy(source: Path, destination: Path) -> None:
    with open(source, "rb") as stream, atomic_write(destination) as copy:
        shutil.copyfileobj(stream, copy)

"""A stage: what it reads, what else decides its outcome, what it writes. Its manifest is written last: what has one is done, and
not done again.

    FOLDER/begun.json      what was asked as it began: settings, and a digest of everything it reads
    FOLDER/manifest.json   the same, with a digest of everything it wrote
"""

import functools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from megatron_qm.checkpoint.folder import newest
from megatron_qm.checkpoint.manifest import MANIFEST as OF_CHECKPOINT
from megatron_qm.errors import UserError
from megatron_qm.files import sha256, write_json
from megatron_qm.json_types import JsonObject, parse_json

BEGUN, MANIFEST = "begun.json", "manifest.json"
State = Literal["done", "begun", "to do"]


@dataclass(frozen=True)
class Stage:
    """reads: files, checkpoints and runs, by what they are to it. settings: what else decides the outcome, as JSON. writes: files
    and runs in `folder`. work: does it, and may be asked again after any end. goes_on: whether it then goes on with what it has
    written so far, so that this must be of the same settings and inputs."""

    name: str
    round: int
    folder: Path
    reads: Mapping[str, Path]
    settings: JsonObject
    writes: Sequence[str]
    work: Callable[[], None] = field(repr=False)
    goes_on: bool = False

    @property
    def ends_round(self) -> bool:
        return self.name.endswith("/measure")

    def state(self) -> State:
        """Raises UserError where what it was done with, or has begun with, is not what is asked now, and where what it wrote is
        not what is there now."""
        done = _read(self.folder / MANIFEST)
        if done is not None:
            self._compare(done, "done")
            for name, digest in _object(done, "writes").items():
                if digest_of(self.folder / name) != digest:
                    raise self._changed(f"{self.folder / name} is not what it wrote")
            return "done"
        begun = _read(self.folder / BEGUN)
        if begun is None:
            return "to do"
        if self.goes_on and any((self.folder / name).exists() for name in self.writes):
            self._compare(begun, "begun")
        return "begun"

    def run(self) -> None:
        """Does it, whatever was done of it before. Raises UserError as its work does; then it has no manifest."""
        asked, began = self._asked(), time.monotonic()
        write_json(self.folder / BEGUN, asked)
        self.work()
        written = {name: digest_of(self.folder / name) for name in self.writes}
        write_json(self.folder / MANIFEST, {**asked, "writes": written, "seconds": round(time.monotonic() - began, 3)})

    def _asked(self) -> JsonObject:
        reads = {name: digest_of(path) for name, path in self.reads.items()}
        asked: JsonObject = json.loads(json.dumps({"stage": self.name, "settings": self.settings, "reads": reads}))
        return asked

    def _compare(self, then: JsonObject, word: str) -> None:
        now = self._asked()
        for name in sorted({**_object(then, "reads"), **_object(now, "reads")}):
            if _object(then, "reads").get(name) != _object(now, "reads").get(name):
                where = self.reads.get(name, "which it no longer reads")
                raise self._changed(f"its {name}, {where}, has changed since it was {word}")
        if (key := _difference(then["settings"], now["settings"])) is not None:
            raise self._changed(f"{key[0]} is {key[2]!r:.80}, and was {key[1]!r:.80} when it was {word}")

    def _changed(self, what: str) -> UserError:
        return UserError(f"{self.name}: {what}; put that back, or remove {self.folder} and the stages after it to run them anew, "
                         "or name another output")


def digest_of(path: Path) -> str:
    """Of a file; of a checkpoint by its manifest, which holds the digests of its files; of a run by its newest checkpoint. Raises
    UserError for what is not there."""
    if path.is_dir():
        path = path / OF_CHECKPOINT if (path / OF_CHECKPOINT).is_file() else newest(path) / OF_CHECKPOINT
    try:
        stat = path.stat()
        return _digest(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


@functools.cache
def _digest(path: Path, _time: int, _size: int) -> str:
    """A file that has not changed is read once, however many stages read it."""
    return sha256(path)


def _read(path: Path) -> JsonObject | None:
    """None where it is not there. Raises UserError for what no stage has written."""
    try:
        tree = parse_json(path.read_bytes())
        if isinstance(tree, dict) and {"settings", "reads"} <= set(tree):
            return tree
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        pass
    raise UserError(f"{path}: is no manifest of a stage; remove it to run the stage anew")


def _object(tree: JsonObject, key: str) -> JsonObject:
    value = tree.get(key)
    return value if isinstance(value, dict) else {}


def _difference(then: object, now: object, key: str = "") -> tuple[str, object, object] | None:
    """(dotted key, value then, value now) of the first that differs."""
    if isinstance(then, dict) and isinstance(now, dict):
        for name in {**then, **now}:
            found = _difference(then.get(name), now.get(name), f"{key}.{name}" if key else name)
            if found is not None:
                return found
        return None
    return None if then == now else (key, then, now)

"""Which files are read, in which order, and which part of them belongs to a shard."""

import glob
import hashlib
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_tools.records import InputIdentity
from megatron_qm.errors import UserError

log = logging.getLogger(__name__)

_KINDS = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
    ".parquet": "parquet", ".pq": "parquet",
    ".txt": "text", ".text": "text",
}  # fmt: skip
_COMPRESSIONS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd", ".zstd": "zstd"}
FORMATS = ("jsonl", "text", "parquet")
_FINGERPRINT_BYTES = 1 << 16


@dataclass(frozen=True)
class Input:
    """One file to read. `size` is in bytes on disk; `name` is its path below the folder that all inputs share."""

    path: Path
    name: str
    kind: str  # a key of FORMATS, or "file": plain text, one document per file
    compression: str | None
    size: int
    mtime_ns: int
    fingerprint: str  # SHA-256 of the size, the first and the last 64 KiB

    @property
    def splittable(self) -> bool:
        """Whether a shard can start in the middle of the file without reading what lies before."""
        return self.compression is None and self.kind in ("jsonl", "text")

    def identity(self) -> InputIdentity:
        """What must not change between a run and its --resume."""
        return InputIdentity(name=self.name, kind=self.kind, compression=self.compression, size=self.size,
                             mtime_ns=self.mtime_ns, fingerprint=self.fingerprint)

    def check_unchanged(self) -> None:
        """Raise UserError if the file was altered since the run began."""
        stat = self.path.stat()
        if (stat.st_size, stat.st_mtime_ns) != (self.size, self.mtime_ns):
            raise UserError(f"{self.path}: changed while it was read; start again with --overwrite when it is still")


@dataclass(frozen=True)
class Share:
    """The part of input number `input` that a shard reads: what starts in bytes [start, stop) of the file."""

    input: int
    start: int
    stop: int


def find_inputs(patterns: Sequence[str], format: str | None, text_documents: str, said: str = "--input") -> list[Input]:
    """The files of all patterns, in the order given, the matches of one glob sorted by name.

    `format` overrides what the names say; `said`: who names the patterns. A file met twice is read once. Raises UserError
    for a pattern that matches nothing, a folder, a file that cannot be read and a name that tells no format.
    """
    paths = _without_repeats([path for pattern in patterns for path in _expand(pattern, said)], said)
    if not paths:
        raise UserError(f"{said} matched no file")
    root = os.path.commonpath([os.path.dirname(os.path.abspath(path)) for path in paths])
    return [_describe(path, root, format, text_documents) for path in paths]


def shares_of(inputs: Sequence[Input], shard_index: int, shard_count: int) -> list[Share]:
    """What shard `shard_index` of `shard_count` reads: an equal, contiguous part of the bytes of all inputs in order.

    A document belongs to the shard in whose range it starts; all of a compressed or Parquet file starts at its first
    byte (Parquet: at its row group's share of the file). So the shards one after another are the whole.
    """
    total = sum(item.size for item in inputs)
    first = total * shard_index // shard_count
    last = total + 1 if shard_index == shard_count - 1 else total * (shard_index + 1) // shard_count
    shares, position = [], 0
    for number, item in enumerate(inputs):
        start, stop = max(first - position, 0), min(last - position, item.size)
        begins_here = first <= position < last
        partly_here = (item.splittable or item.kind == "parquet") and start < stop
        if begins_here or partly_here:
            whole = not item.splittable and item.kind != "parquet"
            shares.append(Share(number, start, item.size if whole else stop))
        position += item.size
    return shares


def _expand(pattern: str, said: str) -> list[str]:
    if os.path.isdir(pattern):
        raise UserError(f"{said} {pattern}: is a folder; name its files, for example '{pattern.rstrip('/')}/*.jsonl'")
    if os.path.exists(pattern):  # a name may hold [ or * itself
        return [pattern]
    if not glob.has_magic(pattern):
        raise UserError(f"{said} {pattern}: no such file (seen from {os.getcwd()})")
    matches = sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path))
    if not matches:
        raise UserError(f"{said} {pattern}: matches no file (seen from {os.getcwd()}; hidden files are not matched)")
    return matches


def _without_repeats(paths: list[str], said: str) -> list[str]:
    seen: dict[tuple[int, int], str] = {}
    kept = []
    for path in paths:
        stat = os.stat(path)
        key = (stat.st_dev, stat.st_ino)
        if key in seen:
            log.warning("%s: %s is the file already read as %s; it is read once", said, path, seen[key])
            continue
        seen[key] = path
        kept.append(path)
    return kept


def _describe(path: str, root: str, format: str | None, text_documents: str) -> Input:
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    compression = _COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    plain = suffixes[:-1] if compression else suffixes
    kind = format or (_KINDS.get(plain[-1]) if plain else None)
    if kind is None:
        raise UserError(
            f"{path}: its name tells no format (known: {', '.join(_KINDS)}, each also with {', '.join(_COMPRESSIONS)}); "
            f"say which with --format {'|'.join(FORMATS)}"
        )
    if kind == "parquet" and compression:
        raise UserError(f"{path}: Parquet compresses by itself; unpack the {suffixes[-1]} around it")
    if kind == "text" and text_documents == "file":
        kind = "file"
    try:
        if not os.path.isfile(path):
            raise UserError(f"{path}: not a regular file; a run that can be resumed reads files only")
        stat = os.stat(path)
        head, fingerprint = _fingerprint(path, stat.st_size)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if kind == "jsonl" and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
        raise UserError(f"{path}: holds one JSON array, not JSON lines; convert it, for example with `jq -c '.[]'`")
    name = os.path.relpath(os.path.abspath(path), root).encode(errors="backslashreplace").decode()
    return Input(Path(path), name, kind, compression, stat.st_size, stat.st_mtime_ns, fingerprint)


def _fingerprint(path: str, size: int) -> tuple[bytes, str]:
    """(first bytes, digest of size and both ends): tells most replaced files without reading them whole."""
    with open(path, "rb") as stream:
        head = stream.read(_FINGERPRINT_BYTES)
        stream.seek(max(0, size - _FINGERPRINT_BYTES))
        tail = stream.read(_FINGERPRINT_BYTES)
    return head, hashlib.sha256(b"%d\n" % size + head + tail).hexdigest()[:32]

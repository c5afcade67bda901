"""Shards of JSON lines that grow by whole frames, so that they can be cut back to what was committed, and go on from there."""

import hashlib
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import zstandard

from data_tools.disk import write_all
from megatron_qm.errors import UserError
from megatron_qm.files import fsync_directory

_LEVEL = 3
_HASHED_AT_ONCE = 1 << 22


@dataclass
class Shard:
    """A file of the output; sha256: of its first `size` bytes. lines: bytes of it unpacked."""

    name: str
    documents: int = 0
    lines: int = 0
    size: int = 0
    sha256: str = hashlib.sha256().hexdigest()

    def record(self) -> dict[str, object]:
        return asdict(self)


class ShardWriter:
    """Writes DIR/00000.jsonl.zst, DIR/00001.jsonl.zst, ...; the next begins with the block after `shard_bytes`. What is written
    depends on the blocks alone, wherever it was interrupted."""

    def __init__(self, folder: Path, suffix: str, shard_bytes: int, committed: list[Shard]) -> None:
        """Raises UserError where files are not what was committed."""
        self._folder, self._suffix, self._shard_bytes = folder, suffix, shard_bytes
        self._packer = zstandard.ZstdCompressor(_LEVEL, write_checksum=True) if suffix.endswith(".zst") else None
        self.shards = committed or [self._named(0)]
        for shard in self.shards[:-1]:
            self._check_size(shard, exactly=True)
        self._changed = [self.shards[-1]]
        self._descriptor, self._hash = self._opened(self.shards[-1])

    def append(self, lines: bytes, documents: int) -> int:
        """Lines of a block; returns how many bytes they are, packed."""
        data = self._packer.compress(lines) if self._packer and lines else lines
        self.append_frame(data, documents, len(lines))
        return len(data)

    def append_frame(self, data: bytes, documents: int, lines: int) -> None:
        """Those of a block, packed already. lines: bytes of them unpacked."""
        if not lines:
            return
        if self.shards[-1].lines >= self._shard_bytes:
            self._next()
        shard = self.shards[-1]
        write_all(self._descriptor, data, self._folder / shard.name)
        self._hash.update(data)
        shard.documents += documents
        shard.lines += lines
        shard.size += len(data)

    def commit(self) -> list[dict[str, object]]:
        """Put on the disk what was written; returns the shards that changed since the last commit."""
        os.fsync(self._descriptor)
        fsync_directory(self._folder)
        self.shards[-1].sha256 = self._hash.hexdigest()
        changed, self._changed = [shard.record() for shard in self._changed], [self.shards[-1]]
        return changed

    def close(self) -> None:
        os.close(self._descriptor)

    def _next(self) -> None:
        os.fsync(self._descriptor)
        self.shards[-1].sha256 = self._hash.hexdigest()
        os.close(self._descriptor)
        self.shards.append(self._named(len(self.shards)))
        self._changed.append(self.shards[-1])
        self._descriptor, self._hash = self._opened(self.shards[-1])

    def _named(self, number: int) -> Shard:
        return Shard(f"{number:05}{self._suffix}")

    def _opened(self, shard: Shard) -> "tuple[int, hashlib._Hash]":
        """At its end, and what its bytes so far have made of the digest."""
        path = self._folder / shard.name
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        self._check_size(shard, exactly=False)
        os.ftruncate(descriptor, shard.size)
        digest = hashlib.sha256()
        while piece := os.read(descriptor, _HASHED_AT_ONCE):
            digest.update(piece)
        if digest.hexdigest() != shard.sha256:
            raise UserError(f"{path}: its bytes are not those that were written: the disk or somebody changed them; --redo makes "
                            "the stage again")
        return descriptor, digest

    def _check_size(self, shard: Shard, exactly: bool) -> None:
        path = self._folder / shard.name
        size = path.stat().st_size if path.exists() else 0
        if size < shard.size or exactly and size != shard.size:
            raise UserError(f"{path}: {size} bytes where {shard.size} were written: it was cut or changed; --redo makes the "
                            "stage again")

"""Lines into a file, compressed as its name says; equal lines give equal bytes."""

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from megatron_qm.errors import UserError
from megatron_qm.files import atomic_write

_LEVEL = 3
# Of zstd, beside the one that writes: a stage over a whole corpus has one output. Any number from 1 on gives the same bytes.
_THREADS = 4


def _zstd(stream: IO[bytes]) -> IO[bytes]:
    import zstandard

    packer = zstandard.ZstdCompressor(_LEVEL, write_checksum=True, threads=_THREADS)
    return cast(IO[bytes], packer.stream_writer(cast(Any, stream), closefd=False))


_PACKERS: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {
    ".gz": lambda stream: cast(IO[bytes], gzip.GzipFile("", "wb", fileobj=stream, mtime=0)),
    ".bz2": lambda stream: cast(IO[bytes], bz2.BZ2File(stream, "wb")),
    ".xz": lambda stream: cast(IO[bytes], lzma.LZMAFile(stream, "wb")),
    ".zst": _zstd,
}
_LINES = (".jsonl", ".ndjson", ".json")


def check_name(path: Path, said: str) -> None:
    """Raise UserError unless the name says that the file holds JSON lines, and how they are compressed."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    plain = suffixes[:-1] if suffixes and suffixes[-1] in _PACKERS else suffixes
    if not plain or plain[-1] not in _LINES:
        raise UserError(f"{said}: JSON lines are written: end the name in .jsonl, or .jsonl{', .jsonl'.join(_PACKERS)}")


@contextmanager
def packed_lines(path: Path) -> Iterator[IO[bytes]]:
    """For whole lines; the file is there only if the block ends without an error."""
    pack = _PACKERS.get(path.suffix.lower())
    with atomic_write(path) as stream:
        if pack is None:
            yield stream
        else:
            with pack(stream) as packed:
                yield packed

"""PREFIX.bin and PREFIX.idx written as a stream, in memory that does not grow with the number of documents.

While a run lasts, the index file holds an empty header and the lengths; pointers and document indices are computed from
the lengths, piece by piece, at the end. Every document is one sequence.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_tools.disk import write_all
from megatron_qm.data.indexed_format import DOCUMENT_DTYPE, HEADER, LENGTH_DTYPE, POINTER_DTYPE, pack_header
from megatron_qm.errors import UserError

_PIECE_ENTRIES = 1 << 20
_PIECE_BYTES = 1 << 22


@dataclass(frozen=True)
class Finished:
    """Sizes in bytes and SHA-256 in hex, each by "bin" and "idx"."""

    sizes: dict[str, int]
    checksums: dict[str, str]


class IndexedWriter:
    """Appends documents to two files that take their final names elsewhere, when they are whole."""

    def __init__(self, bin_path: Path, idx_path: Path, dtype: np.dtype, bin_bytes: int = 0, sequences: int = 0) -> None:
        """Begin, or go on after `bin_bytes` and `sequences` that were committed; what lies behind them is cut off.

        Raises UserError if the files hold less than was committed.
        """
        self.bin_path, self.idx_path, self.dtype = bin_path, idx_path, dtype
        self.bin_bytes, self.sequences = bin_bytes, sequences
        self._bin = _open_at(bin_path, bin_bytes)
        self._idx = _open_at(idx_path, self._lengths_end if sequences else 0)
        if not sequences:
            write_all(self._idx, bytes(HEADER.size), idx_path)
        self._digest = hashlib.sha256()
        for offset in range(0, bin_bytes, _PIECE_BYTES):
            self._digest.update(os.pread(self._bin, min(_PIECE_BYTES, bin_bytes - offset), offset))

    @property
    def tokens(self) -> int:
        return self.bin_bytes // self.dtype.itemsize

    def append(self, tokens: np.ndarray, lengths: np.ndarray) -> None:
        """Documents one after another: `tokens` [sum of lengths] of the dataset's type, `lengths` int32 [documents]."""
        assert tokens.dtype == self.dtype and lengths.dtype == LENGTH_DTYPE
        if not len(lengths):
            return
        data = tokens.data.cast("B")
        write_all(self._bin, data, self.bin_path)
        write_all(self._idx, lengths.data.cast("B"), self.idx_path)
        self._digest.update(data)
        self.bin_bytes += len(data)
        self.sequences += len(lengths)

    def sync(self) -> None:
        """On return everything appended survives a power cut."""
        os.fsync(self._bin)
        os.fsync(self._idx)

    def finish(self) -> Finished:
        """Complete the index and make both files durable. May be repeated after a crash half-way."""
        os.ftruncate(self._idx, self._lengths_end)
        os.lseek(self._idx, 0, os.SEEK_END)
        header = pack_header(self.dtype, self.sequences, self.sequences)
        digest = hashlib.sha256(header)
        for first in range(0, self.sequences, _PIECE_ENTRIES):
            digest.update(self._lengths(first).data)
        pointer = 0
        for first in range(0, self.sequences, _PIECE_ENTRIES):
            ends = pointer + np.cumsum(self._lengths(first), dtype=POINTER_DTYPE) * self.dtype.itemsize
            pointers = np.empty_like(ends)
            pointers[0], pointers[1:] = pointer, ends[:-1]
            pointer = int(ends[-1])
            self._append_to_index(pointers, digest)
        for first in range(0, self.sequences + 1, _PIECE_ENTRIES):
            last = min(first + _PIECE_ENTRIES, self.sequences + 1)
            self._append_to_index(np.arange(first, last, dtype=DOCUMENT_DTYPE), digest)
        os.pwrite(self._idx, header, 0)
        self.sync()
        return Finished(
            {"bin": self.bin_bytes, "idx": os.fstat(self._idx).st_size},
            {"bin": self._digest.hexdigest(), "idx": digest.hexdigest()},
        )

    def close(self) -> None:
        os.close(self._bin)
        os.close(self._idx)

    @property
    def _lengths_end(self) -> int:
        return HEADER.size + self.sequences * LENGTH_DTYPE.itemsize

    def _lengths(self, first: int) -> np.ndarray:
        """Lengths of the sequences [first, first + a piece)."""
        count = min(_PIECE_ENTRIES, self.sequences - first)
        offset = HEADER.size + first * LENGTH_DTYPE.itemsize
        return np.frombuffer(os.pread(self._idx, count * LENGTH_DTYPE.itemsize, offset), LENGTH_DTYPE)

    def _append_to_index(self, values: np.ndarray, digest: "hashlib._Hash") -> None:
        data = values.data.cast("B")
        write_all(self._idx, data, self.idx_path)
        digest.update(data)


def _open_at(path: Path, size: int) -> int:
    """A descriptor of `path`, cut to `size` bytes, positioned at its end."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    found = os.fstat(descriptor).st_size
    if found < size:
        os.close(descriptor)
        raise UserError(f"{path}: {found} bytes where {size} were committed: it was altered; start with --overwrite")
    os.ftruncate(descriptor, size)
    os.lseek(descriptor, size, os.SEEK_SET)
    return descriptor

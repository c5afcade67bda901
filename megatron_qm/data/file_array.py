"""Arrays that stay in their file: read where they are asked for, never mapped, never held.

Mapping the files would be shorter to write. But a file cut short under a run would end it with a bus error instead of
an error with a name, the pages of a large index would count as the process's memory, waiting for a page would hold
Python's lock, and numpy would copy the arrays of an .idx, which start at odd addresses, whole in each searchsorted.
"""

import os
import weakref
from functools import lru_cache, partial
from pathlib import Path
from typing import overload

import numpy as np

from megatron_qm.errors import UserError

_REMEMBERED = 4096  # single entries: the upper levels of binary searches


class ReadOnlyFile:
    """An open file. Raises UserError, with the file's name, where it cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY)
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from None
        weakref.finalize(self, os.close, self._descriptor)

    def read_into(self, buffer: memoryview, offset: int) -> None:
        """Fill `buffer` with the bytes from `offset` on; safe in several threads at once."""
        done = 0
        while done < len(buffer):
            try:
                got = os.preadv(self._descriptor, [buffer[done:]], offset + done)
            except OSError as error:
                raise UserError(f"{self.path}: cannot be read: {error.strerror}") from None
            if got == 0:
                raise UserError(
                    f"{self.path}: ends at byte {offset + done}, within the {len(buffer)} bytes from {offset} on that "
                    "are read: it was truncated after it was opened; copy it again"
                )
            done += got

    def read_bytes(self, count: int, offset: int) -> bytes:
        """`count` bytes from `offset` on."""
        raw = bytearray(count)
        self.read_into(memoryview(raw), offset)
        return bytes(raw)


class FileArray:
    """`length` entries of type `dtype` from byte `offset` of `file` on. Supports len, [i], [i:j], and so bisect."""

    def __init__(self, file: ReadOnlyFile, dtype: np.dtype, offset: int, length: int) -> None:
        self.dtype = dtype
        self._file, self._offset, self._length = file, offset, length
        self._entry = lru_cache(_REMEMBERED)(partial(_read_entry, file, dtype, offset))

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> np.ndarray: ...
    def __getitem__(self, index: int | slice) -> int | np.ndarray:
        if isinstance(index, slice):
            first, last, step = index.indices(self._length)
            if step != 1:
                raise ValueError(f"only whole runs of entries are read, not every {step}th")
            return _read(self._file, self.dtype, self._offset, first, max(first, last))
        at = index + self._length if index < 0 else index
        if not 0 <= at < self._length:
            raise IndexError(f"{self._file.path}: no entry {index} among {self._length}")
        return self._entry(at)

    def rising_from(self, first: int, below: int) -> np.ndarray:
        """Of an array that rises: the entries from index `first` on that are smaller than `below`."""
        pieces, size = [np.empty(0, self.dtype)], 64
        while first < self._length:
            piece = self[first : first + size]
            fitting = int(np.searchsorted(piece, below))
            pieces.append(piece[:fitting])
            if fitting < len(piece):
                break
            first, size = first + len(piece), size * 2
        return np.concatenate(pieces)


def _read(file: ReadOnlyFile, dtype: np.dtype, offset: int, first: int, last: int) -> np.ndarray:
    """Entries [first, last) as an array of its own."""
    entries = np.empty(last - first, dtype)
    if last > first:
        file.read_into(entries.data.cast("B"), offset + first * dtype.itemsize)
    return entries


def _read_entry(file: ReadOnlyFile, dtype: np.dtype, offset: int, index: int) -> int:
    raw = file.read_bytes(dtype.itemsize, offset + index * dtype.itemsize)
    return int.from_bytes(raw, "little", signed=dtype.kind == "i")

"""PREFIX.idx of a Megatron indexed dataset, mapped into memory and checked. Its layout: `indexed_format`."""

import mmap
from pathlib import Path
from typing import BinaryIO

import numpy as np

from megatron_qm.data.indexed_format import DOCUMENT_DTYPE, LENGTH_DTYPE, POINTER_DTYPE, read_header
from megatron_qm.errors import UserError

# An index of up to this many sequences and documents is checked entry by entry (some 20 ms), a longer one by samples.
CHECK_ALL_ENTRIES = 1 << 20
_CHECK_PIECE = 1 << 18
_SAMPLES = 256
_SAMPLE_ENTRIES = 64


class IndexFile:
    """The arrays of an .idx file, as views of the mapped file.

    They start at odd addresses, so numpy functions that want aligned input (searchsorted among them) would copy them
    whole: index them, slice them or bisect them.
    """

    def __init__(self, path: Path) -> None:
        """Map and check the header and the size of `path`. Raises UserError naming it."""
        header = self._header = read_header(path)
        self.path = path
        self.dtype = header.dtype
        self.sequences = header.sequences
        self.documents = header.documents
        with open(path, "rb") as stream:
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        if hasattr(mmap, "MADV_RANDOM"):  # Linux: fetch one page for a look-up, not the 32 around it
            self._map.madvise(mmap.MADV_RANDOM)
        self.lengths = np.frombuffer(self._map, LENGTH_DTYPE, self.sequences, header.lengths_offset)
        self.pointers = np.frombuffer(self._map, POINTER_DTYPE, self.sequences, header.pointers_offset)
        self.document_indices = np.frombuffer(self._map, DOCUMENT_DTYPE, self.documents + 1, header.documents_offset)

    @property
    def bin_bytes(self) -> int:
        """Size that the .bin file must have, in bytes."""
        if not self.sequences:
            return 0
        return int(self.pointers[-1]) + int(self.lengths[-1]) * self.dtype.itemsize

    def check(self, whole: bool) -> None:
        """Compare lengths, pointers and document indices with one another. Raises UserError naming the first bad entry.

        Looks at every entry if `whole` or the index is short; otherwise at the ends and at evenly spread samples.
        """
        first, last = self.document_indices[[0, -1]].tolist()
        if (first, last) != (0, self.sequences):
            raise UserError(
                f"{self.path}: its document indices run from {first} to {last} where 0 to {self.sequences} (its "
                "sequences) is meant: the index is damaged; write the dataset again"
            )
        whole = whole or max(self.sequences, self.documents) <= CHECK_ALL_ENTRIES
        # Read from the file: each sample of the mapped arrays may bring a huge page into the process.
        with open(self.path, "rb", buffering=0) as stream:
            for first, last in _pieces(self.sequences, whole):
                self._check_sequences(stream, first, last)
            for first, last in _pieces(self.documents + 1, whole):
                self._check_documents(stream, first, last)

    def _check_sequences(self, stream: BinaryIO, first: int, last: int) -> None:
        """Entries [first, last): each sequence starts where the one before it ends, the first of all at byte 0."""
        lengths = _read(stream, LENGTH_DTYPE, self._header.lengths_offset, first, last).astype(np.int64)
        starts = _read(stream, POINTER_DTYPE, self._header.pointers_offset, first, last)
        ends = starts + lengths * self.dtype.itemsize
        wrong = lengths < 0
        wrong[1:] |= starts[1:] != ends[:-1]
        wrong[0] |= first == 0 and starts[0] != 0
        if wrong.any():
            at = int(np.argmax(wrong))
            raise UserError(
                f"{self.path}: sequence {first + at} has length {lengths[at]} and starts at byte {starts[at]}, not "
                "where the one before it ends: the index is damaged; write the dataset again"
            )

    def _check_documents(self, stream: BinaryIO, first: int, last: int) -> None:
        indices = _read(stream, DOCUMENT_DTYPE, self._header.documents_offset, first, last)
        if (falls := np.diff(indices) < 0).any():
            at = int(np.argmax(falls))
            raise UserError(
                f"{self.path}: document {first + at + 1} starts at sequence {indices[at + 1]}, before document "
                f"{first + at} at {indices[at]}: the index is damaged; write the dataset again"
            )


def _read(stream: BinaryIO, dtype: np.dtype, offset: int, first: int, last: int) -> np.ndarray:
    """Entries [first, last) of the array that starts at byte `offset`."""
    stream.seek(offset + first * dtype.itemsize)
    return np.frombuffer(stream.read((last - first) * dtype.itemsize), dtype)


def _pieces(count: int, whole: bool) -> list[tuple[int, int]]:
    """Ranges [first, last) of entries to look at, each with the entry before it, which it is compared with."""
    if whole or count <= _SAMPLES * _SAMPLE_ENTRIES:
        return [(max(first - 1, 0), min(first + _CHECK_PIECE, count)) for first in range(0, count, _CHECK_PIECE)]
    firsts = np.linspace(0, count - _SAMPLE_ENTRIES, _SAMPLES, dtype=np.int64)
    return [(int(first), int(first) + _SAMPLE_ENTRIES) for first in firsts]

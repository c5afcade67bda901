"""PREFIX.idx of a Megatron indexed dataset, mapped into memory and checked. Its layout: `indexed_format`."""

import mmap
from pathlib import Path

import numpy as np

from megatron_qm.data.indexed_format import DOCUMENT_DTYPE, LENGTH_DTYPE, POINTER_DTYPE, read_header
from megatron_qm.errors import UserError

# An index of up to this many sequences is checked entry by entry (tens of ms), a longer one by samples.
CHECK_ALL_SEQUENCES = 1 << 22
_CHECK_PIECE = 1 << 20
_SAMPLES = 256
_SAMPLE_ENTRIES = 64


class IndexFile:
    """The arrays of an .idx file, as views of the mapped file.

    They start at odd addresses, so numpy functions that want aligned input (searchsorted among them) would copy them
    whole: index them, slice them or bisect them.
    """

    def __init__(self, path: Path) -> None:
        """Map and check the header and the size of `path`. Raises UserError naming it."""
        header = read_header(path)
        self.path = path
        self.dtype = header.dtype
        self.sequences = header.sequences
        self.documents = header.documents
        with open(path, "rb") as stream:
            self._map = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
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
        whole = whole or self.sequences <= CHECK_ALL_SEQUENCES
        if not whole and hasattr(mmap, "MADV_RANDOM"):  # Linux: read one page a look-up, not the 32 around it
            self._map.madvise(mmap.MADV_RANDOM)
        for first, last in _pieces(self.sequences, whole):
            self._check_sequences(first, last)
        for first, last in _pieces(len(self.document_indices), whole):
            self._check_documents(first, last)

    def _check_sequences(self, first: int, last: int) -> None:
        """Entries [first, last): each sequence starts where the one before ended, the first of all at byte 0."""
        lengths = self.lengths[first:last].astype(np.int64)
        starts = self.pointers[first:last]
        ends = starts + lengths * self.dtype.itemsize
        previous_end = self.pointers[first - 1] + int(self.lengths[first - 1]) * self.dtype.itemsize if first else 0
        wrong = (lengths < 0) | (starts != np.concatenate([[previous_end], ends[:-1]]))
        if wrong.any():
            at = int(np.argmax(wrong))
            raise UserError(
                f"{self.path}: sequence {first + at} has length {lengths[at]} and starts at byte {starts[at]}, not "
                "where the one before it ends: the index is damaged; write the dataset again"
            )

    def _check_documents(self, first: int, last: int) -> None:
        indices = self.document_indices[max(first - 1, 0) : last]
        if (falls := np.diff(indices) < 0).any():
            at = max(first - 1, 0) + int(np.argmax(falls))
            raise UserError(
                f"{self.path}: document {at + 1} starts at sequence {self.document_indices[at + 1]}, before document "
                f"{at} at {self.document_indices[at]}: the index is damaged; write the dataset again"
            )


def _pieces(count: int, whole: bool) -> list[tuple[int, int]]:
    """Ranges [first, last) of entries to look at."""
    if whole or count <= _SAMPLES * _SAMPLE_ENTRIES:
        return [(first, min(first + _CHECK_PIECE, count)) for first in range(0, count, _CHECK_PIECE)]
    firsts = np.linspace(0, count - _SAMPLE_ENTRIES, _SAMPLES, dtype=np.int64)
    return [(int(first), int(first) + _SAMPLE_ENTRIES) for first in firsts]

"""PREFIX.idx of a Megatron indexed dataset: its arrays, checked. The layout: `indexed_format`."""

from bisect import bisect_left, bisect_right
from pathlib import Path

import numpy as np

from megatron_qm.data.file_array import FileArray, ReadOnlyFile
from megatron_qm.data.indexed_format import DOCUMENT_DTYPE, LENGTH_DTYPE, POINTER_DTYPE, read_header
from megatron_qm.errors import UserError

# An index of up to this many sequences and documents is checked entry by entry (some 20 ms), a longer one by samples.
CHECK_ALL_ENTRIES = 1 << 20
_CHECK_PIECE = 1 << 18
_SAMPLES = 256
_SAMPLE_ENTRIES = 64


class IndexFile:
    """The arrays of an .idx file, left in the file. Sequences and documents are counted from 0, pointers in bytes."""

    def __init__(self, path: Path) -> None:
        """Open `path`; compare its header with its size. Raises UserError naming it."""
        header = read_header(path)
        file = ReadOnlyFile(path)
        self.path = path
        self.dtype = header.dtype
        self.sequences = header.sequences
        self.documents = header.documents
        self.lengths = FileArray(file, LENGTH_DTYPE, header.lengths_offset, self.sequences)
        self.pointers = FileArray(file, POINTER_DTYPE, header.pointers_offset, self.sequences)
        self.document_indices = FileArray(file, DOCUMENT_DTYPE, header.documents_offset, self.documents + 1)

    @property
    def bin_bytes(self) -> int:
        """Size that the .bin file must have."""
        return self.pointers[-1] + self.lengths[-1] * self.dtype.itemsize if self.sequences else 0

    def sequence_at(self, byte: int) -> int:
        """The sequence that holds `byte` of the .bin."""
        return bisect_right(self.pointers, byte) - 1

    def document_of(self, sequence: int) -> int:
        """The document that holds `sequence`."""
        indices = self.document_indices
        if sequence < self.documents and indices[sequence] <= sequence < indices[sequence + 1]:
            return sequence  # most datasets have one sequence a document, so that both have the same number
        return bisect_right(indices, sequence) - 1

    def document_pointers(self, start: int, stop: int) -> np.ndarray:
        """Where documents start within bytes [start, stop) of the .bin, rising; as often as documents start there."""
        first = bisect_left(self.pointers, start)
        pointers = self.pointers.rising_from(first, stop)
        lowest = bisect_left(self.document_indices, first, *self._near(first))
        sequences = self.document_indices.rising_from(lowest, first + len(pointers))
        starts: np.ndarray = pointers[sequences - first]
        return starts

    def _near(self, sequence: int) -> tuple[int, int]:
        """Between which documents to look for the first that starts at `sequence` or after it."""
        indices = self.document_indices
        if 0 < sequence < len(indices) and indices[sequence - 1] < sequence <= indices[sequence]:
            return sequence, sequence
        return 0, len(indices)

    def check(self, whole: bool) -> None:
        """Compare lengths, pointers and document indices with one another. Raises UserError naming the first bad entry.

        Looks at every entry if `whole` or the index is short; otherwise at the ends and at evenly spread samples.
        """
        first, last = self.document_indices[0], self.document_indices[-1]
        if (first, last) != (0, self.sequences):
            raise UserError(
                f"{self.path}: its document indices run from {first} to {last} where 0 to {self.sequences} (its "
                "sequences) is meant: the index is damaged; write the dataset again"
            )
        whole = whole or max(self.sequences, self.documents) <= CHECK_ALL_ENTRIES
        for first, last in _pieces(self.sequences, whole):
            self._check_sequences(first, last)
        for first, last in _pieces(self.documents + 1, whole):
            self._check_documents(first, last)

    def _check_sequences(self, first: int, last: int) -> None:
        """Entries [first, last): each sequence starts where the one before it ends, the first of all at byte 0."""
        lengths = self.lengths[first:last].astype(np.int64)
        starts = self.pointers[first:last]
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

    def _check_documents(self, first: int, last: int) -> None:
        indices = self.document_indices[first:last]
        if (falls := np.diff(indices) < 0).any():
            at = int(np.argmax(falls))
            raise UserError(
                f"{self.path}: document {first + at + 1} starts at sequence {indices[at + 1]}, before document "
                f"{first + at} at {indices[at]}: the index is damaged; write the dataset again"
            )


def _pieces(count: int, whole: bool) -> list[tuple[int, int]]:
    """Ranges [first, last) of entries to look at, each with the entry before it, which it is compared with."""
    if whole or count <= _SAMPLES * _SAMPLE_ENTRIES:
        return [(max(first - 1, 0), min(first + _CHECK_PIECE, count)) for first in range(0, count, _CHECK_PIECE)]
    firsts = np.linspace(0, count - _SAMPLE_ENTRIES, _SAMPLES, dtype=np.int64)
    return [(int(first), int(first) + _SAMPLE_ENTRIES) for first in firsts]

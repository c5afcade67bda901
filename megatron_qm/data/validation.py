"""The fixed sequences that validation losses are computed on: the first ones of each source, in the dataset's order."""

from collections.abc import Sequence

import numpy as np

from megatron_qm.data.batch import Assembly, Batch
from megatron_qm.data.reader import Source, open_source
from megatron_qm.data.stream import Span


class ValidationReader:
    """`sequences_per_source` sequences from the start of each of `sources`, fewer where a source is shorter.

    Every token is read at most once; the end of a short source is padded and bears no loss. Weights are not used.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        sequence_length: int,
        sequences_per_source: int,
        *,
        reset_at_document_ends: bool = False,
        mask_document_ends: bool = False,
        vocab_size: int | None = None,
        verify: bool = False,
    ) -> None:
        self.sources = tuple(sources)
        self.datasets = tuple(open_source(source, verify) for source in self.sources)
        self._assembly = Assembly(sequence_length, reset_at_document_ends, mask_document_ends, vocab_size,
                                  responses=any(dataset.responses for dataset in self.datasets))
        self._rows: list[tuple[int, Span]] = []
        for number, dataset in enumerate(self.datasets):
            # The last token of a dataset has no label: a sequence of it alone would teach and measure nothing.
            useful = max(dataset.tokens - 1, 1)
            for row in range(min(sequences_per_source, -(-useful // sequence_length))):
                start = row * sequence_length
                self._rows.append((number, Span(0, start, min(sequence_length, dataset.tokens - start))))

    def __len__(self) -> int:
        """Sequences, of all sources."""
        return len(self._rows)

    def read(self, indices: Sequence[int] | np.ndarray | None = None) -> Batch:
        """The sequences `indices` (default: all). Indices past the end give sequences without tokens or loss, so that
        all data-parallel ranks can take the same number of micro-batches."""
        rows = range(len(self)) if indices is None else indices
        parts = []
        for row in rows:
            number, spans = (self._rows[row][0], [self._rows[row][1]]) if row < len(self) else (0, [])
            parts.append((number, self.datasets[number] if self.datasets else None, spans))
        return self._assembly.batch(parts)

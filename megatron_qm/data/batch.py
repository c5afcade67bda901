"""Sequences as the model takes them: tokens, labels, masks, positions. Axes: b sequences, s tokens."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.data.responses import COLUMNS, positions, segments
from megatron_qm.data.stream import Span
from megatron_qm.errors import UserError


@dataclass(frozen=True)
class Batch:
    """`source_b` indexes the reader's sources; the label of a token is the one that follows it in the dataset."""

    tokens_bs: np.ndarray  # int64
    labels_bs: np.ndarray  # int64; 0 where loss_mask_bs is 0
    loss_mask_bs: np.ndarray  # float32, 0 or 1
    source_b: np.ndarray  # int64
    position_ids_bs: np.ndarray  # int64
    real_bs: np.ndarray  # bool: False where a row is only filled up
    # True where a document, a block that does not continue the text before it, or the sequence itself starts.
    document_starts_bs: np.ndarray  # bool
    branch_bs: np.ndarray | None = None  # uint8: of documents with several responses, which a token is of (responses.py)
    extra: Mapping[str, np.ndarray] = field(default_factory=dict)  # [b, s] each: what a stage adds for its objective


@dataclass(frozen=True)
class Assembly:
    """How sequences are put together, the same for every sequence of a run."""

    sequence_length: int
    reset_at_document_ends: bool = False  # positions start anew wherever document_starts_bs is True
    mask_document_ends: bool = False  # no loss for predicting the first token of the next document
    vocab_size: int | None = None  # token ids must lie below it
    responses: bool = False  # documents are responses to a prompt: each is read after the prompt alone

    def batch(self, parts: Iterable[tuple[int, IndexedDataset | None, Iterable[Span]]]) -> Batch:
        """One sequence per (source, dataset, spans to read); where the spans fall short, or without a dataset, padding without
        loss."""
        parts = list(parts)
        shape = (len(parts), self.sequence_length)
        batch = Batch(
            tokens_bs=np.zeros(shape, np.int64),
            labels_bs=np.zeros(shape, np.int64),
            loss_mask_bs=np.zeros(shape, np.float32),
            source_b=np.array([source for source, _, _ in parts], np.int64),
            position_ids_bs=np.empty(shape, np.int64),
            real_bs=np.zeros(shape, bool),
            document_starts_bs=np.zeros(shape, bool),
            branch_bs=np.zeros(shape, np.uint8) if self.responses else None,
            extra={name: np.zeros(shape, dtype) for name, dtype in COLUMNS.items()} if self.responses else {},
        )
        batch.document_starts_bs[:, :1] = True
        for row, (_, dataset, spans) in enumerate(parts):
            if dataset is not None:
                self._fill(batch, row, dataset, spans)
        self._number(batch)
        return batch

    def _number(self, batch: Batch) -> None:
        batch.position_ids_bs[:] = np.arange(self.sequence_length)
        if batch.branch_bs is not None:
            for row, (starts_s, branch_s) in enumerate(zip(batch.document_starts_bs, batch.branch_bs, strict=True)):
                batch.position_ids_bs[row] = positions(*segments(starts_s, branch_s), self.sequence_length)
        elif self.reset_at_document_ends:
            latest_start_bs = np.where(batch.document_starts_bs, batch.position_ids_bs, 0)
            batch.position_ids_bs[:] -= np.maximum.accumulate(latest_start_bs, axis=1)

    def _fill(self, batch: Batch, row: int, dataset: IndexedDataset, spans: Iterable[Span]) -> None:
        column = 0
        for span in spans:
            # The label of a block's last token is read from the dataset, not from the block that happens to come next.
            text = dataset.read(span.start, min(span.length + 1, dataset.tokens - span.start))
            self._check_ids(text, dataset, span)
            labelled = len(text) - 1
            stop = column + span.length
            batch.tokens_bs[row, column:stop] = text[: span.length]
            batch.labels_bs[row, column : column + labelled] = text[1:]
            batch.loss_mask_bs[row, column : column + labelled] = 1.0
            learn = dataset.learnt(span.start, len(text))
            if learn is not None:
                batch.labels_bs[row, column : column + labelled] *= learn[1:]
                batch.loss_mask_bs[row, column : column + labelled] = learn[1:]
            starts = dataset.document_starts(span.start, span.start + len(text)) - span.start
            batch.real_bs[row, column:stop] = True if learn is None else _taught(learn, starts)[: span.length]
            batch.document_starts_bs[row, column] = True
            batch.document_starts_bs[row, column + starts[starts < span.length]] = True
            if self.mask_document_ends:
                ends = column + starts[starts > 0] - 1
                batch.labels_bs[row, ends] = 0
                batch.loss_mask_bs[row, ends] = 0.0
            if dataset.responses is not None and batch.branch_bs is not None:
                batch.branch_bs[row, column:stop] = dataset.responses.branch_s[span.start : span.start + span.length]
                known = dataset.responses.columns_of(span.start, span.start + span.length, span.start + starts)
                known["group"] += row * (dataset.tokens + 1) * (known["group"] > 0)  # one document may stand in two rows
                for name, column_s in known.items():
                    batch.extra[name][row, column:stop] = column_s
            column = stop

    def _check_ids(self, text: np.ndarray, dataset: IndexedDataset, span: Span) -> None:
        limit = self.vocab_size if self.vocab_size is not None else 1 << 63
        if int(text.min()) >= 0 and int(text.max()) < limit:
            return
        at = int(np.argmax((text < 0) | (text >= limit)))
        bound = f"the model's vocabulary of {self.vocab_size}" if self.vocab_size is not None else "a vocabulary"
        raise UserError(
            f"{dataset.bin_path}: token {span.start + at} has id {text[at]}, outside {bound}: the dataset was made "
            "with another tokenizer, or it is damaged"
        )


def _taught(learn_s: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """bool [s]: tokens of documents of which something is learnt. A sample has an answer; padding, a document too, has none."""
    starts_s = np.zeros(len(learn_s), np.int64)
    starts_s[starts] = 1
    document_s = starts_s.cumsum()
    taught_s: np.ndarray = (np.bincount(document_s, weights=learn_s) > 0)[document_s]
    return taught_s

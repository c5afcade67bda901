"""Samples of different lengths into rows of one length, each sample with attention and positions of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from megatron_qm.align.sft.rendering import Rendered
from megatron_qm.data.batch import Batch

_OPEN_ROWS = 64  # rows that still take samples: more fill better, and spread a row over more of the shuffled order


@dataclass(frozen=True)
class Packing:
    """rows: the samples of each row, in order. too_long: samples that fit into no row; they are counted, never cut."""

    rows: list[list[int]]
    too_long: list[int]


def pack(length_n: Sequence[int], capacity: int) -> Packing:
    """First fit, in the order given: the same lengths give the same rows. A sample needs one token less than its length,
    for its last token is only predicted."""
    rows: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (row, tokens left) of the open ones, oldest first
    too_long = []
    for sample, length in enumerate(length_n):
        needed = length - 1
        if needed > capacity:
            too_long.append(sample)
            continue
        place = next((at for at, (_, left) in enumerate(room) if left >= needed), None)
        if place is None:
            rows.append([])
            room.append((len(rows) - 1, capacity))
            place = len(room) - 1
        row, left = room[place]
        rows[row].append(sample)
        room[place] = (row, left - needed)
        room = [entry for entry in room if entry[1] > 1][-_OPEN_ROWS:]
    return Packing(rows, too_long)


def assemble(rows: Sequence[Sequence[Rendered]], capacity: int, source_b: Sequence[int]) -> Batch:
    """One row [s = capacity] for each list of samples, padded at its end with tokens that nobody learns or looks at."""
    shape = (len(rows), capacity)
    batch = Batch(
        tokens_bs=np.zeros(shape, np.int64), labels_bs=np.zeros(shape, np.int64), loss_mask_bs=np.zeros(shape, np.float32),
        source_b=np.asarray(source_b, np.int64), position_ids_bs=np.zeros(shape, np.int64),
        document_starts_bs=np.zeros(shape, bool),
    )
    for b, samples in enumerate(rows):
        at = 0
        for sample in samples:
            end = at + len(sample.ids) - 1
            if end > capacity:
                raise ValueError(f"row {b} holds {end} tokens, {capacity} fit")
            batch.tokens_bs[b, at:end] = sample.ids[:-1]
            batch.labels_bs[b, at:end] = np.where(sample.learn[1:], sample.ids[1:], 0)
            batch.loss_mask_bs[b, at:end] = sample.learn[1:]
            batch.position_ids_bs[b, at:end] = np.arange(end - at)
            batch.document_starts_bs[b, at] = True
            at = end
        if at < capacity:  # the padding is a document of its own
            batch.document_starts_bs[b, at] = True
            batch.position_ids_bs[b, at:] = np.arange(capacity - at)
    return batch

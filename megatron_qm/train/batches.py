"""From a step's plan to the tensors of one micro-batch on this rank.

Axes: b sequences of a micro-batch, s tokens of a sequence (of this context parallel rank).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from megatron.core.packed_seq_params import PackedSeqParams
from torch import Tensor

from megatron_qm.data.batch import Batch
from megatron_qm.data.responses import segments
from megatron_qm.model.branches import Branches


@dataclass(frozen=True)
class Place:
    """Where this rank stands among those that see different tokens."""

    dp_rank: int
    dp_size: int
    cp_rank: int
    cp_size: int

    def sequences(self, global_batch: int, micro_batch: int) -> list[list[int]]:
        """Sequence indices of each of this rank's micro-batches: neighbours go to neighbouring DP ranks."""
        share = self.dp_size * micro_batch
        first = self.dp_rank * micro_batch
        return [list(range(start + first, start + first + micro_batch)) for start in range(0, global_batch, share)]


@dataclass(frozen=True)
class MicroBatch:
    """Model inputs. `packed` is set where attention restarts at document ends: then b is folded into s (b = 1)."""

    tokens_bs: Tensor
    labels_bs: Tensor
    loss_mask_bs: Tensor
    position_ids_bs: Tensor
    source_bs: Tensor  # index of the source each token came from
    real_bs: Tensor  # False where a row is only filled up
    packed: PackedSeqParams | None = None
    extra: Mapping[str, Tensor] = field(default_factory=dict)  # [b, s] each: what a stage's own objective asks for


def micro_batch(batch: Batch, rows: slice, place: Place, device: torch.device, *, packed: bool) -> MicroBatch:
    """Rows `rows` of a numpy batch as tensors on `device`, cut to this context parallel rank."""

    def cut(rows_bs: np.ndarray) -> Tensor:
        return _tensor(rows_bs.reshape(1, -1) if packed else _zigzag(rows_bs, place), device)

    return MicroBatch(
        tokens_bs=cut(batch.tokens_bs[rows]),
        labels_bs=cut(batch.labels_bs[rows]),
        loss_mask_bs=cut(batch.loss_mask_bs[rows]),
        position_ids_bs=cut(batch.position_ids_bs[rows]),
        source_bs=cut(np.repeat(batch.source_b[rows, None], batch.tokens_bs.shape[1], axis=1)),
        real_bs=cut(batch.real_bs[rows]),
        packed=_packing(batch, rows, device) if packed else None,
        extra={name: cut(column_bs[rows]) for name, column_bs in batch.extra.items()},
    )


def _tensor(array_bs: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array_bs)).to(device, non_blocking=True)


def _zigzag(array_bs: np.ndarray, place: Place) -> np.ndarray:
    """Chunks r and 2n-1-r of 2n along s (Megatron's get_batch_on_this_cp_rank)."""
    if place.cp_size == 1:
        return array_bs
    chunks = np.split(array_bs, 2 * place.cp_size, axis=1)
    return np.concatenate([chunks[place.cp_rank], chunks[2 * place.cp_size - 1 - place.cp_rank]], axis=1)


def _packing(batch: Batch, rows: slice, device: torch.device) -> PackedSeqParams:
    starts = batch.document_starts_bs[rows].copy()
    starts[:, 0] = True  # a row never attends to the row before it
    if batch.branch_bs is None:
        return PackedSeqParams(**_segments(np.flatnonzero(starts.reshape(-1)), starts.size, device))
    edges, prefixes = segments(starts.reshape(-1), batch.branch_bs[rows].reshape(-1))
    if all(first == last for first, last in prefixes):  # texts by themselves, which any attention and fused RoPE can read
        return PackedSeqParams(**_segments(edges, starts.size, device))
    position_t = batch.position_ids_bs[rows].reshape(-1)
    return Branches(**_segments(edges, starts.size, device, int(position_t.max()) + 1),
                    positions_t=torch.from_numpy(position_t).to(device), prefixes=prefixes)


def _segments(starts: np.ndarray, tokens: int, device: torch.device, longest: int = 0) -> dict[str, Any]:
    """What Megatron wants to know of a packed row. longest: tokens of the longest text, where one is of several segments."""
    edges = np.append(starts, tokens).astype(np.int32)
    cumulative = torch.from_numpy(edges).to(device)
    longest = max(longest, int(np.diff(edges).max()))
    return {"qkv_format": "thd", "cu_seqlens_q": cumulative, "cu_seqlens_kv": cumulative, "max_seqlen_q": longest,
            "max_seqlen_kv": longest}


def micro_batches(
    batch: Batch, micro_batch_size: int, place: Place, device: torch.device, *, packed: bool
) -> Iterator[MicroBatch]:
    """This rank's sequences of a step, micro-batch by micro-batch."""
    for start in range(0, batch.tokens_bs.shape[0], micro_batch_size):
        yield micro_batch(batch, slice(start, start + micro_batch_size), place, device, packed=packed)

"""Log-probabilities of given continuations, at any layout: what probes, and later verifiers and rewards, are scored by."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from megatron.core import parallel_state
from torch import Tensor, nn

from megatron_qm.data.batch import Batch
from megatron_qm.train.batches import MicroBatch, Place, micro_batch
from megatron_qm.train.logprobs import label_logprobs
from megatron_qm.train.step import this_place

Pair = tuple[Sequence[int], Sequence[int]]  # token ids of a prompt, and of the continuation to score


def score_continuations(
    model: Sequence[nn.Module], pairs: Sequence[Pair], batch_size: int = 32, multiple_of: int = 64, temperature: float = 1.0
) -> list[float]:
    """Sum of log p(continuation token | everything before it) at `temperature`, in nats, for each (prompt ids, continuation ids).

    The same list on every rank. Rows are padded on the right, which a causal model never looks at, to one length that is
    a multiple of `multiple_of` (SP and CP cut it).
    """
    place = this_place()
    rows = _Rows.of(pairs, multiple_of)
    groups = [list(range(i, min(i + batch_size, len(pairs)))) for i in range(0, len(pairs), batch_size)]
    mine = _share(groups, place)
    batches = [_micro_batch(rows, _filled(group, batch_size), place, model[0]) for group in mine]
    scores = torch.zeros(len(pairs), dtype=torch.float64)
    found = label_logprobs(model, batches, temperature=temperature)
    for group, batch, logp_bs in zip(mine, batches, found, strict=True):
        scores[group] = (logp_bs * batch.loss_mask_bs).sum(1)[: len(group)].double().cpu()
    return _sum_over_ranks(scores, model[0])


@dataclass(frozen=True)
class _Rows:
    """All pairs, padded: mask is 1 where a label belongs to the continuation."""

    tokens_bs: np.ndarray
    real_bs: np.ndarray
    labels_bs: np.ndarray
    mask_bs: np.ndarray

    @classmethod
    def of(cls, pairs: Sequence[Pair], multiple_of: int) -> "_Rows":
        lengths = np.array([len(prompt) + len(continuation) - 1 for prompt, continuation in pairs])
        length = -(-(lengths.max() + 1) // multiple_of) * multiple_of
        tokens = np.zeros((len(pairs), length + 1), dtype=np.int64)
        mask = np.zeros((len(pairs), length), dtype=np.float32)
        for row, (prompt, continuation) in enumerate(pairs):
            end = len(prompt) + len(continuation)
            tokens[row, :end] = [*prompt, *continuation]
            mask[row, len(prompt) - 1 : end - 1] = 1.0
        return cls(tokens[:, :-1], np.arange(length) < lengths[:, None], tokens[:, 1:], mask)


def _share(groups: list[list[int]], place: Place) -> list[list[int]]:
    """This DP rank's groups; empty ones fill up, so that all ranks and pipeline stages run equally many."""
    stages = parallel_state.get_pipeline_model_parallel_world_size()
    per_rank = -(-len(groups) // (place.dp_size * stages)) * stages
    mine = groups[place.dp_rank :: place.dp_size]
    return mine + [[] for _ in range(per_rank - len(mine))]


def _filled(group: list[int], size: int) -> list[int]:
    """The pipeline wants equal shapes: a short group repeats the first row, whose extra scores are dropped."""
    return group + [0] * (size - len(group))


def _micro_batch(rows: _Rows, group: list[int], place: Place, chunk: nn.Module) -> MicroBatch:
    length = rows.tokens_bs.shape[1]
    batch = Batch(
        tokens_bs=rows.tokens_bs[group],
        labels_bs=rows.labels_bs[group],
        loss_mask_bs=rows.mask_bs[group],
        source_b=np.zeros(len(group), dtype=np.int64),
        real_bs=rows.real_bs[group],
        position_ids_bs=np.tile(np.arange(length), (len(group), 1)),
        document_starts_bs=np.zeros((len(group), length), dtype=bool),
    )
    return micro_batch(batch, slice(None), place, next(chunk.parameters()).device, packed=False)


def _sum_over_ranks(scores: Tensor, chunk: nn.Module) -> list[float]:
    """Each score stands on the TP ranks of one last stage, cut over its CP ranks."""
    scores = scores.to(next(chunk.parameters()).device)
    dist.all_reduce(scores)
    summed: list[float] = (scores / parallel_state.get_tensor_model_parallel_world_size()).tolist()
    return summed

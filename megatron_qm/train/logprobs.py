"""Log-probabilities of the labels of micro-batches, where this rank's pipeline stage has them.

Axes: b rows, s tokens of this rank.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from megatron.core.pipeline_parallel import get_forward_backward_func
from torch import Tensor, nn

from megatron_qm.model.language_model import tempered
from megatron_qm.train.batches import MicroBatch
from megatron_qm.train.step import full_length


@torch.no_grad()  # `forward_only` alone leaves autograd on
def label_logprobs(
    model: Sequence[nn.Module], batches: Sequence[MicroBatch], move: Callable[[], None] = lambda: None, temperature: float = 1.0
) -> list[Tensor]:
    """[b, s] for each of `batches`, in nats, under `model` as it is, its logits divided by `temperature`; zeros on pipeline
    stages before the last.

    All ranks call it with equally many micro-batches of equal shapes. move: told of each, for many are no hang.
    """
    for chunk in model:
        chunk.eval()
    try:
        with tempered(model, temperature):
            found = get_forward_backward_func()(
                forward_step_func=partial(_forward, move),
                data_iterator=[iter(batches) for _ in model] if len(model) > 1 else iter(batches),
                model=list(model) if len(model) > 1 else model[0],
                num_microbatches=len(batches),
                seq_length=full_length(batches[0]),
                micro_batch_size=batches[0].tokens_bs.shape[0],
                forward_only=True,
            )
    finally:
        for chunk in model:
            chunk.train()
    return list(found) or [torch.zeros_like(batch.loss_mask_bs) for batch in batches]


def _forward(
    move: Callable[[], None], iterator: Iterator[MicroBatch], chunk: nn.Module
) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]]:
    batch = next(iterator)
    move()
    output = chunk(batch.tokens_bs, batch.position_ids_bs, None, labels=batch.labels_bs, packed_seq_params=batch.packed)
    return output, partial(_collect, batch)


def _collect(batch: MicroBatch, loss_bs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return loss_bs.sum(), batch.loss_mask_bs.sum().to(torch.int), -loss_bs.detach().float()

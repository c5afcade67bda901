"""A judged batch as the updates that learn from it: this rank's micro-batches, with the log-probabilities that they need.

Axes: b rows, s tokens of this rank.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain

import torch.distributed as dist
from megatron.core import parallel_state
from torch import Tensor, nn

from megatron_qm.align.rl.experience import Experience
from megatron_qm.align.rl.lengths import multiple_of, packed_length
from megatron_qm.align.rl.rehearsal import Replay
from megatron_qm.align.rl.rows import layout, row_length, rows
from megatron_qm.align.rollouts.compare import LogprobGap, compare_logprobs
from megatron_qm.config.rl import RlRun
from megatron_qm.data.batch import Batch
from megatron_qm.platform.runtime import Platform
from megatron_qm.train.batches import MicroBatch, micro_batches
from megatron_qm.train.logprobs import label_logprobs
from megatron_qm.train.step import this_place

Update = list[MicroBatch]


def taught(experience: Experience, config: RlRun) -> list[int]:
    """The updates of a batch, by number, that have something to learn. Where no response of one is scored there is no loss, and
    decay and momentum alone would move the weights."""
    size = config.train.global_batch_size
    return [number for number in range(len(experience) // size)
            if any(reward is not None for reward in experience.reward_n[number * size : (number + 1) * size])]


def updates_of(experience: Experience, config: RlRun, platform: Platform, replay: Replay | None = None) -> list[Update]:
    """train.global_batch_size responses each, in order: those that `taught` names. replay: what is learnt beside them."""
    place, micro, packed = this_place(), config.train.micro_batch_size, config.rl.pack
    length = packed_length(config) if packed else row_length(experience, multiple_of(config))
    updates = []
    for number in taught(experience, config):
        filled = responses_of_rows(experience, config, number, place.dp_size)
        mine = sum(place.sequences(len(filled), micro), [])
        whole = rows(experience, filled, length, config.rl)
        batch = _share(replay.into(whole, filled.index([])) if replay else whole, mine)
        updates.append(list(micro_batches(batch, micro, place, platform.device, packed=packed)))
    return updates


def responses_of_rows(experience: Experience, config: RlRun, number: int, dp_size: int) -> list[list[int]]:
    """Of the update `number`: which responses each row holds; empty rows are for rl.replay, and up to what ranks and stages
    divide a batch by."""
    size, parallel = config.train.global_batch_size, config.parallel
    chosen = range(number * size, (number + 1) * size)
    filled = layout(experience, chosen, config.data.sequence_length, multiple_of(config), packed=config.rl.pack)
    share = dp_size * config.train.micro_batch_size * (parallel.pp if parallel.vpp else 1)
    count = len(filled) + (config.rl.replay.sequences if config.rl.replay else 0)
    return [*filled, *([] for _ in range(count + -count % share - len(filled)))]


def _share(batch: Batch, chosen: list[int]) -> Batch:
    columns = ("tokens_bs", "labels_bs", "loss_mask_bs", "source_b", "position_ids_bs", "real_bs", "document_starts_bs")
    extra = {name: column[chosen] for name, column in batch.extra.items()}
    return replace(batch, **{name: getattr(batch, name)[chosen] for name in columns}, extra=extra)


def add_logprobs(
    updates: Sequence[Update], name: str, model: Sequence[nn.Module], move: Callable[[], None], temperature: float
) -> list[Update]:
    """The same with `extra[name]`, [b, s]: of the labels under `model` as it is now, at `temperature`."""
    added = []
    for update in updates:
        found = label_logprobs(model, update, move, temperature)
        added.append([_with(batch, name, logp_bs) for batch, logp_bs in zip(update, found, strict=True)])
    return added


def _with(batch: MicroBatch, name: str, logp_bs: Tensor) -> MicroBatch:
    return replace(batch, extra={**batch.extra, name: logp_bs})


def engine_gap(update: Update, trainer: Sequence[Tensor]) -> LogprobGap | None:
    """How far the engine's log-probabilities of the responses are from the trainer's, over all ranks; the same on each.
    None where no response bears a loss."""
    engine_t: list[float] = []
    trainer_t: list[float] = []
    if parallel_state.is_pipeline_last_stage() and parallel_state.get_tensor_model_parallel_rank() == 0:
        for batch, logp_bs in zip(update, trainer, strict=True):
            counts = batch.loss_mask_bs > 0
            engine_t += batch.extra["behaviour_logp"][counts].tolist()
            trainer_t += logp_bs[counts].tolist()
    found: list[tuple[list[float], list[float]] | None] = [None] * dist.get_world_size()
    dist.all_gather_object(found, (engine_t, trainer_t))
    columns = [list(chain.from_iterable(column)) for column in zip(*found, strict=True)]
    return compare_logprobs(*[[column] for column in columns]) if columns[0] else None

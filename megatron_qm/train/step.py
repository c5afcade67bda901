"""One optimizer step, and one pass without learning, over Megatron's schedules.

Axes: b sequences of a micro-batch, s tokens of this rank, k data sources, r rows of the report.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import torch
import torch.distributed as dist
from megatron.core import parallel_state
from megatron.core.distributed import DistributedDataParallel
from megatron.core.optimizer import MegatronOptimizer
from megatron.core.pipeline_parallel import get_forward_backward_func
from torch import Tensor

from megatron_qm.config.train import OptimizerConfig
from megatron_qm.costs.flops import Work
from megatron_qm.model.language_model import tempered
from megatron_qm.train.batches import MicroBatch, Place
from megatron_qm.train.guard import Guard
from megatron_qm.train.objective import OTHERS, CrossEntropy, Objective
from megatron_qm.train.optimizer import set_hyperparameters, update

_Sums = tuple[Tensor, Tensor, Tensor]  # what an objective gives


@dataclass(frozen=True)
class Losses:
    """Sums over the tokens of a step that count, by source: cross entropy in nats, z-loss, how many tokens, and by name
    whatever else the objective reports, each to be divided by what `per` names, or by the tokens. read_k, pairs_k: the work, of
    tokens that count or not (`costs.flops.Work`)."""

    nats_k: list[float]
    z_k: list[float]
    tokens_k: list[float]
    read_k: list[float]
    pairs_k: list[float]
    others: Mapping[str, list[float]] = field(default_factory=dict)
    per: Mapping[str, str] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        return sum(self.nats_k) / max(sum(self.tokens_k), 1.0)

    @property
    def work(self) -> Work:
        return Work(sum(self.read_k), sum(self.pairs_k))

    @property
    def z_mean(self) -> float:
        return sum(self.z_k) / max(sum(self.tokens_k), 1.0)

    def mean_per_token(self, name: str) -> float:
        """Of one of the `others`."""
        return sum(self.others[name]) / max(sum(self.tokens_k), 1.0)

    @property
    def other_means(self) -> dict[str, float] | None:
        """Of all `others`: per token, or per what `per` names; those left out of which there is none."""
        counts = {name: sum(self.others[self.per[name]]) if name in self.per else max(sum(self.tokens_k), 1.0)
                  for name in self.others}
        return {name: sum(self.others[name]) / count for name, count in counts.items() if count} or None

    def mean_of(self, source: int) -> float | None:
        return self.nats_k[source] / self.tokens_k[source] if self.tokens_k[source] else None


@dataclass(frozen=True)
class StepResult:
    """refused: why the update was not made, None if it was. grad_norm: before clipping."""

    losses: Losses
    grad_norm: float
    refused: str | None = None


def this_place() -> Place:
    return Place(
        parallel_state.get_data_parallel_rank(),
        parallel_state.get_data_parallel_world_size(),
        parallel_state.get_context_parallel_rank(),
        parallel_state.get_context_parallel_world_size(),
    )


class Stepper:
    """Runs steps of `model` (this rank's wrapped chunks) with `optimizer`; `sources` losses are told apart."""

    def __init__(
        self,
        model: Sequence[DistributedDataParallel],
        optimizer: MegatronOptimizer,
        settings: OptimizerConfig,
        sources: int,
        guard: Guard,
        enter: Callable[[str], None] = lambda phase: None,
        objective: Objective | None = None,
        validation: Objective | None = None,
    ) -> None:
        self.objective = objective or CrossEntropy()
        self._validation = validation or CrossEntropy()
        self.guard = guard
        self._enter = enter  # told the phases of a step as they begin
        self.model = list(model)
        self.optimizer = optimizer
        self.settings = settings
        self.sources = sources
        self._schedule = get_forward_backward_func()

    def train(self, batches: Iterable[MicroBatch], count: int, rate: float) -> StepResult:
        """Forward and backward over `count` micro-batches of this rank, then one update at learning rate `rate`, unless
        the guard refuses it."""
        self._enter("forward and backward")
        seen = self.look(batches, count)
        self._enter("update")
        refused = self.guard.reason(seen.losses.mean, seen.grad_norm)
        if refused is None:
            set_hyperparameters(self.optimizer, self.settings, rate)
            update(self.optimizer, seen.grad_norm, self.settings.clip_grad)
        return replace(seen, refused=refused)

    def look(self, batches: Iterable[MicroBatch], count: int) -> StepResult:
        """Forward and backward as `train` does them, and no update: for looking at a step again."""
        for chunk in self.model:
            chunk.zero_grad_buffer()
        self.optimizer.zero_grad()
        losses = self._run(batches, count, self.sources, self.objective, forward_only=False)
        found_inf = self.optimizer.prepare_grads()
        return StepResult(losses, math.inf if found_inf else float(self.optimizer.get_grad_norm()))

    @torch.no_grad()  # `forward_only` alone leaves autograd on, and a report holds its graph
    def evaluate(self, batches: Iterable[MicroBatch], count: int, sources: int) -> Losses:
        """The losses of `count` micro-batches of this rank by validation source, with nothing learnt."""
        for chunk in self.model:
            chunk.eval()
        try:
            return self._run(batches, count, sources, self._validation, forward_only=True)
        finally:
            for chunk in self.model:
                chunk.train()

    def _run(
        self, batches: Iterable[MicroBatch], count: int, sources: int, objective: Objective, *, forward_only: bool
    ) -> Losses:
        first, rest = _peek(batches)
        with tempered(self.model, objective.temperature):
            reports = self._schedule(
                forward_step_func=partial(_forward_step, partial(objective, sources)),
                data_iterator=self._iterators(itertools.chain([first], rest)),
                model=self.model if len(self.model) > 1 else self.model[0],
                num_microbatches=count,
                seq_length=full_length(first),
                micro_batch_size=first.tokens_bs.shape[0],
                forward_only=forward_only,
            )
        return self._sum_over_ranks(reports, sources, objective)

    def _iterators(self, batches: Iterator[MicroBatch]) -> Iterator[MicroBatch] | list[Iterator[MicroBatch]]:
        """The interleaved schedule walks the same micro-batches once for every chunk."""
        if len(self.model) == 1:
            return batches
        return list(itertools.tee(batches, len(self.model)))

    def _sum_over_ranks(self, reports: list[Tensor], sources: int, objective: Objective) -> Losses:
        """Only the last pipeline stage has reports, and its TP ranks have the same: sum over all, divide by TP."""
        device = next(self.model[0].parameters()).device
        total_rk = torch.stack(reports).sum(0) if reports else torch.zeros(OTHERS + len(objective.names), sources, device=device)
        total_rk = total_rk.double()
        dist.all_reduce(total_rk)
        total_rk /= parallel_state.get_tensor_model_parallel_world_size()
        nats_k, z_k, tokens_k, read_k, pairs_k, *others = total_rk.tolist()
        return Losses(nats_k, z_k, tokens_k, read_k, pairs_k, dict(zip(objective.names, others, strict=True)), objective.per)


def _forward_step(
    objective: Callable[[MicroBatch, Tensor], _Sums], iterator: Iterator[MicroBatch], chunk: DistributedDataParallel
) -> tuple[Tensor, Callable[[Tensor], _Sums]]:
    batch = next(iterator)
    output = chunk(
        batch.tokens_bs, batch.position_ids_bs, None, labels=batch.labels_bs, packed_seq_params=batch.packed
    )
    return output, partial(objective, batch)


def _peek(batches: Iterable[MicroBatch]) -> tuple[MicroBatch, Iterator[MicroBatch]]:
    iterator = iter(batches)
    return next(iterator), iterator


def full_length(batch: MicroBatch) -> int:
    """Tokens of a row over all context parallel ranks, which is what Megatron's pipeline shapes start from."""
    ranks: int = parallel_state.get_context_parallel_world_size()
    return batch.tokens_bs.shape[1] * ranks

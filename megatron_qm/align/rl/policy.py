"""The policy on this rank: who learns it, who answers with its weights, and what it is held to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from megatron.core.distributed import DistributedDataParallel
from torch import Tensor, nn

from megatron_qm.align.rl.updates import Update, add_logprobs
from megatron_qm.align.rollouts.engine import RolloutEngine
from megatron_qm.align.rollouts.weights import fingerprint
from megatron_qm.model.language_model import LanguageModel, unwrap
from megatron_qm.train.logprobs import label_logprobs


@dataclass(frozen=True)
class Policy:
    """model: the chunks that are trained, in DDP. reference: those of the frozen policy that the KL term holds on to, None where
    that has no weight. move: told of every micro-batch, for many are no hang. temperature: of the sampling, and so of every
    log-probability. All ranks call each method together."""

    model: Sequence[DistributedDataParallel]
    engine: RolloutEngine
    reference: Sequence[nn.Module] | None
    move: Callable[[], None]
    temperature: float

    @property
    def chunks(self) -> list[LanguageModel]:
        return unwrap(self.model)

    def publish(self, version: int) -> str:
        """The engine answers with the present weights, those after step `version`, from now on. Their fingerprint."""
        for wrapped in self.model:
            if wrapped.ddp_config.overlap_param_gather:
                wrapped.start_param_sync(force_sync=True)  # until the next forward pass a rank has its own shard alone
        self.engine.update_weights(self.chunks, version)
        return fingerprint(self.chunks)

    def logprobs(self, update: Update) -> list[Tensor]:
        """[b, s] for each micro-batch: of its labels under the present weights."""
        return label_logprobs(self.chunks, update, self.move, self.temperature)

    def with_own(self, updates: Sequence[Update]) -> list[Update]:
        """The same with what they start from, `old_logp`."""
        return add_logprobs(updates, "old_logp", self.chunks, self.move, self.temperature)

    def with_reference(self, updates: Sequence[Update]) -> Sequence[Update]:
        """The same with `reference_logp`, where there is a reference."""
        if self.reference is None:
            return updates
        return add_logprobs(updates, "reference_logp", self.reference, self.move, self.temperature)

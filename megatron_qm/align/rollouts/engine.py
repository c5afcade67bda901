"""What a rollout engine is: whoever answers requests with a given version of the weights."""

from collections.abc import Callable, Sequence
from typing import Protocol

from torch import nn

from megatron_qm.align.rollouts.rollout import Rollout
from megatron_qm.model.generation.generate import Detokenize, generate
from megatron_qm.model.generation.request import Request


class RolloutEngine(Protocol):
    """All ranks call each method together and with the same arguments."""

    def generate(self, requests: Sequence[Request]) -> list[Rollout]:
        """One rollout per request, in order, on every rank. Raises UserError for a request that cannot be served."""
        ...

    def update_weights(self, model: Sequence[nn.Module], version: int) -> None:
        """Answer with the weights of `model` (this rank's chunks) from now on. version: the training step they are of."""
        ...


class MegatronEngine:
    """Generates from the trainer's own chunks, so that weights are never copied and never old."""

    def __init__(
        self,
        model: Sequence[nn.Module],
        version: int = 0,
        *,
        max_sequences: int = 64,
        max_prefill_tokens: int = 8192,
        detokenize: Detokenize | None = None,
        move: Callable[[], None] = lambda: None,
    ) -> None:
        """move: told after every token, for a long generation is no hang."""
        self._model, self._version = model, version
        self._max_sequences, self._max_prefill_tokens, self._detokenize = max_sequences, max_prefill_tokens, detokenize
        self._move = move

    def generate(self, requests: Sequence[Request]) -> list[Rollout]:
        completions = generate(
            self._model, requests, max_sequences=self._max_sequences, max_prefill_tokens=self._max_prefill_tokens,
            detokenize=self._detokenize, move=self._move,
        )
        return [Rollout.of(*pair, self._version) for pair in zip(requests, completions, strict=True)]

    def update_weights(self, model: Sequence[nn.Module], version: int) -> None:
        self._model, self._version = model, version

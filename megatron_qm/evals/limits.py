"""What a model takes: found to be kept before it is asked anything, and told alike for every kind of model."""

from collections.abc import Sequence
from dataclasses import dataclass

from megatron_qm.errors import UserError
from megatron_qm.evals.probes import Encoder, Probe, continuations
from megatron_qm.rewards.items import Item


@dataclass(frozen=True)
class Limits:
    """positions: tokens of a prompt and its answer together, None where the model has no bound. vocabulary: ids lie below it.
    place: who names what is asked, for messages."""

    positions: int | None
    vocabulary: int
    place: str = ""

    def check_items(self, items: Sequence[Item], prompts: Sequence[Sequence[int]], most: int) -> None:
        """most: tokens of an answer. Raises UserError for the first item that is not within the limits."""
        for item, prompt in zip(items, prompts, strict=True):
            self._check(f"the item {item.key!r}", prompt, f"a prompt of {len(prompt)} tokens and an answer of {most} are",
                        len(prompt) + most, "shorten the prompt or lower the tokens of an answer")

    def check_probes(self, probes: Sequence[Probe], encode: Encoder) -> None:
        """Raises UserError for the first probe that is not within the limits."""
        for probe in probes:
            for prompt, option in continuations(probe, encode):
                tokens = [*prompt, *option]
                self._check(f"the probe {probe.name!r}", tokens, f"prompt and option of {len(tokens)} tokens are", len(tokens),
                            "shorten it")

    def _check(self, what: str, tokens: Sequence[int], told: str, length: int, advice: str) -> None:
        what = f"{self.place}: {what}" if self.place else what
        if not tokens:
            raise UserError(f"{what}: its prompt has no tokens")
        if max(tokens) >= self.vocabulary:
            raise UserError(f"{what}: the token {max(tokens)} is outside the model's vocabulary of {self.vocabulary}; "
                            "wrong tokenizer?")
        if self.positions is not None and length > self.positions:
            raise UserError(f"{what}: {told} more than the model's {self.positions} positions; {advice}")

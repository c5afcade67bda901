"""What is asked of a generator and what it gives back; plain data, no torch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from megatron_qm.config.bounds import LEAST_TEMPERATURE
from megatron_qm.errors import UserError

FinishReason = Literal["stop", "stop_string", "length"]


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn, and when a response ends.

    The order is transformers': temperature, then top_k, then top_p. temperature 0 is greedy. top_k 0 and top_p 1 are off.
    stop_tokens end a response and stay its last token. stop_strings end it once its text holds one of them; the tokens
    that wrote it stay. Neither ends it before min_tokens tokens: until then stop tokens have probability 0.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_tokens: int = 0
    max_new_tokens: int = 256
    stop_tokens: tuple[int, ...] = ()
    stop_strings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises UserError naming the value that is out of its range."""
        object.__setattr__(self, "stop_tokens", tuple(self.stop_tokens))
        object.__setattr__(self, "stop_strings", tuple(self.stop_strings))
        rules = (
            ("temperature", self.temperature == 0 or LEAST_TEMPERATURE <= self.temperature < float("inf"),
             f"0 (greedy), or a finite number from {LEAST_TEMPERATURE:g} on"),
            ("top_p", 0 < self.top_p <= 1, "above 0 and at most 1"),
            ("top_k", self.top_k >= 0, "0 (off) or more"),
            ("max_new_tokens", self.max_new_tokens >= 1, "1 or more"),
            ("min_tokens", 0 <= self.min_tokens <= self.max_new_tokens, f"between 0 and max_new_tokens = {self.max_new_tokens}"),
            ("stop_strings", all(map(_is_text, self.stop_strings)), "a list of texts that are not empty"),
        )
        for name, holds, wanted in rules:
            if not holds:
                raise UserError(f"sampling.{name} = {getattr(self, name)!r}: must be {wanted}")


def _is_text(string: str) -> bool:
    """Half a surrogate pair is none: no token writes it."""
    return bool(string) and not any("\ud800" <= letter <= "\udfff" for letter in string)


@dataclass(frozen=True)
class Request:
    """A prompt to continue. `key` names it for ever: with `seed` and a position it fixes the random number drawn there."""

    key: str
    prompt: tuple[int, ...]
    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "prompt", tuple(self.prompt))


def check_keys(requests: Sequence[Request]) -> None:
    """Raises UserError for a key that two requests have."""
    for key, times in Counter(request.key for request in requests).items():
        if times > 1:
            raise UserError(f"{times} requests have the key {key!r}; each needs its own, or they draw the same random numbers")


@dataclass(frozen=True)
class Completion:
    """A response. logprobs: of the policy at the request's temperature (1 for greedy) over the whole vocabulary, in nats: what
    a trainer's forward pass gives whose logits are divided by it. behaviour_logprobs: of the distribution the token was drawn
    from, after temperature, top_k, top_p and the ban on early stop tokens; 0 for greedy; None where an engine does not say. Both
    have one number per token."""

    key: str
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    behaviour_logprobs: tuple[float, ...] | None
    finish_reason: FinishReason

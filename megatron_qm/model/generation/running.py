"""A sequence while it is being generated."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from megatron_qm.errors import UserError
from megatron_qm.model.generation.request import Completion, FinishReason, Request
from megatron_qm.model.generation.sampling import stream_of

_MARGIN = 8  # tokens that may stand within a stop string and add no character to it


@dataclass
class Running:
    """index: of the request in its list. stream: where its random numbers come from."""

    index: int
    request: Request
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    behaviour: list[float] = field(default_factory=list)
    finish_reason: FinishReason | None = None
    error: UserError | None = None
    stream: int = 0

    def __post_init__(self) -> None:
        self.stream = stream_of(self.request)

    @property
    def length(self) -> int:
        return len(self.request.prompt) + len(self.tokens)

    @property
    def last(self) -> int:
        return self.tokens[-1]

    @property
    def result(self) -> Completion | UserError | None:
        """None while it runs."""
        return self.error or (self._completion() if self.finish_reason else None)

    def append(
        self, token: int, logprob: float, behaviour: float, detokenize: Callable[[Sequence[int]], str] | None
    ) -> None:
        """The next token. A number that is none, and a tokenizer that fails, end this sequence and no other."""
        if not math.isfinite(logprob):
            self.error = UserError(
                f"request {self.request.key!r}: token {len(self.tokens)} has the log-probability {logprob}: the "
                "weights hold NaN or infinity, or the precision is too low for them; generate from an earlier checkpoint"
            )
            return
        self.tokens.append(token)
        self.logprobs.append(logprob)
        self.behaviour.append(behaviour)
        try:
            self.finish_reason = self._ended(token, detokenize)
        except Exception as error:  # tokenizers are anybody's
            self.error = UserError(f"request {self.request.key!r}: its tokens cannot be read for stop strings: {error}")

    def _ended(self, token: int, detokenize: Callable[[Sequence[int]], str] | None) -> FinishReason | None:
        sampling = self.request.sampling
        if len(self.tokens) >= sampling.min_tokens:
            if token in sampling.stop_tokens:
                return "stop"
            if sampling.stop_strings:
                assert detokenize is not None  # generate has refused the request otherwise
                if self._holds_stop_string(detokenize):
                    return "stop_string"
        return "length" if len(self.tokens) == sampling.max_new_tokens else None

    def _holds_stop_string(self, detokenize: Callable[[Sequence[int]], str]) -> bool:
        """Looks at the last tokens only: a string of n bytes is written by at most n tokens that write anything."""
        longest = max(len(string.encode()) for string in self.request.sampling.stop_strings)
        early = self.request.sampling.min_tokens == len(self.tokens)  # written before it counted: look at everything once
        text = detokenize(self.tokens if early else self.tokens[-longest - _MARGIN :])
        return any(string in text for string in self.request.sampling.stop_strings)

    def _completion(self) -> Completion:
        assert self.finish_reason is not None
        return Completion(
            self.request.key, tuple(self.tokens), tuple(self.logprobs), tuple(self.behaviour), self.finish_reason
        )

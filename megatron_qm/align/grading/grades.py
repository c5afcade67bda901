"""Responses graded by a generative model: k samples of each, on all ranks together."""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from megatron_qm.align.grading.candidates import Candidates
from megatron_qm.align.rollouts.engine import RolloutEngine
from megatron_qm.align.rollouts.rollout import Rollout
from megatron_qm.chat import TemplateError
from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject
from megatron_qm.model.generation.request import Request, Sampling
from megatron_qm.rewards.grading import grade_of, grading_prompt, score_of
from megatron_qm.tokenizer import TextTokenizer

CUT = "cut short"  # at the most tokens: `Score: 1` may begin a 10
_log = logging.getLogger(__name__)
_TOLD_EVERY = 10.0  # seconds


@dataclass(frozen=True)
class Sample:
    """score: a number, or why it cannot be read."""

    text: str
    score: float | str

    def to_json(self) -> JsonObject:
        readable = isinstance(self.score, float)
        return {"text": self.text, "score": self.score} if readable else {"text": self.text, "score": None, "why": self.score}


@dataclass(frozen=True)
class Grade:
    """Of one response. samples: none where its prompt is too long for the model."""

    samples: tuple[Sample, ...]

    @property
    def value(self) -> float | None:
        return grade_of([sample.score for sample in self.samples])

    @property
    def why(self) -> Counter[str]:
        """How many samples cannot be read, by reason."""
        return Counter(sample.score for sample in self.samples if isinstance(sample.score, str))


@dataclass(frozen=True)
class Grader:
    """Whom it asks what. sampling: how samples are drawn, `samples` of each response. positions: of the model, None without a
    bound. Raises UserError for a tokenizer that knows no turns."""

    tokenizer: TextTokenizer
    instruction: str
    sampling: Sampling
    samples: int
    seed: int = 0
    positions: int | None = None

    def __post_init__(self) -> None:
        if not self.tokenizer.chats:
            raise UserError("the tokenizer has no chat template, and a model that grades is asked in turns: give --tokenizer DIR")

    def asked(self, candidates: Sequence[Candidates]) -> list[list[Request]]:
        """Of each response, in order of candidates: its samples; none where it is too long for the model. Raises UserError for
        what the chat template refuses, and where every response is too long."""
        found = [self._of(one, at) for one in candidates for at in range(len(one.responses))]
        if not any(found):
            most = self.sampling.max_new_tokens
            raise UserError(f"every response is too long: with what is asked about it, and {most} tokens of a sample, it is over "
                            f"the model's {self.positions} positions; lower --max-new-tokens, or take another model")
        return found

    def _of(self, one: Candidates, at: int) -> list[Request]:
        asked = grading_prompt(self.instruction, one.messages, one.responses[at])
        try:
            prompt = tuple(self.tokenizer.encode([{"role": "user", "content": asked}]))
        except TemplateError as error:
            raise UserError(f"the responses of {one.key!r:.60}: {error}") from None
        if self.positions is not None and len(prompt) + self.sampling.max_new_tokens > self.positions:
            return []
        return [Request(f"{one.key}/{at}#{sample}", prompt, self.sampling, self.seed) for sample in range(self.samples)]

    def grades(self, engine: RolloutEngine, asked: Sequence[Sequence[Request]], batch: int, *, speaks: bool) -> list[Grade]:
        """Of each response, in order; all ranks call. batch: requests that are generated together. speaks: whether this rank
        tells how far it is."""
        opening = self.tokenizer.opening([{"role": "user", "content": self.instruction}])
        rollouts = _generated(engine, [request for some in asked for request in some], batch, speaks)
        return [Grade(tuple(self._sample(opening, next(rollouts)) for _ in some)) for some in asked]

    def _sample(self, opening: str, rollout: Rollout) -> Sample:
        text = opening + self.tokenizer.written(rollout.tokens)
        return Sample(text, CUT if rollout.finish_reason == "length" else score_of(text))


def _generated(engine: RolloutEngine, requests: Sequence[Request], batch: int, speaks: bool) -> Iterator[Rollout]:
    told = time.monotonic()
    for start in range(0, len(requests), batch):
        yield from engine.generate(requests[start : start + batch])
        if speaks and time.monotonic() - told > _TOLD_EVERY:
            told = time.monotonic()
            _log.info("%s of %s samples drawn", f"{min(start + batch, len(requests)):,}", f"{len(requests):,}")

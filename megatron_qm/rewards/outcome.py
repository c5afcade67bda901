"""What a reward says: a score, or that it could not tell. The second never becomes the number 0."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

# What became of a response's answer: it was read; something was said that is no one answer; nothing could be read.
Status = Literal["read", "rejected", "unread"]


@dataclass(frozen=True)
class Scored:
    """`value` in [0, 1]; `parts` are the measures it was made of; `explanation` is for people. reading: what became of the answer;
    a model may be asked about `unread` ones alone."""

    value: float
    parts: Mapping[str, float] = field(default_factory=dict)
    explanation: str = ""
    reading: Status = "read"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.value) and 0.0 <= self.value <= 1.0):
            raise ValueError(f"a score must be a number in [0, 1], not {self.value}")


@dataclass(frozen=True)
class Unscored:
    """The verifier failed or cannot judge: the sample is masked before group statistics, and counted by `reason`."""

    reason: str


Outcome = Scored | Unscored
# (prompt, response, reference, metadata), the last two as the item has them
Reward = Callable[[str, str, object, Mapping[str, object]], Outcome]

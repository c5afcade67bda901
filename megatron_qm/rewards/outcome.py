"""What a reward says: a score, or that it could not tell. The second never becomes the number 0."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Scored:
    """`value` in [0, 1]; `parts` are the measures it was made of; `explanation` is for people."""

    value: float
    parts: Mapping[str, float] = field(default_factory=dict)
    explanation: str = ""

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

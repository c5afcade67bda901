"""What a reward says: a score, or that it could not tell. The second never becomes the number 0.

Both hold plain values, whatever they were made of: numpy's numbers become Python's, and what is no number, no text or without
end is refused as they are made. So all that is written, sent or averaged afterwards can be.
"""

import math
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, SupportsFloat, cast, get_args

# What became of a response's answer: it was read; something was said that is no one answer; nothing could be read.
Status = Literal["read", "rejected", "unread"]
_STATUSES = get_args(Status)
_MOST_CHARACTERS = 4000  # of an explanation or a reason: they are for people, and travel with every answer
_MOST_PARTS = 100


@dataclass(frozen=True)
class Scored:
    """`value` in [0, 1]; `parts` are the measures it was made of; `explanation` is for people, and cut where it is long. reading:
    what became of the answer; a model may be asked about `unread` ones alone. Raises ValueError."""

    value: float
    parts: Mapping[str, float] = field(default_factory=dict)
    explanation: str = ""
    reading: Status = "read"

    def __post_init__(self) -> None:
        value = _number(self.value)
        if value is None or not 0.0 <= value <= 1.0:
            raise ValueError(f"a score must be a number in [0, 1], not {reprlib.repr(self.value)}")
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "parts", _parts(self.parts))
        object.__setattr__(self, "explanation", _words("explanation", self.explanation))
        if self.reading not in _STATUSES:
            raise ValueError(f"the reading must be one of {', '.join(_STATUSES)}, not {reprlib.repr(self.reading)}")


@dataclass(frozen=True)
class Unscored:
    """The verifier failed or cannot judge: the sample is masked before group statistics, and counted by `reason` up to its
    colon. Raises ValueError for a reason that is no text."""

    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", _words("reason", self.reason))


Outcome = Scored | Unscored
# (prompt, response, reference, metadata), the last two as the item has them
Reward = Callable[[str, str, object, Mapping[str, object]], Outcome]


def outcome_of(said: object) -> Outcome:
    """What a verifier has returned, made anew of plain values; Unscored for all that is no outcome."""
    try:
        if isinstance(said, Scored):
            return Scored(said.value, said.parts, said.explanation, said.reading)
        if isinstance(said, Unscored):
            return Unscored(said.reason)
    except ValueError as error:
        return Unscored(f"no outcome: {error}")
    return Unscored(f"no outcome: the verifier returned a {type(said).__name__}")


def _number(value: object) -> float | None:
    """As Python has it; None for what is not finite, and for what float() would have to read or cannot convert."""
    if isinstance(value, str | bytes | bytearray):
        return None
    try:
        number = float(cast(SupportsFloat, value))
    except Exception:  # noqa: BLE001  anybody's object may raise anything
        return None
    return number if math.isfinite(number) else None


def _parts(parts: object) -> dict[str, float]:
    if not isinstance(parts, Mapping) or len(parts) > _MOST_PARTS:
        raise ValueError(f"parts must be at most {_MOST_PARTS} numbers by name, not {reprlib.repr(parts)}")
    found = {name: _number(value) for name, value in parts.items()}
    for name, value in found.items():
        if value is None or not isinstance(name, str):
            raise ValueError(f"parts[{reprlib.repr(name)}] must be a finite number by a name, not {reprlib.repr(parts[name])}")
    return {_words("name of a part", name): value for name, value in found.items() if value is not None}


def _words(what: str, text: object) -> str:
    if not isinstance(text, str):
        raise ValueError(f"the {what} must be text, not {reprlib.repr(text)}")
    return text[:_MOST_CHARACTERS]

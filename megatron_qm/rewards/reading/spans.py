"""Where a name stands."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    """[start, end) in characters of a text."""

    start: int
    end: int

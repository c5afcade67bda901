"""Where names stand in a text, and how the text stands to them."""

from enum import Enum
from typing import NamedTuple


class Span(NamedTuple):
    """[start, end) in characters of a text."""

    start: int
    end: int


class Stance(Enum):
    """How a text stands to what it names."""

    AFFIRMED = "affirmed"
    DENIED = "denied"
    ELSEWHERE = "elsewhere"  # somebody else's, or of another time
    DISCUSSED = "discussed"  # something else is said about it than that it is the answer
    SUPPOSED = "supposed"  # on a condition, asked, or one of several that are possible

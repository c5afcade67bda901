"""Where names stand in a text, and how the text stands to them."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Span(NamedTuple):
    """[start, end) in characters of a text."""

    start: int
    end: int


Find = Callable[[str], Iterable[tuple[str, Span]]]  # a sentence -> its names and where they stand, none inside another


def overlap(spans: Sequence[Span], one: Span) -> bool:
    """Whether any of `spans`, which are in order and apart from each other, shares a character with `one`."""
    behind = bisect_left(spans, one.end, key=lambda span: span.start)
    return behind > 0 and spans[behind - 1].end > one.start


class Stance(Enum):
    """How a text stands to what it names."""

    AFFIRMED = "affirmed"
    DENIED = "denied"
    ELSEWHERE = "elsewhere"  # somebody else's, or of another time
    DISCUSSED = "discussed"  # something else is said about it than that it is the answer
    ON_CONDITION = "on condition"  # `if he is not allergic, give it`: that counts where nothing is said without a condition
    SUPPOSED = "supposed"  # on a condition, asked, or one of several that are possible


@dataclass(frozen=True)
class Mention:
    """key: what `Find` says. sentence, span: where it stands. place: of the sentence in the text, from 0."""

    key: str
    stance: Stance
    sentence: str
    span: Span
    place: int

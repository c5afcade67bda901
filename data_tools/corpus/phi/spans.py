"""Where something identifies a person in a text, and which of two such places counts where they overlap."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import NamedTuple

# Of two spans of one length the type that comes first counts.
TYPES = ("ID", "BANK", "EMAIL", "MRN", "PHONE", "PLATE", "DATE", "HOSPITAL", "ADDRESS", "NAME")
_RANK = {kind: rank for rank, kind in enumerate(TYPES)}
_TAG = re.compile(r"\[(?:" + "|".join(TYPES) + r")\]")


class Span(NamedTuple):
    """text[start:end] identifies a person, by a value of `type`."""

    start: int
    end: int
    type: str


def resolve(text: str, found: Iterable[Span]) -> list[Span]:
    """Those that count: sorted, none over another or over a tag that is there, the longest first, then the order of TYPES."""
    tags = [Span(match.start(), match.end(), "") for match in _TAG.finditer(text)] if "[" in text else []
    ordered = sorted(set(found), key=lambda span: (span.start - span.end, _RANK[span.type], span.start))
    kept = list(tags)
    for span in ordered:
        place = bisect_left(kept, (span.start,))
        before_ends = place == 0 or kept[place - 1].end <= span.start
        after_begins = place == len(kept) or kept[place].start >= span.end
        if before_ends and after_begins and whole(text, span.start, span.end):
            kept.insert(place, span)
    return [span for span in kept if span.type]


def joined(found: Iterable[Span], beside: Callable[[int, int], bool] = lambda end, start: False) -> list[Span]:
    """Those of one type that overlap, touch, or are `beside` each other (end of one, start of the next) as one: parts of one
    address, found by different rules."""
    together: list[Span] = []
    for span in sorted(found):
        if together and (span.start <= together[-1].end or beside(together[-1].end, span.start)):
            last = together.pop()
            span = Span(last.start, max(last.end, span.end), span.type)
        together.append(span)
    return together


def whole(text: str, start: int, end: int) -> bool:
    """Neither edge of text[start:end] is within a number or a Latin word."""
    return start < end and not (_within(text, start) or _within(text, end) and not _TIME.match(text, end))


_TIME = re.compile(r"(?:[01]?[0-9]|2[0-3]) ?[:：时点]")  # that a lost space joined to a day


def _within(text: str, edge: int) -> bool:
    if not 0 < edge < len(text):
        return False
    left, right = text[edge - 1], text[edge]
    return (left.isdecimal() and right.isdecimal()) or (_latin(left) and _latin(right))


def _latin(character: str) -> bool:
    return character.isalpha() and character < "\u0250"

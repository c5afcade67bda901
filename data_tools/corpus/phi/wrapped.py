"""Texts whose lines were cut at a width, wherever that fell: within words, numbers and names."""

import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence

from data_tools.corpus.phi.spans import Span

_HAN = re.compile("[一-鿿]")
_LEAST = 3  # lines of the full width


def unwrapped(text: str) -> tuple[str, list[int]]:
    """The text without the breaks that a width made, and where in `text` they were; none where lines have no common width."""
    if text.count("\n") < _LEAST or text.isascii():
        return text, []
    lines = text.split("\n")
    width, full = max(Counter(map(len, lines)).items())
    if full < _LEAST or full * 4 < len(lines) or width < 8 or not _HAN.search(text):
        return text, []
    breaks, place = [], 0
    for line in lines[:-1]:
        place += len(line)
        if len(line) == width:
            breaks.append(place)
        place += 1
    flat = "\n".join(lines) if not breaks else "".join(
        line if len(line) == width else line + "\n" for line in lines[:-1]
    ) + lines[-1]
    return flat, breaks


def moved(spans: Iterable[Span], breaks: Sequence[int]) -> list[Span]:
    """Where the spans of a text without breaks are in the text with them."""
    places = [place - index for index, place in enumerate(breaks)]  # where each was, in the text without them
    return [
        Span(span.start + bisect_right(places, span.start), span.end + bisect_left(places, span.end), span.type) for span in spans
    ]

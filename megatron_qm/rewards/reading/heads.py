"""What options share and a list says once: `factors VII and X` are factor VII and factor X, 维生素A、D are 维生素A and 维生素D,
`hepatitis B and C viruses` are two of them."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from megatron_qm.rewards.reading.lexicon import words

_TAIL = re.compile(r"(?:[IVX]{1,4}|[A-Z]{0,2}\d{1,3}|[A-Z])(?![A-Za-z0-9])")  # what tells the options apart
_HEAD = r"(?P<head>[A-Za-z]{3,20}(?: [a-z]{3,20}){0,2}|[\u4e00-\u9fff]{2,8})\s?"
_END = r"(?P<end>\s[a-z]{3,12}|[\u4e00-\u9fff]{1,6})?"
_SHORTEST_BEGINNING = 2
_PARTED = re.compile(rf"{_HEAD}{_TAIL.pattern}{_END}")
_AND = rf"(?:{words('and')}|[、/&])"
_TAILS = rf"{_TAIL.pattern}(?:\s?(?:,|,?\s?{_AND})\s?{_TAIL.pattern})+"
_JOINS = re.compile(_AND)


class Head(NamedTuple):
    """lists: a pattern of lists that say it once."""

    text: str
    end: str
    lists: re.Pattern[str]


def heads_of(texts: Sequence[str]) -> tuple[Head, ...]:
    """That two options share.

    >>> repeated("Factors VII and X.", heads_of(["Factor V", "Factor VII", "Factor X"]))
    'Factor VII and Factor X.'
    """
    if len({text[:_SHORTEST_BEGINNING].lower() for text in texts}) == len(texts):
        return ()  # as mostly
    found = [match for text in texts if (match := _PARTED.fullmatch(text.strip()))]
    parts = [(match["head"], match["end"] or "") for match in found]
    return tuple(Head(*one, _lists(*one)) for one in sorted(set(parts)) if parts.count(one) > 1)


def _lists(head: str, end: str) -> re.Pattern[str]:
    plural = r"(?P<plural>e?s)?\s" if head.isascii() else r"(?P<plural>)\s?"
    behind = rf"(?:{re.escape(end)}(?:e?s)?)?" if end else ""
    no_label = rf"(?!\W{{1,3}}(?i:{head}))"  # `vitamin A, C. vitamin D` are two options with their letters
    return re.compile(rf"(?<![A-Za-z])(?i:{head}){plural}(?P<tails>{_TAILS}){no_label}{behind}")


def repeated(text: str, heads: Sequence[Head]) -> str:
    """The text with each head beside all that share it. A comma alone (`vitamin D, C`) joins only what stands behind a plural."""
    for one in heads:
        blank = " " if one.text.isascii() else ""

        def spelled_out(found: re.Match[str], one: Head = one, blank: str = blank) -> str:
            joined = found["plural"] or _JOINS.search(found["tails"])
            return _TAIL.sub(lambda tail: f"{one.text}{blank}{tail[0]}{one.end}", found["tails"]) if joined else found[0]

        text = one.lists.sub(spelled_out, text)
    return text

"""A list that is written as one text."""

import re
from collections.abc import Sequence

from megatron_qm.rewards.reading.spans import Span, overlap

_JOINT = re.compile(r"[;、\n]|,(?!\d{3}(?!\d))|(?<!\w)\+(?!\w)|\s\+\s|\b(?:and|plus)\b|和|及", re.I)


def joints(text: str, named: Sequence[Span]) -> list[Span]:
    """What stands between the items of a list in a field of JSON: joints that lie in none of the known names."""
    found = (Span(*match.span()) for match in _JOINT.finditer(text))
    return [joint for joint in found if not overlap(named, Span(joint.start, joint.start + 1))]


def pieces(text: str, named: Sequence[Span]) -> list[str]:
    """The items of such a list."""
    cuts = joints(text, named)
    starts = [0, *(joint.end for joint in cuts)]
    ends = [*(joint.start for joint in cuts), len(text)]
    return [piece for start, end in zip(starts, ends, strict=True) if (piece := text[start:end].strip())]

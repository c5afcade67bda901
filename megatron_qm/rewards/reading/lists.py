"""A list that is written as one text."""

import re
from collections.abc import Sequence

from megatron_qm.rewards.reading.spans import Span, overlap

_JOINT = re.compile(r"[;、\n]|,(?!\d{3}(?!\d))|(?<!\w)\+(?!\w)|\s\+\s|\b(?:and|plus)\b|和|及", re.I)


def pieces(text: str, named: Sequence[Span]) -> list[str]:
    """The items of a list in a field of JSON, cut at joints that lie in none of the known names."""
    cuts = [match for match in _JOINT.finditer(text) if not overlap(named, Span(match.start(), match.start() + 1))]
    starts = [0, *(match.end() for match in cuts)]
    ends = [*(match.start() for match in cuts), len(text)]
    return [piece for start, end in zip(starts, ends, strict=True) if (piece := text[start:end].strip())]

"""Alternatives between which nothing is chosen: `A or B`, `either would do`, `A 50%, B 50%`, `it could be A, it could be B`."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from megatron_qm.rewards.reading.cues import Words
from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.spans import Mention, Span

_ASIDE = rf"(?:[\s,.(]+(?!{either('joins')}\b|[但而]|不过)[\w-]{{1,14}}){{0,4}}?[\s,.(]*"  # a few words
_OR = re.compile(rf"(?:{words('or_of_names')}){_ASIDE}$")
_BEGINS = re.compile(rf"\W*(?:\bor\b|{either('or_of_names', 'zh')}|{either('maybe')}\b)[^,;]{{0,20}}$")
_HEDGE = Words("hedges_name")
_UNDECIDED = Words("undecided")
_SHARE = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,2})?)\s?%")
_WHOLE = 90.0, 101.0  # what shares of one whole add up to, in percent
_WITHIN = 60  # characters
_MOST_OPEN = 8  # sentences that leave a choice open


def decided(stated: Sequence[Mention], affirmed: Sequence[Mention], sentences: Iterable[str]) -> list[Mention]:
    """What is stated, without the alternatives that a later name chooses from; empty where nothing chooses.

    affirmed: all of which what is stated was taken. sentences: of the text, in lower case."""
    found = [one for one in affirmed if stated and one.place >= stated[0].place]
    if len({one.key for one in found}) < 2:
        return list(stated)  # as mostly
    open_keys, end = _open(found, [place for place, low in enumerate(sentences) if _UNDECIDED.search(low)])
    if not any(one.key in open_keys for one in stated):
        return list(stated)
    later = {one.key for one in stated if (one.place, one.span.start) >= end} & open_keys
    if len(later) != 1:
        return []
    return [one for one in stated if one.key not in open_keys or one.key in later]


def any_joined_by_or(text: str, found: Sequence[tuple[str, Span]]) -> bool:
    """Whether names of a text, with their keys, are alternatives."""
    low = lower(text)
    return any(one != other and _OR.search(low[max(ends.end, begins.start - _WITHIN) : begins.start])
               for (one, ends), (other, begins) in pairwise(found))


def _open(found: Sequence[Mention], left_open: Sequence[int]) -> tuple[set[str], tuple[int, int]]:
    """The names that are alternatives, and where the last of them ends."""
    keys: set[str] = set()
    end = (0, 0)
    for one, other in (*_joined_by_or(found), *_hedged(found), *_shared(found), *_left_open(found, left_open)):
        if one.key != other.key:
            keys |= {one.key, other.key}
            end = max(end, (other.place, other.span.end))
    return keys, end


def _joined_by_or(found: Sequence[Mention]) -> Iterator[tuple[Mention, Mention]]:
    for one, other in pairwise(found):
        same = one.place == other.place
        before = lower(other.sentence[max(one.span.end if same else 0, other.span.start - _WITHIN) : other.span.start])
        if same and _OR.search(before) or not same and other.span.start < _WITHIN and _BEGINS.match(before):
            yield one, other


def _hedged(found: Sequence[Mention]) -> Iterator[tuple[Mention, Mention]]:
    """Those that only may be the answer, where there are several and no other."""
    before = [0, *(one.span.end if one.place == other.place else 0 for one, other in pairwise(found))]
    hedged = [_HEDGE.search(lower(one.sentence[max(at, one.span.start - _WITHIN) : one.span.start])) is not None
              or one.sentence.startswith("可能", one.span.end) for one, at in zip(found, before, strict=False)]
    if all(hedged):
        yield from pairwise(found)


def _shared(found: Sequence[Mention]) -> Iterator[tuple[Mention, Mention]]:
    """Those each with a share of one whole behind it."""
    shares = []
    for n, one in enumerate(found):
        last = n + 1 == len(found) or found[n + 1].place != one.place
        behind = one.sentence[one.span.end : one.span.end + _WITHIN if last else found[n + 1].span.start]
        if (share := _SHARE.search(behind)) is not None:
            shares.append((one, float(share[1])))
    if _WHOLE[0] <= sum(share for _, share in shares) <= _WHOLE[1]:
        yield from pairwise([one for one, _ in shares])


def _left_open(found: Sequence[Mention], places: Sequence[int]) -> Iterator[tuple[Mention, Mention]]:
    """Those of a sentence that leaves the choice open, or where it names fewer than two, of all before it."""
    for place in places[:_MOST_OPEN]:
        named = [one for one in found if one.place == place]
        yield from pairwise(named if len({one.key for one in named}) > 1 else [one for one in found if one.place <= place])

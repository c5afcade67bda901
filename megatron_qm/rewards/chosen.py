"""Of the diagnoses that a text affirms, those that it chooses: alternatives, what has a condition, and what only supports another
diagnosis are none of them."""

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from megatron_qm.rewards.alternatives import alternatives, conditional, hedged, largest_share, share, unchosen
from megatron_qm.rewards.reading.cues import Cues, Words
from megatron_qm.rewards.reading.lexicon import any_other, any_word, holds, lower
from megatron_qm.rewards.reading.mentions import Mention
from megatron_qm.rewards.reading.spans import Span, Stance
from megatron_qm.rewards.supporting import denied, reported, supporting

Kind = Callable[[str], object]  # a mention's key -> what it is one with
Find = Callable[[str, Sequence[Span], Sequence[object]], set[int]]
_WITHDRAWN = Words("withdrawn")
# Without any of these a sentence chooses all that it affirms.
_CUES = ("undecided_diagnoses", "possibilities", "not_chosen", "or_else", "may_be", "may_be_behind", "if_so", "if_not",
         "somebody", "caused_by", "of_the_patient", "leads_to", "told_apart", "is_background", "is_out", "is_not")
_HALF, _MANY = 50.0, 3  # per cent of one of so many, below which none of them is chosen
_SIGNS = r"[%?>成→⇒⟹⟶➜➡⇨∴]"
_ASCII_SIGNS, _ANY_CUE = ("%", "?", ">"), Cues(_CUES)
_ANY_ENGLISH = re.compile(f"{_SIGNS}|{any_word(*_CUES)}")
_ANY_OTHER = re.compile(f"{_SIGNS}|{any_other(*_CUES, 'brings_about', 'cause_is')}")


@functools.lru_cache(maxsize=4096)
def _speaks_of_choice(sentence: str) -> bool:
    low = lower(sentence)
    if low.isascii() and not holds(low, _ASCII_SIGNS) and not _ANY_CUE.stand_in(low):
        return False
    return _ANY_ENGLISH.search(low) is not None or not low.isascii() and _ANY_OTHER.search(low) is not None


def not_withdrawn(text: str) -> str:
    """What stands behind the last place that takes back all before it."""
    ends = [match.end() for match in _WITHDRAWN.finditer(lower(text))]
    return text[ends[-1] :] if ends else text


def chosen(mentions: Sequence[Mention], kind: Kind) -> list[Mention]:
    """With another stance where a mention is none that the text chooses. kind: where two names are of one kind, nothing is to be
    chosen between them."""
    if not any(_speaks_of_choice(one.sentence) for one in mentions if one.stance is Stance.AFFIRMED):
        return list(mentions)
    read = _restated(mentions, _found(mentions, denied, kind), Stance.DENIED)
    for find in (reported, conditional, unchosen):
        read = _restated(read, _found(read, find, kind), Stance.SUPPOSED)
    read = _restated(read, _less_likely(read, kind), Stance.SUPPOSED)
    if _kinds(read, kind) < 2:
        return read
    supported = _restated(read, _found(read, supporting, kind), Stance.DISCUSSED)
    read = supported if _kinds(supported, kind) else read
    for find in (alternatives, hedged):
        if _kinds(read, kind) > 1:
            read = _restated(read, _found(read, find, kind), Stance.SUPPOSED)
    return read


def _kinds(mentions: Sequence[Mention], kind: Kind) -> int:
    return len({kind(one.key) for one in mentions if one.stance is Stance.AFFIRMED})


def _restated(mentions: Sequence[Mention], places: set[int], stance: Stance) -> list[Mention]:
    return [replace(one, stance=stance) if n in places else one for n, one in enumerate(mentions)]


def _found(mentions: Sequence[Mention], find: Find, kind: Kind) -> set[int]:
    """The places in `mentions` that `find` gives, sentence by sentence."""
    found: set[int] = set()
    for places in _sentences(mentions):
        of = [mentions[n] for n in places]
        found |= {places[n] for n in find(lower(of[0].sentence), [one.span for one in of], [kind(one.key) for one in of])}
    return found


def _sentences(mentions: Sequence[Mention]) -> Iterator[list[int]]:
    affirmed = [n for n, one in enumerate(mentions) if one.stance is Stance.AFFIRMED]
    yield from (list(places) for _, places in groupby(affirmed, key=lambda n: mentions[n].place))


def _less_likely(mentions: Sequence[Mention], kind: Kind) -> set[int]:
    """Of names with percentages, those that are not the one with the largest; all, where that is another's or there are two."""
    shares: dict[int, float] = {}
    largest = 0.0
    for places in _sentences(mentions):
        low = lower(mentions[places[0]].sentence)
        found = {n: value for n in places if "%" in low or "成" in low if (value := share(low, mentions[n].span)) is not None}
        shares |= found
        largest = max(largest, largest_share(low)) if found else largest
    best = {kind(mentions[n].key) for n, value in shares.items() if value == largest and (value >= _HALF or len(shares) < _MANY)}
    alone = len(shares) == 1 and largest == next(iter(shares.values()))
    return set() if alone else {n for n in shares if len(best) != 1 or kind(mentions[n].key) not in best}

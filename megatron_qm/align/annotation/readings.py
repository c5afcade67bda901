"""Who reads which pair next, and in which order its two responses are shown. Pure functions: what is drawn is drawn by the seed.

Every pair is read once, by whoever comes first, in the order of the file. A share of them, drawn by the seed, is read twice: by
two annotators, or by one who works alone, again after all others and the other way round.
"""

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from megatron_qm.align.annotation.candidates import Pair
from megatron_qm.align.annotation.verdicts import ORDERS, Side, Verdict


@dataclass(frozen=True)
class Reading:
    """Of one pair by one annotator. number: 1, or 2 where it is his second."""

    pair: Pair
    number: int
    shown: tuple[Side, Side]


@dataclass(frozen=True)
class Progress:
    """Readings, skipped ones left out. yours: of the annotator; waiting: that only others can do; skipped: by the annotator."""

    done: int
    total: int
    yours: int
    skipped: int


class Plan:
    """The pairs of a log, and which of them are read twice."""

    def __init__(self, pairs: Sequence[Pair], seed: int, second: float) -> None:
        self.pairs, self.seed = pairs, seed
        self.by_key = {pair.key: pair for pair in pairs}
        self.twice = read_twice(list(self.by_key), seed, second)

    def wanted(self, key: str) -> int:
        return 2 if key in self.twice else 1

    def reading(self, key: str, annotator: str, number: int) -> Reading:
        return Reading(self.by_key[key], number, order_shown(self.seed, annotator, key, number))

    def next(self, verdicts: Iterable[Verdict], annotator: str, held: Counter[str], alone: bool) -> Reading | None:
        """held: of each key, how many others have it before them now. alone: there is no other annotator. None: nothing is left
        for this one."""
        readers, skipped = _readers(verdicts), _skipped(verdicts, annotator)
        again: Reading | None = None
        for pair in self.pairs:
            by = readers[pair.key]
            if pair.key in skipped or len(by) + held[pair.key] >= self.wanted(pair.key):
                continue
            if annotator not in by:
                return self.reading(pair.key, annotator, 1)
            if alone and again is None:
                again = self.reading(pair.key, annotator, 2)
        return again

    def progress(self, verdicts: Collection[Verdict], annotator: str) -> Progress:
        readers = _readers(verdicts)
        return Progress(done=sum(min(len(readers[key]), self.wanted(key)) for key in self.by_key),
                        total=len(self.pairs) + len(self.twice),
                        yours=sum(one.annotator == annotator and one.said != "skip" for one in verdicts),
                        skipped=len(_skipped(verdicts, annotator)))


def read_twice(keys: Sequence[str], seed: int, share: float) -> frozenset[str]:
    """A share of the keys, rounded up, whatever their order. A greater share of the same keys draws these and more; further keys
    may take the places of some."""
    drawn = sorted(keys, key=lambda key: _draw(seed, "second reading", key))
    return frozenset(drawn[:math.ceil(share * len(keys))])


def order_shown(seed: int, annotator: str, key: str, number: int) -> tuple[Side, Side]:
    """The second reading shows the other order than the first: who goes by the place is found out."""
    first = _draw(seed, "order", annotator, key)[0] & 1
    return ORDERS[first if number == 1 else 1 - first]


def _readers(verdicts: Iterable[Verdict]) -> defaultdict[str, list[str]]:
    """{key: annotators who have read it, one as often as he has}."""
    found = defaultdict(list)
    for one in verdicts:
        if one.said != "skip":
            found[one.key].append(one.annotator)
    return found


def _skipped(verdicts: Iterable[Verdict], annotator: str) -> set[str]:
    return {one.key for one in verdicts if one.said == "skip" and one.annotator == annotator}


def _draw(seed: int, *words: str) -> bytes:
    """Random bytes of a seed and words; no two lists of words are one."""
    return hashlib.sha256(repr((seed, words)).encode()).digest()

"""What is compared of a text: words by their stems, numbers with their units as amounts, Chinese by pairs of characters.

`Haemorrhages` and `hemorrhage`, `2.0` and `2`, `0.5 mg` and `500 micrograms`, `biopsies` and `biopsy` are the same. A word that
turns the meaning of the next (`low`, `left`, 不) belongs to it: `low TSH` has no word in common with `TSH`.
"""

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from megatron_qm.rewards.reading.amounts import NUMBER, amount_at
from megatron_qm.rewards.reading.lexicon import entries, lower, words

_TOKEN = re.compile(rf"(?P<number>{NUMBER})|[^\W\d_\u4e00-\u9fff]+|(?P<chinese>[\u4e00-\u9fff]+)|[≥≤<>%]")
_POSSESSIVE = re.compile(r"['’]s(?!\w)")
_WEIGHTLESS = re.compile(words("weightless"))
_TURNS = re.compile(words("turns_meaning"))
_TURNS_ZH = re.compile(f"(?:{'|'.join(entries('turns_meaning', 'zh'))})")
_SPELLINGS = tuple((re.compile(british), american) for british, american in (
    ("ae|oe", "e"), ("our(?=s|$)", "or"), ("is(?=ation|e$|ed$|es$|ing$)", "iz"), ("ys(?=e|ing)", "yz"), ("sulph", "sulf"),
    ("tre(?=s?$)", "ter"), ("ll", "l"), ("leuc", "leuk"), ("gramme", "gram"), ("(?<=[a-z]{3})ies$", "y"),
    ("(?<=[a-rt-z])(?<!u)(?<!i)s$", ""),
))
_ENDINGS = ("(?:(?:iz)?at)?(?:ion|or|ive|ed|ing)(?:al)?", "ically", "ical", "ism", "ist", "ic", "[ei]?al", "[ae]n(?:t|ce|cy)",
            "ly", "y", "e", "is", "i?a", "um", "(?<=[a-z]{6})us", "(?<=gra)(?:phy|ph|m)")
_ENDING = re.compile(f"(?:{'|'.join(_ENDINGS)})$")
_DOUBLED = frozenset("bdgmnprt")  # before an ending: splitting, stopped
_SHORTEST, _STEM = 4, 4  # letters of a word whose spelling is folded, and of what is left without its ending
_ROUTES = {"im": "intramuscular", "iv": "intravenous", "sc": "subcutaneous", "po": "oral"}


class Unit(NamedTuple):
    """[start, end) of a text. stem: empty where it is of no weight. word: with its ending. turn: the word that turns its meaning,
    which begins at `since`."""

    stem: str
    word: str
    turn: str
    start: int
    end: int
    since: int = -1

    @property
    def number(self) -> bool:
        return self.stem[:1].isdigit()

    @property
    def key(self) -> str:
        return f"{self.turn} {self.stem}" if self.turn else self.stem


def units(text: str) -> list[Unit]:
    """Of a text, with those of no weight (articles, `of`, `and`), in their order; words that turn the next are a part of it."""
    low = lower(text)
    if "'s" in low or "’s" in low:
        low = _POSSESSIVE.sub("  ", low)
    found: list[Unit] = []
    turn, before, since = "", 0, 0
    for one in _plain(low):
        turns = _TURNS.fullmatch(one.word) is not None and one.word.isascii()
        if turn and not low[since : one.start].strip(" -"):
            one = one._replace(turn=turn, since=before)
        turn, before, since = (one.word, one.start, one.end) if turns else ("", 0, 0)
        if not turns:
            found.append(one)
    return [one for one in found if one.stem]


def _plain(low: str) -> Iterator[Unit]:
    last = 0
    for match in _TOKEN.finditer(low):
        if match.start() < last:
            continue
        if match["chinese"]:
            yield from _pairs(match[0], match.start())
        elif match["number"]:
            amount, last = amount_at(low, match.start(), match.end())
            yield Unit(amount, amount, "", match.start(), last)
        else:
            word = folded(match[0])
            yield Unit(stem(word), word, "", match.start(), match.end())


def _pairs(run: str, at: int) -> Iterator[Unit]:
    """Of Chinese characters beside each other; each pair has the one before it, where that turns its meaning."""
    kept = [(mark, n) for n, mark in enumerate(run) if not _WEIGHTLESS.fullmatch(mark)]
    if len(kept) == 1:
        yield Unit(kept[0][0], kept[0][0], "", at + kept[0][1], at + kept[0][1] + 1)
    for n in range(len(kept) - 1):
        pair = kept[n][0] + kept[n + 1][0]
        before = kept[n - 1][0] if n and _TURNS_ZH.fullmatch(kept[n - 1][0]) else ""
        yield Unit(pair, pair, before, at + kept[n][1], at + kept[n + 1][1] + 1)


@functools.lru_cache(maxsize=16384)
def folded(word: str) -> str:
    """Without its spelling and plural; empty where it is of no weight."""
    if _WEIGHTLESS.fullmatch(word):
        return ""
    if len(word) < _SHORTEST:
        return _ROUTES.get(word, word)
    for british, american in _SPELLINGS:
        word = british.sub(american, word)
    return word


@functools.lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """Of a folded word.

    >>> [stem(folded(word)) for word in ("biopsies", "perforated", "perforation", "hypokalaemic", "removal", "inhibitors")]
    ['biops', 'perfor', 'perfor', 'hypokalem', 'remov', 'inhibit']
    """
    ending = _ENDING.search(word) if len(word) > _STEM else None
    kept = word[: ending.start()] if ending and ending.start() >= _STEM else word
    return kept[:-1] if kept != word and kept[-1] == kept[-2] and kept[-1] in _DOUBLED else kept

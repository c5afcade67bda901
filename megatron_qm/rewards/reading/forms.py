"""The texts of a question's options as what tells them apart: words by their stems, weighted, and short forms."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log

from megatron_qm.rewards.reading.abbreviations import begins, initials, is_short_form, shortens, slipped
from megatron_qm.rewards.reading.amounts import other_share
from megatron_qm.rewards.reading.lexicon import entries, lower
from megatron_qm.rewards.reading.spelling import Unit, units

_ANY_NAME = frozenset(entries("turns_any_name", "en"))
_WORD = re.compile(r"[^\W\d_]+")
_MOST_WORDS, _MOST_OF_TEXT = 6, 20  # of which initials are looked for
_MOST_KEYS = 4096
_ROMAN, _SHORTEST_WORD = frozenset("IVX"), 3
_SHORTEST_INITIALS = 2  # letters, that may mean other things
_MISSPELT = 8  # letters of a word that may be misspelt


@dataclass(frozen=True, eq=False)
class Form:
    """weights: of its words, by their keys: 1 for a word of this option alone, 0 for one that all have."""

    text: str
    letter: str
    weights: Mapping[str, float]
    places: Mapping[str, tuple[int, int]]  # where each begins and ends in the text

    @cached_property
    def low(self) -> str:
        return lower(self.text)

    @cached_property
    def total(self) -> float:
        return sum(self.weights.values())

    @cached_property
    def numbers(self) -> frozenset[str]:
        return frozenset(key for key in self.weights if key[0].isdigit())

    @cached_property
    def numeric(self) -> bool:
        """Whether numbers alone tell it apart."""
        return all(key in self.numbers for key, weight in self.weights.items() if weight)

    @cached_property
    def bare(self) -> bool:
        """Whether it is a number and nothing else, not even a unit."""
        return len(self.weights) == 1 and self.numeric and all(key[-1].isdigit() for key in self.numbers)


class Forms:
    """forms: (text, letter); an option may have several."""

    def __init__(self, forms: Sequence[tuple[str, str]]) -> None:
        said = [units(text) for text, _ in forms]
        owners: dict[str, set[str]] = {}
        for (_, letter), found in zip(forms, said, strict=True):
            for one in found:
                owners.setdefault(one.key, set()).add(letter)
        count = len({letter for _, letter in forms})
        self.with_key: dict[str, list[Form]] = {}
        self._all = [
            Form(text, letter, {one.key: _weight(len(owners[one.key]), count) for one in found},
                 {one.key: (one.start, one.end) for one in found}) for (text, letter), found in zip(forms, said, strict=True)]
        for form in self._all:
            for key in form.weights if form.total else ():
                self.with_key.setdefault(key, []).append(form)
        self._spelt = {one.word: one for found in said for one in found}
        self._long = [word for word in self._spelt if len(word) >= _MISSPELT and word.isascii()]
        self._latin = frozenset(word for word in self._spelt if word.isascii() and word.isalpha())
        self._capitals = {one.word: one for (text, _), found in zip(forms, said, strict=True) for one in found
                          if _is_capitals(text[one.start : one.end], text)}
        self._first = frozenset(word[0] for word in self._capitals)
        self._keys: dict[tuple[str, str], tuple[str, bool]] = {}
        self._known: dict[str, tuple[Unit, ...]] = {}  # what short forms stand for

    def units(self, text: str) -> list[Unit]:
        """Of a response: short forms as the words of an option that they stand for, and words as an option's short form."""
        found: list[Unit] = []
        said, at = units(text), 0
        while at < len(said):
            one, written = said[at], text[said[at].start : said[at].end]
            short, length = self._contracted(text, said, at) if self._may_contract(one) else (None, 1)
            if short:
                found.append(short._replace(start=one.start, end=said[at + length - 1].end))
            elif is_short_form(written) and one.word not in self._spelt and (whole := self._expanded(written)):
                found += [word._replace(start=one.start, end=one.end, since=one.start) for word in whole]
            else:
                found.append(one)
            at += length
        return found

    def _may_contract(self, one: Unit) -> bool:
        """Whether initials may begin with it: no word that options have themselves."""
        return one.word[:1] in self._first and len(one.word) >= _SHORTEST_WORD and one.key not in self.with_key

    def _contracted(self, text: str, said: Sequence[Unit], at: int) -> tuple[Unit | None, int]:
        """The initials of words, where an option has just these; and how many words they are."""
        for length in range(2, min(_MOST_WORDS, len(said) - at) + 1):
            if len(said[at + length - 1].word) < _SHORTEST_WORD:
                break
            short = initials(text[said[at].start : said[at + length - 1].end].lower())
            if found := [one for word, one in self._capitals.items() if short and short.fullmatch(word)]:
                return found[0], length
        return None, 1

    def _expanded(self, written: str) -> tuple[Unit, ...]:
        """The words of an option whose initials a short form is; none where these are several runs of words."""
        if written not in self._known:
            low = {written.lower(), written.lower().removesuffix("s")}
            runs = {run for form in self._all for run in _runs(form.text)
                    if (short := initials(run)) and any(map(short.fullmatch, low))}
            found = {tuple(one.key for one in units(run)): units(run) for run in runs}
            exact = len(written) > _SHORTEST_INITIALS
            self._known[written] = tuple(one if exact else one._replace(word="") for one in next(iter(found.values()))
                                         ) if len(found) == 1 else ()
        return self._known[written]

    def shortened(self, word: str) -> tuple[str, str] | None:
        """The only option of whose text a Chinese word is a short form, and that text."""
        if any(word in form.text for form in self._all):
            return None  # a part, which is read as one
        found = {form.letter: form.text for form in self._all if shortens(word, form.text)}
        return next(iter(found.items())) if len(found) == 1 else None

    def key_of(self, one: Unit) -> tuple[str, bool]:
        """Of a word of a response: which word of the options it is, empty for none; and whether that is certain."""
        said = one.word, one.key
        if (known := self._keys.get(said)) is None:
            known = self._keys[said] = self._key_of(one)
            if len(self._keys) > _MOST_KEYS:
                self._keys.clear()
        return known

    def _key_of(self, one: Unit) -> tuple[str, bool]:
        if one.key in self.with_key:
            return one.key, one.word in self._spelt
        if one.turn in _ANY_NAME and one.stem in self.with_key:
            return one.stem, one.word in self._spelt
        if one.number and not one.turn and (share := other_share(one.key)) in self.with_key:
            return share, True
        if one.turn or one.word in self._spelt or not one.word.isascii() or one.number:
            return "", False
        if len(one.word) >= _MISSPELT and (meant := slipped(one.word, self._long)):
            return self._spelt[meant].key, False
        meant = begins(one.word, self._latin)
        return (self._spelt[meant].key, False) if meant else ("", False)


def _runs(text: str) -> Iterator[str]:
    """A text, and three words and more of it."""
    said = [match.span() for match in _WORD.finditer(text)][:_MOST_OF_TEXT]
    yield text
    for n, (start, _) in enumerate(said):
        yield from (text[start:end] for _, end in said[n + 2 : n + _MOST_WORDS])


def _weight(owners: int, options: int) -> float:
    return 1 - log(owners) / log(options) if options > 1 else 1.0


def _is_capitals(word: str, text: str) -> bool:
    return 2 < len(word) <= _MOST_WORDS and word.isascii() and word.isalpha() and word.isupper() and (
        word == text or not text.isupper()) and not set(word) <= _ROMAN

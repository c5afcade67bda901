"""Which option a phrase means, whatever form of its text it has.

A text is compared by the stems of its words (`spelling.py`), each weighted by how much it tells the option apart from the others
(`forms.py`): a word of one option alone tells much, one that all have tells nothing. Words of an option that stand near each
other are a phrase (`phrases.py`), which means the option that it says most of, if that is clearly ahead (`levels.py`).
"""

import functools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from megatron_qm.rewards.reading.abbreviations import chinese
from megatron_qm.rewards.reading.boundaries import result_end
from megatron_qm.rewards.reading.forms import Forms
from megatron_qm.rewards.reading.levels import Level, level_of
from megatron_qm.rewards.reading.lexicon import lower, words
from megatron_qm.rewards.reading.phrases import Phrase, overlap, phrases
from megatron_qm.rewards.reading.spans import Span

_ABOUT = re.compile(rf"{words('about_number')}\s?$")
_LONGEST_ABOUT = 15  # characters
STATES = "answer: "  # what a sum comes to
_SHORT = 500  # characters
_NEAR = 32  # phrases before and behind one, among which are those that overlap with it


class Named(NamedTuple):
    """[start, end) of a text means the option `letter`. form: the text of which it is a form; a statement
    of the letter, where that is a number."""

    letter: str
    start: int
    end: int
    level: Level
    form: str


class Meaning:
    """Of the options of a question. forms: (text, letter), where an option may have several."""

    def __init__(self, forms: Sequence[tuple[str, str]]) -> None:
        self._forms = Forms(forms)

    def mentions(self, sentence: str) -> Iterator[tuple[str, Span]]:
        """The options that a sentence names, by their letters; in small letters those that it merely speaks of."""
        for one in self.find(sentence):
            yield one.letter if one.level is Level.WHOLE else one.letter.lower(), Span(one.start, one.end)

    def find(self, text: str) -> Sequence[Named]:
        """In their order, none inside another."""
        return _remembered(self, text) if len(text) <= _SHORT else self._find(text)

    def _find(self, text: str) -> list[Named]:
        low, said = lower(text), self._forms.units(text)
        every = sorted(phrases(self._forms, low, said), key=lambda one: one.start)
        taken: list[Phrase] = []
        found: list[Named] = []
        for n, one in enumerate(every):
            near = every[max(0, n - _NEAR) : n + _NEAR]
            rivals = [other for other in near if other is not one and overlap(one, other)]
            if any(_before(other, one) for other in rivals) or any(overlap(one, other) for other in taken[-1:]):
                continue
            taken.append(one)
            if (level := level_of(one, low, said, rivals, near)) is not None:
                found.append(_named(one, level, low))
        return sorted([*found, *self._shortened(low, taken, found)], key=lambda one: one.start)

    def _shortened(self, low: str, taken: Sequence[Phrase], found: Sequence[Named]) -> Iterator[Named]:
        names = [(one.start, one.end) for one in found if one.level >= Level.LIKELY]
        names += [(one.start, one.end) for one in taken if one.whole]
        for start, end in chinese(low) if not low.isascii() else ():
            meant = self._forms.shortened(low[start:end])
            if meant and not any(begin < end and start < last for begin, last in names):
                yield Named(meant[0], start, end, Level.LIKELY, meant[1])


_remembered = functools.lru_cache(maxsize=256)(Meaning._find)  # a sentence is asked several times


def _before(one: Phrase, other: Phrase) -> bool:
    """Which of two that overlap is meant: what says more, then what is whole, then what is shorter, then what stands first."""
    return _weight(one) > _weight(other)


def _weight(one: Phrase) -> tuple[float, bool, int, int]:
    return round(one.covered, 6), one.whole, one.start - one.end, -ord(one.form.letter)


def _named(one: Phrase, level: Level, low: str) -> Named:
    if one.form.bare and level is Level.LIKELY:
        end = result_end(low, one.start, one.end) or one.end
        return Named(one.form.letter, one.start, end, level, f" {STATES}{one.form.letter}")
    about = _ABOUT.search(low, max(0, one.start - _LONGEST_ABOUT), one.start) if one.form.numeric else None
    return Named(one.form.letter, about.start() if about else one.start, one.end, level, one.form.text)

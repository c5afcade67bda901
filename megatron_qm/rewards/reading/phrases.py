"""Words of an option that stand near each other in a text, with nothing of another option between them."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from megatron_qm.rewards.reading.forms import Form, Forms
from megatron_qm.rewards.reading.lexicon import words
from megatron_qm.rewards.reading.spelling import Unit

_BREAKS = re.compile(rf"[.;。!?\n](?!\d)|:|\s[-–—]\s|{words('denied')}|{words('or')}|(?<![A-Za-z])[A-J](?![A-Za-z])")
_INITIAL = re.compile(r"(?<![a-z])([a-z])\.?\s$")
_GAP, _GAP_CHINESE = 3, 1  # words and pairs of characters between two of a phrase
LONG = 5  # letters of a word that is a name by itself


class Hit(NamedTuple):
    """at: which word of the text. exact: whether it is more than a stem."""

    key: str
    at: int
    exact: bool


class Phrase(NamedTuple):
    form: Form
    hits: Sequence[Hit]
    keys: frozenset[str]
    covered: float
    start: int
    end: int
    longest: int  # letters of a word; -1 where it is Chinese
    last: int  # where its last word ends

    @property
    def whole(self) -> bool:
        return len(self.keys) == len(self.form.weights)

    @property
    def share(self) -> float:
        return self.covered / self.form.total


def phrases(forms: Forms, low: str, said: Sequence[Unit]) -> Iterator[Phrase]:
    """Each option's words that stand together. A word that several have goes on with what stands before it, if it can."""
    runs: dict[Form, list[Hit]] = {}
    last = -1  # word of any option
    for at, one in enumerate(said):
        key, exact = forms.key_of(one)
        having = forms.with_key.get(key, ())
        gap = _GAP if one.word.isascii() else _GAP_CHINESE
        near = last >= 0 and at - last <= gap + 1 and not _BREAKS.search(low, said[last].end, one.start)
        on = [form for form in having if near and _is_open(runs.get(form), last, key)]
        for form in on or having:
            if form not in on and (run := runs.pop(form, None)):
                yield _phrase(form, run, said, low)
            runs.setdefault(form, []).append(Hit(key, at, exact))
        last = at if key else last
    yield from (_phrase(form, run, said, low) for form, run in runs.items())


def _is_open(run: Sequence[Hit] | None, last: int, key: str) -> bool:
    return run is not None and run[-1].at == last and all(hit.key != key for hit in run)


def _phrase(form: Form, run: Sequence[Hit], said: Sequence[Unit], low: str) -> Phrase:
    keys = frozenset(hit.key for hit in run)
    covered = sum(form.weights[key] for key in keys)
    longest = max((max(len(said[hit.at].word), 0 if hit.exact else LONG) if said[hit.at].word.isascii() else -1) for hit in run)
    first = said[run[0].at]
    start, end = first.since if first.turn and first.key == run[0].key else first.start, said[run[-1].at].end
    start -= low[start - 1 : start] == "(" and ")" in low[start:end]
    end = _goes_on(low, end, form.low, form.places[run[-1].key][1])
    if initial := _INITIAL.search(low, max(0, start - 4), start):
        before = form.low[: form.places[run[0].key][0]].split()
        if len(before) == 1 and before[0][0] == initial[1]:  # S. aureus
            keys, covered, start = frozenset(form.weights), form.total, initial.start(1)
    return Phrase(form, tuple(run), keys, covered, start, end, longest, said[run[-1].at].end)


def _goes_on(low: str, end: int, form: str, at: int) -> int:
    """How far a text goes on as the option does, up to a Chinese character or the end of a word: `Murphy征`, of `Murphy征阳性`;
    `only`, of `oxygen for comfort only`."""
    last = end
    while end < len(low) and at < len(form) and low[end] == form[at]:
        end, at = end + 1, at + 1
        word_ends = low[end - 1].isalnum() and not low[end : end + 1].isalnum() and not form[at : at + 1].isalnum()
        last = end if word_ends or low[end - 1] >= "\u4e00" else last
    return last


def overlap(one: Phrase, other: Phrase) -> bool:
    return one.start < other.end and other.start < one.end

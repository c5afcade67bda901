"""All options but some: `all of these except B`, `除了B，其余都是`."""

import re
from typing import NamedTuple

from megatron_qm.rewards.reading.lexicon import either, holds, words
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.phrase import phrase_at
from megatron_qm.rewards.reading.polarity import conditional, denied_before, hedged, reported
from megatron_qm.rewards.reading.rank import Rank, Statement
from megatron_qm.rewards.reading.sentences import Sentence

_ALL = either("all_of_them")
_BUT = either("all_but")
_EXCEPT = re.compile(rf"\b{_ALL}\b[^.,;:]{{0,40}}?\b{_BUT}\s|\b{either('with_exception')}\s|除(?:了|去|开|掉)?")
_REST = re.compile(rf"\s*(?:以外|之外|外)?[,\s]*(?:{either('the_others')})")
_STEMS = ("except", "but", "apart", "other than", "besides", "excluding", "除")  # one of which is in what `_EXCEPT` finds
_ALL_FIRST = re.compile(_ALL)
_CHOSEN = re.compile(words("calls_answer"))
_WORD = re.compile(r"\w")
_JUDGES = re.compile(words("being"))
_CLAUSE = re.compile(r"[.;。,]|$")


class Excepted(NamedTuple):
    """end: where in the sentence it ends."""

    statement: Statement
    end: int


def excepted(sentence: Sentence, options: Options) -> Excepted | None:
    """As marks on a sheet: those that are meant, and the others."""
    may = options.texts and not sentence.asked and holds(sentence.low, _STEMS)
    found = _EXCEPT.search(sentence.low) if may else None
    phrase = phrase_at(sentence, found.end(), options) if found else None
    if found is None or phrase is None or not phrase.sure:
        return None
    rest = _REST.match(sentence.low, phrase.end)
    if rest is None and not _ALL_FIRST.match(found[0]):
        return None
    begin = rest.end() if rest else phrase.end
    stop = _CLAUSE.search(sentence.low, begin)
    end = stop.start() if stop else len(sentence.low)
    before = sentence.low[: found.start()]
    if denied_before(before) or reported(before, sentence.low, end) or conditional(sentence.low, 0, found.start(), end):
        return None
    said = sentence.low[begin:end]
    if rest is None and not before.strip() and not _WORD.search(said):
        if _JUDGES.search(found[0]):  # `all are nephrotic apart from D`
            return Excepted(Statement(Rank.SHEET, frozenset(options.letters) - phrase.letters), end)
        # `All but D.` is the answer, whatever was asked for
        return Excepted(Statement(Rank.VERDICT, frozenset(options.letters) - phrase.letters), end)
    return _said(said, phrase.letters, frozenset(options.letters), end)


def _said(said: str, letters: frozenset[str], every: frozenset[str], end: int) -> Excepted | None:
    true = letters if denied_before(said) else every - letters
    if not true or not letters < every or hedged(said, ""):
        return None
    return Excepted(Statement(Rank.TICKED if _CHOSEN.search(said) else Rank.SHEET, true), end)

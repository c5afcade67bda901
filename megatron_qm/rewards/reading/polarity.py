"""Whose a clause is and which way it points: denied, reported, hedged, asked, on a condition. All texts are in lower case."""

import functools
import re

from megatron_qm.rewards.reading.cues import Cues
from megatron_qm.rewards.reading.lexicon import any_other, any_word, either, first, words

_DENIED = re.compile(words("denied"))
_DENIED_BEHIND = re.compile(
    rf"[\s)\"'”’\]项选]{{0,6}}(?:{either('being')}\s(?:[\w-]+\s){{0,2}}?{either('called_wrong')}"
    rf"|{first('does_not')}|(?:的?{either('view')})?[都均也是的属]{{0,3}}{either('is_wrong')})")
_REPORTED = re.compile(
    rf"(?<!\bi )\b{either('says')}\b|\b{either('some')}(?: \w+){{0,2}} {either('may_say')}\b"
    rf"|{words('others')}|{either('speakers')}[^,]{{0,4}}[说称讲认写]")
_REPORTED_BEHIND = re.compile(
    r"\s{0,9},?\s{0,9}(?:is the answer (?:that )?(?:the|my|a|his|her) \w+(?: \w+)? "
    rf"{either('gives')}|{either('according_to')})")
_CONDITION = re.compile(words("condition"))
_CONDITION_BEHIND = re.compile(rf"[\s,(]{{0,3}}(?:only |but only )?{either('condition_behind')}")
_STOP = re.compile(r"[.;](?:\s|$)")
_TRAILING = re.compile(
    rf"\b(?:{either('trailing_condition')}|in (?:an?|another|other) (?:different|other)?\s?{either('cases')})\b")
# Words of its own stand before the condition in it: `E - fluids (oxygen if needed)`.
_ASIDE = re.compile(rf"\((?!\s?(?:only |but only )?{either('condition_behind')})[^()]*(?:\)|$)")
_REASON = re.compile(r"\s{0,9}(?:because|since|,)")
_HEDGED = re.compile(words("hedge"))
_UNKNOWING = re.compile(words("unknowing"))
_ASKED = re.compile(rf"[\s)\"'”]{{0,4}}{either('question_mark')}")
# All that this file looks for begins with one of these.
_CUES = ("denied", "does_not", "is_wrong", "says", "some", "others", "speakers", "gives", "according_to", "condition",
         "condition_behind", "trailing_condition", "hedge", "unknowing")
_IN_ANOTHER = r"in (?:an?|another|other)"
_ANY_ENGLISH = re.compile(rf"{any_word(*_CUES)}|{either('called_wrong')}|\b{_IN_ANOTHER}\b")
_ANY_CUE = Cues(_CUES, begun=["called_wrong"], more=[_IN_ANOTHER])  # those that call wrong stand behind a blank
_ANY_OTHER = re.compile(rf"[a-z]{{2}}|{any_other(*_CUES, 'question_mark')}")  # no English word is told from the one it stands in
_BEHIND = 20, 160  # characters behind a name in which its condition stands: at once, and in the rest of the clause


@functools.lru_cache(maxsize=256)  # it is asked for each statement of a sentence
def is_plain(sentence: str) -> bool:
    """Whether all that a sentence says is the writer's own, affirmed and without a condition: one search for all of these."""
    if "?" in sentence:
        return False
    if sentence.isascii():
        return not _ANY_CUE.stand_in(sentence) or _ANY_ENGLISH.search(sentence) is None
    return _ANY_OTHER.search(sentence) is None


def denied_before(clause: str) -> bool:
    """Whether what is said at the end of `clause` is denied by it."""
    return _DENIED.search(clause) is not None


def denial_end(text: str, at: int) -> int | None:
    """Where the first word of denial from `at` on ends."""
    found = _DENIED.search(text, at)
    return found.end() if found else None


def denial_at(text: str, at: int) -> int | None:
    """Where a word of denial that begins at `at` ends."""
    found = _DENIED.match(text, at)
    return found.end() if found else None


def denied_behind(text: str, at: int) -> bool:
    """Whether a predicate that denies begins at `at`."""
    return _DENIED_BEHIND.match(text, at) is not None


def reported(clause: str, text: str, at: int) -> bool:
    """Whether somebody else says it, or the writer once did."""
    return _REPORTED_BEHIND.match(text, at) is not None or _REPORTED.search(clause) is not None


def conditional(text: str, since: int, begin: int, end: int) -> bool:
    """Whether a condition stands before, from `since` on, in or behind [begin, end) of a sentence."""
    before = _CONDITION.search(text, since, begin) or _CONDITION.search(text[begin:end])
    return before is not None or _CONDITION_BEHIND.match(text[end : end + _BEHIND[0]]) is not None or _trailing(text, end)


def _trailing(text: str, end: int) -> bool:
    behind = _STOP.split(text[end : end + _BEHIND[1]], maxsplit=1)[0]
    if "(" in behind:
        behind = _ASIDE.sub("", behind)
    return _TRAILING.search(behind) is not None and not _REASON.match(text, end)


def hedged(clause: str, before: str) -> bool:
    """Whether a clause only says what may be, or what stands before it that the writer does not know."""
    return _HEDGED.search(clause) is not None or _UNKNOWING.search(before) is not None


def questioned(text: str, at: int) -> bool:
    return _ASKED.match(text, at) is not None

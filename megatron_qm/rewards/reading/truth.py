"""Whether a denial is of an option's text (`D is false`, `D 不属于...`), or of the option as the answer (`D is ruled out`)."""

import re

from megatron_qm.rewards.reading.cues import Words
from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.rank import Rank

_FALSE = Words("called_false")
_WRONG = re.compile(words("asks_for_false") + "|" + words("wrong"))
_RIGHT = re.compile(
    rf"\b{either('judged_true', 'en')} {either('claim', 'en')}\b[^.;]{{0,20}}?(?:\bis\b|:)"
    rf"|(?<!不){either('judged_true', 'zh')}的?{either('claim', 'zh')}[^。;]{{0,4}}?[是为:]")
_OPENING = " \"'“‘「『《【("  # of what is quoted behind the copula
_COPULA = re.compile(r"(?:\b(?:is|are)|[是为])$")
_DENIED_COPULA = re.compile(r"(?:不|并非|非|not|n't)\s?$|不?选(?!项)|排除|考虑")
_NO_ANSWER = re.compile(r"可能(?:是|成为)?的?(?:正确)?答案|likely (?:correct )?answer")  # and not what a question asks for
_AS_ANSWER = Words("no_answer")


def denial_before(subject: str) -> Rank:
    """Of what stands before an option and ends with `is`: `the false statement is`, but `the answer is not`."""
    subject = subject.rstrip(_OPENING)
    said = _COPULA.sub("", subject.rstrip(" :"))
    denied = _DENIED_COPULA.search(said) or _NO_ANSWER.search(said)
    return Rank.FALSE if said != subject and _FALSE.search(said) and not denied else Rank.DENIED


def calls_wrong(text: str) -> bool:
    """Whether it judges an option: `E is incorrect`, asked which is NOT a cause, may mean that E is the answer, or is none."""
    return _WRONG.search(lower(text)) is not None


def calls_right(text: str) -> bool:
    """Whether it says which statement is true: asked which is false, that answers another question."""
    return _RIGHT.search(lower(text)) is not None


def denial(clause: str) -> Rank:
    """Of a clause in lower case that denies."""
    return Rank.FALSE if _FALSE.search(clause) and not _AS_ANSWER.search(clause) else Rank.DENIED

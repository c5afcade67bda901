"""Lines that say what the list below them is: `The answers are:`, `正确的有：`, `Incorrect`; and the lines of such a list."""

import re

from megatron_qm.rewards.reading.cues import Words
from megatron_qm.rewards.reading.leads import leads
from megatron_qm.rewards.reading.lexicon import either, words
from megatron_qm.rewards.reading.openers import ends, opened
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.phrase import may_name, phrase_at
from megatron_qm.rewards.reading.polarity import denied_before
from megatron_qm.rewards.reading.rank import Rank
from megatron_qm.rewards.reading.sentences import Sentence
from megatron_qm.rewards.reading.truth import denial

_REPEATS = re.compile(r"\s*(?:the )?(?:answer )?(?:options?|choices?|选项)\s?[:是为]?$")  # of the question
_ENDS_LEAD = re.compile(rf"(?:{either('says_next')}|{either('chooses')}|[是为选择项】])$")  # how leads end, but for a colon
_LONGEST_END = 12  # characters
_LONGEST_HEADING = 40
_HEADING = re.compile(r"[^,.;。]{1,40}?:?$")
_JUDGED = re.compile(rf"(?:{words('judged')}|{words('is_right')})")
_WHY = re.compile(r"\s?(?:[:—–(]|-\s)")
_INCLUDES = re.compile(rf"(?:{words('includes')})\s?:?$")
_SPEAKS_BACK = re.compile(either("speaks_back"))  # of what stands above it: `该说法正确`
_DISCUSSES = Words("discusses")
_SAYS_ANSWER = re.compile(rf"{words('answer_word')}|答案|选")


def introduces(sentence: Sentence, options: Options) -> Rank | None:
    """What a list below the sentence is; None where it says nothing of one."""
    leads_on = _leads_on(sentence)
    if not leads_on and (len(sentence.low) > _LONGEST_HEADING or _HEADING.match(sentence.low) is None):
        return None
    if _DISCUSSES.search(sentence.low):
        return None
    if leads_on:
        return Rank.LED if _SAYS_ANSWER.search(sentence.low) or not _JUDGED.search(sentence.low) else Rank.VERDICT
    if sentence.asked or may_name(sentence, options):
        return None
    if denied_before(sentence.low):
        return denial(sentence.low)
    if _SPEAKS_BACK.match(sentence.low):
        return None
    short = sentence.low.endswith(":") or len(sentence.low.split()) <= 2 and len(sentence.low) <= _LONGEST_HEADING // 2
    if short and _INCLUDES.search(sentence.low) and _SAYS_ANSWER.search(sentence.low):
        return Rank.LED
    return Rank.VERDICT if short and _JUDGED.search(sentence.low) else None


def item_of_list(sentence: Sentence, options: Options) -> frozenset[str]:
    """The options of a line that begins with them and says no more, but why."""
    phrase = phrase_at(sentence, opened(sentence, 0), options)
    if phrase is None or not phrase.sure:
        return frozenset()
    rest = sentence.part(phrase.end)
    why = _WHY.match(rest.low) is not None and not may_name(rest, options) and not denied_before(rest.low)
    return phrase.letters if why or ends(sentence, phrase.end) else frozenset()


def _leads_on(sentence: Sentence) -> bool:
    """Whether the answer stands on the next lines."""
    end = len(sentence.low.rstrip(" :"))
    if end == len(sentence.low) and not _ENDS_LEAD.search(sentence.low, max(0, end - _LONGEST_END)):
        return False  # as most do
    return any(lead.end() >= end and not _REPEATS.match(lead[0]) and not denied_before(lead[0]) for lead in leads(sentence.low))

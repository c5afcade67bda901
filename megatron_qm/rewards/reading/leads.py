"""Words that say the answer comes next: `the answer is`, `故选`, `=>`."""

import re
from collections.abc import Iterator

from megatron_qm.rewards.reading.cues import Cues
from megatron_qm.rewards.reading.lexicon import either

_LETTER = "[a-j]{1,10}(?![a-z])"
_OPTION = rf"(?<![各个看照析较评])选项(?!\s?{_LETTER})"  # and not options that are looked at, nor one that is named
_ARROW = rf"(?:→|[=-]>|⇒|⟹|➡|∴)\s?(?={_LETTER})"
_ENGLISH = re.compile(
    rf"{_ARROW}|\b(?:{either('answer_word')}\b[^.:;=,\n]{{0,60}}?{either('says_next')}|{either('judged')}\b\s?:|{either('chooses')}\b)")
_ANY = re.compile(
    rf"{_ENGLISH.pattern}|(?:答案|{_OPTION})[^,.:;。=≠\n]{{0,12}}?(?:应?[是为选:=】]择?|[锁确敲]定[是为]?)|答案\s{{0,2}}(?=[\"“(\[]?{_LETTER})"
    rf"|(?:{either('comes_to_one')})(?:选|选择)?(?=\s?(?:option\s|选项\s?)?{_LETTER})|把(?=(?:选项)?\s?{_LETTER}\s?项?[勾选涂填])"
    rf"|{either('before_choosing')}选(?:择|项(?=[:是为]))?(?!项)[:是为]?|[蒙填投勾涂](?:一?个)?(?={_LETTER})|正确的?(?:选项|答案)?[是为:]|答:")


_CUES = Cues(["answer_word", "judged", "chooses"])
_CHOOSES = Cues(["chooses"])
_SAYS_NEXT = Cues(["says_next"], signs=["says_next"])  # behind an `answer_word`; behind `judged` there is a colon


def leads(low: str) -> Iterator[re.Match[str]]:
    """In a sentence in lower case."""
    if not low.isascii():
        return _ANY.finditer(low)  # the other leads are in no ASCII
    first = _CUES.first_in(low) if _CHOOSES.stand_in(low) or ":" in low or _SAYS_NEXT.stand_in(low) else -1
    if ">" in low:
        first = max(0, min(low.find(">") - 1, first)) if first >= 0 else 0
    return _ENGLISH.finditer(low, first) if first >= 0 else iter(())


def lead_at_start(low: str) -> int:
    """Where the lead that a text begins with ends; 0 where there is none."""
    found = _ANY.match(low)
    return found.end() if found else 0

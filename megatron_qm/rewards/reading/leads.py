"""Words that say the answer comes next: `the answer is`, `故选`, `=>`."""

import re
from collections.abc import Iterator

from megatron_qm.rewards.reading.lexicon import either

_LETTER = "[a-j](?![a-z])"
_ARROW = rf"(?:→|[=-]>|⇒|⟹|➡|∴)\s?(?={_LETTER})"
_ENGLISH = re.compile(
    rf"{_ARROW}|\b(?:{either('answer_word')}\b[^.:;=,\n]{{0,60}}?{either('says_next')}|{either('judged')}\b\s?:|{either('chooses')}\b)")
_ANY = re.compile(
    rf"{_ENGLISH.pattern}|(?:答案|选项)[^,.:;。=≠\n]{{0,12}}?应?[是为选:=】]择?|答案\s{{0,2}}(?=[\"“(\[]?{_LETTER})"
    rf"|{either('before_choosing')}选(?:择|项)?[:是为]?|[蒙填投勾涂](?:一?个)?(?={_LETTER})|正确的?(?:选项|答案)?[是为:]|答:")


def leads(low: str) -> Iterator[re.Match[str]]:
    """In a sentence in lower case."""
    return (_ENGLISH if low.isascii() else _ANY).finditer(low)  # the other leads are in no ASCII


def lead_at_start(low: str) -> int:
    """Where the lead that a text begins with ends; 0 where there is none."""
    found = _ANY.match(low)
    return found.end() if found else 0

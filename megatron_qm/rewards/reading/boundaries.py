"""What may stand around a phrase that is the whole of a name there, or a number that is an answer."""

import re

from megatron_qm.rewards.reading.lexicon import either, words

# What may follow the text of an option that is named: nothing more of a name.
_MARKS = r"\s*(?:$|[\n.,;:!?()\[\]{}\"'”’»、。|/&+—–✓✔✅√✗✘❌×✖=⇒→↑↓-]|"
AFTER_TEXT = re.compile(rf"{_MARKS}{either('after_text')}\b|[是为因和或与及均都也亦选项正对吗可]|同样)", re.I)
_GOES_ON = re.compile(rf"\s(?:{either('behind_a_part', 'en')}\b|\d)|\s?{either('behind_a_part', 'zh')}")
_POSSESSIVE = re.compile(r"['’]s\b")
_BEFORE_PART = re.compile(rf"(?:^\s*|[^\w\s]\s*|(?:{words('before_a_part')})\s*)$")
_NUMBER_STANDS = rf"(?:^|[:,;。.(=≥≤<>≈~是为约每在于至得共]|{words('before_number')}|分钟|分)"
_BEFORE_NUMBER = re.compile(rf"{_NUMBER_STANDS}\s*$")
_RESULT = re.compile(rf"(?:^\W*|[<=:≈→是为得共]|{words('comes_to')}|→\s?[a-z]+)\s*(?:{words('about_number')}\s?)?$")
_COMMENT = r"(?:\s?\([^()\n]{1,60}(?:\)|$))?"
_ENDS = re.compile(rf"(?P<of>\s?(?:/\s?\d+|{either('unit_of_score')})?){_COMMENT}\W*(?:$|[.。;\n])(?!\d)")
_FACTOR = re.compile(r"\s?[/×*x+]\s?\w|\s?per\s")
# What is computed with, and not what comes of it: `140 - (100 + 10) = 30`.
_OPERAND = re.compile(r"(?:[+*/×÷−–-]\s?\(|[^=≈,;:。(\n]){0,40}[=≈]\s?[(\d]")
_P_VALUE = re.compile(r"(?<![a-z])p\s?[<=>≤≥]\s?$")
_COMPARES = ("≥", "≤", "<", ">", "≈", "=")
_FARTHEST = 14


def _before(low: str, start: int) -> str:
    line = low.rfind("\n", 0, start) + 1
    return low[max(line, start - _FARTHEST) : start]


def begins_name(low: str, start: int) -> bool:
    """Whether no more of a name stands before `start`."""
    return _BEFORE_PART.search(_before(low, start)) is not None


def ends_name(low: str, end: int) -> bool:
    if of_it := _POSSESSIVE.match(low, end):
        end = of_it.end()
    return AFTER_TEXT.match(low, end) is not None or _GOES_ON.match(low, end) is not None


def result_end(low: str, start: int, end: int) -> int | None:
    """Where a bare number ends that a sentence comes to: it stands alone, or behind `is` or `=` and ends the sentence."""
    ends = _ENDS.match(low, end)
    return ends.end("of") if ends and ("/" in ends["of"] or _RESULT.search(_before(low, start))) else None


def is_amount(low: str, start: int, end: int) -> bool:
    """Whether amounts stand where an answer may, and are no factor of a sum."""
    before = _before(low, start)
    if _P_VALUE.search(before):
        return False
    stands = low.startswith(_COMPARES, start) or bool(_BEFORE_NUMBER.search(before) or _BEFORE_PART.search(before))
    return stands and not (_FACTOR.match(low, end) or _OPERAND.match(low, end))

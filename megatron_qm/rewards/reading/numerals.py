"""Numerals that a question may have in one script and an answer in another, in one: Ⅱ型 and 二型 are 2型, `type II` is `type 2`,
三天 is 3天, `6th` is `sixth`."""

import re

from megatron_qm.rewards.reading.ordinals import ENGLISH

_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X")
_CHINESE = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
_KIND_ZH = "型级期度"  # behind a number
_TIME_ZH = "天|日(?!期|常|后)|周(?!围)|岁|年|个月|小时|分钟"
_ROMAN_ZH = rf"(?<![A-Za-z])(?P<roman>{'|'.join(sorted(_ROMAN, key=len, reverse=True))})(?=\s?[{_KIND_ZH}类])"
_OF_KIND = r"(?P<kind>\b(?i:type|grade|class)\s)(?P<of_kind>[IVX]{1,4})\b"
_OF_STAGE = r"(?P<stage>\b(?i:stage|phase)\s)(?P<of_stage>[IVX]{2,4})\b"
_DIGITS_ZH = rf"(?=[十{''.join(_CHINESE)}])(?P<tens>[二两三四五六七八九]?十)?(?P<zh>[{''.join(_CHINESE)}])?"
_NUMBER_ZH = rf"(?<![第十百]){_DIGITS_ZH}(?=[{_KIND_ZH}]|{_TIME_ZH})"
_ORDINAL = r"\b(?P<ordinal>10|[1-9])(?:st|nd|rd|th)\b"
_NUMERAL = re.compile("|".join((_ROMAN_ZH, _OF_KIND, _OF_STAGE, _NUMBER_ZH, _ORDINAL)))
_ANY = re.compile(rf"\d\s?(?:[{_KIND_ZH}类]|{_TIME_ZH})|\b(?i:type|grade|class|stage|phase)\s\d|\b(?i:{'|'.join(ENGLISH)})\b")


def alike(text: str) -> str:
    """
    >>> alike("II型超敏反应，十二天，Type III"), alike("the 6th arch"), alike("At this stage I would wait")
    ('2型超敏反应，12天，Type 3', 'the sixth arch', 'At this stage I would wait')
    """
    return _NUMERAL.sub(_written, text)


def has_numerals(text: str) -> bool:
    """Whether a text that has been made alike holds one: answers to a question without any need not be looked through."""
    return _ANY.search(text) is not None


def _written(found: re.Match[str]) -> str:
    if found["roman"]:
        return str(_ROMAN.index(found["roman"]) + 1)
    for word, number in (("kind", "of_kind"), ("stage", "of_stage")):
        if found[word]:
            return found[word] + (str(_ROMAN.index(found[number]) + 1) if found[number] in _ROMAN else found[number])
    if found["ordinal"]:
        return ENGLISH[int(found["ordinal"]) - 1]
    tens, ones = found["tens"] or "", found["zh"] or ""
    return str((10 * _CHINESE.get(tens[:-1], 1) if tens else 0) + _CHINESE.get(ones, 0))

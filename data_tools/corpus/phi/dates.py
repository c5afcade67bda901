"""Dates in Chinese and English spellings: days, months of a year, days of a month. A year alone identifies nobody and stays.

Each spelling is read into `Reading`: which characters are year, month and day. Finding and shifting (shift.py) share it.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from data_tools.corpus.phi.spans import Span

_DIGIT = "0-9〇零○一二三四五六七八九十"
MONTHS = "January February March April May June July August September October November December".split()


def _spellings() -> list[str]:
    """Each with a letter first, for then a scan is quick."""
    short = [name[:3] for name in MONTHS] + ["Sept"]
    names = sorted({*MONTHS, *short}, key=lambda name: (-len(name), name))
    return names + [name.upper() for name in names]


_TIME = re.compile(r"(?:T|,? {0,2}(?:at )?)(?:[01]?[0-9]|2[0-4])(?:[:：][0-5][0-9](?:[:：][0-5][0-9])?"
                   r"(?:\.[0-9]{1,6})?|[时点](?:[0-5]?[0-9]分?|许|整)?)"
                   r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?(?: ?[AaPp]\.?[Mm]\b\.?)?(?![0-9:])")  # fmt: skip
_NUMERIC = re.compile(
    r"(?<![0-9])([0-9]{1,4})(?! / [0-9]{1,4}[-/.])(?! [-/] [0-9]{1,4}[/-])"
    r" ?([-/.]) ?([0-9]{1,4})(?: ?([-/.]) ?([0-9]{1,4}))?(?![0-9])"
)
_COMPACT = re.compile(r"(?:19|20)[0-9]{6}(?![0-9A-Za-z])")
_CHINESE = re.compile(
    rf"([{_DIGIT}][{_DIGIT}]{{0,3}}) ?(?:年 ?([{_DIGIT}]{{1,2}}) ?月(?!经) ?(?:([{_DIGIT}]{{1,3}}) ?(?:[日号]|[-~至到] "
    rf"?([{_DIGIT}]{{1,3}}) ?[日号])"
    rf"|份|[上中下]旬|[初底末])?"
    rf"|月 ?(?:([{_DIGIT}]{{1,3}}) ?(?:[日号]|[-~至到] ?([{_DIGIT}]{{1,3}}) ?[日号])|份|[上中下]旬|[初底末]|(?![前后余来经个龄"
    rf"大])))"
)
NAMED = re.compile(rf"(?:{'|'.join(_spellings())})(?![A-Za-z])")
_YEAR = re.compile(r"[12](?<=[ ,./-][12])[09][0-9]{2}(?![0-9A-Za-z])")
_LOWER = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(_spellings()).lower()})(?![A-Za-z])")
_BEFORE_MONTH = re.compile(
    r"(?:(?<![0-9A-Za-z.,/:-])|(?<=[A-Za-z][-,]))([0-9]{1,2})(?:st|nd|rd|th|ST|ND|RD|TH)?(?: ?of)?[ /.,-]{0,2}$"
)
_AFTER_MONTH = re.compile(
    r"(?:\.?,?[ /.-]{0,2}([0-3]?[0-9])(?:st|nd|rd|th|ST|ND|RD|TH)?(?![0-9A-Za-z:/]|[.,][0-9])"
    r"(?:,? ?[ /.'’-]?((?:19|20)[0-9]{2}|(?<=['’/-])[0-9]{2})(?![0-9A-Za-z]|[.,][0-9]))?)"
)
_YEAR_AFTER = re.compile(r"\.?,?[ /.-]{0,2}(?:of )?['’]?((?:19|20)[0-9]{2}|(?<=['’/-])[0-9]{2})(?![0-9A-Za-z]|[.,][0-9])")
_SHORT_YEAR = re.compile(r",? ([0-9]{2})(?![0-9A-Za-z:/%-]|[.,][0-9])(?! ?(?:mg|ml|kg|years?|patients|days|weeks|hours|units)\b)")
_YEAR_JOINED = re.compile(r"((?:19|20)[0-9]{2}|[0-9]{2})(?![0-9A-Za-z])")
_MONTH_CUE = re.compile(
    r"\b(?:[Ii]n|[Ss]ince|[Ll]ast|[Tt]his|[Nn]ext|[Uu]ntil|[Bb]y|[Dd]uring|[Ff]rom|[Ee]arly|[Ll]ate|[Mm]id|[Oo]f"
                        r"|[Tt]hrough|[Tt]ill|[Bb]etween|[Bb]efore|[Aa]fter)[ -]$")  # fmt: skip
_UNIT_AFTER = re.compile(
    r" ?(?:mg|ml|mL|mcg|g\b|kg|%|percent|patients|people|years|days|weeks|hours|times|units|of (?:the|these|those)\b)"
)
_DAY_CUE = re.compile(
    r"(?:\b(?:on|since|from|by|dated?|until|through|thru|DOS|admitted|discharged|seen|to|visit|of|due|starting|and|before"
    r"|after)"
                      r"|\bDate[^\n:]{0,20}|日期|时间|[于至自])[:：]? ?$", re.I)  # fmt: skip
_DATE_KEY = re.compile(r"(?:日期|生日|年月日?|时间|出生)[:：,， ]{1,2}$")
_YEAR_CUE = re.compile(r"(?:[于自从在至：:(（，,。；;]|^|\n)$")
_RELATIVE = re.compile(r"(?:今年|去年|前年|本年|同年|明年|当年|次年)$")
_SCORES = re.compile(r"\b(?:apgars?|gcs|scores?|version|ratio)[ :]{0,2}\s?$", re.I)
_VERSION = re.compile(r"(?:\b(?:version|ver\.?|v\.?|section|chapter|fig(?:ure)?\.?|table)|§|第|图|表|版本|章节) ?$", re.I)
_MEASURE_AFTER = re.compile(
    r" ?(?:cup|inch|teaspoon|tablespoon|mile|pound|ounce|tablet|to [0-9]/|of an? |mm|cm|mg|m[lL]|%|kg|pain|strength|power|次"
    r"|mmHg|kPa|岁|倍|分|片|粒|周|天|个|月|year|day|week|hour|dose)|[A-Za-z%]"
)


class Reading(NamedTuple):
    """A date's place and the places of its parts; None where it has no such part. `style` is how its parts are written."""

    start: int
    end: int
    year: tuple[int, int] | None
    month: tuple[int, int]
    day: tuple[int, int] | None
    last_day: tuple[int, int] | None = None
    may_swap: bool = False  # both parts could be a month: the document decides whether the day comes first


def find_dates(text: str, chinese: bool, english: bool) -> Iterator[Span]:
    """text: folded."""
    for reading in read_dates(text, chinese, english):
        yield Span(reading.start, reading.end, "DATE")


def read_dates(text: str, chinese: bool, english: bool) -> Iterator[Reading]:
    yield from _numeric(text, chinese)
    if chinese:
        yield from _chinese(text)
    if english:
        yield from _named(text)


def _numeric(text: str, chinese: bool) -> Iterator[Reading]:
    for match in _NUMERIC.finditer(text):
        if match[5] and match[2] != match[4]:
            continue
        start, end = match.span()
        before = text[start - 1] if start else " "
        after = text[end] if end < len(text) else " "
        if before == "." and start > 1 and not text[start - 2].isdecimal() and (match[5] or not text[start - 2].isalnum()):
            before = " "  # a sentence's end
        if (before.isascii() and (before.isalnum() or before in "./_")) or after == "_":
            continue
        if after in "./-:" and text[end + 1 : end + 2].isdigit() and not (match[5] and after in "-:."):
            continue
        reading = _three(text, match, chinese) if match[5] else _two(text, match)
        if reading:
            yield reading
    for match in _COMPACT.finditer(text):
        start, end = match.span()
        day = match.group()
        joined = start and (text[start - 1].isascii() and (text[start - 1].isalnum() or text[start - 1] in "-._/"))
        if not joined and (end == len(text) or text[end] not in "-_/"):
            if 1 <= int(day[4:6]) <= 12 and 1 <= int(day[6:]) <= 31 and int(day[:4]) <= 2099:
                yield Reading(start, end, (start, start + 4), (start + 4, start + 6), (start + 6, end))


def _three(text: str, match: re.Match[str], chinese: bool) -> Reading | None:
    first, second, third = int(match[1]), int(match[3]), int(match[5])
    start, end = match.span()
    lengths = len(match[1]), len(match[5])
    if len(match[3]) > 2:
        return None
    a, b, c = match.span(1), match.span(3), match.span(5)
    if " " in match.group() and lengths[0] != 4 or _SCORES.search(text, max(0, start - 10), start):
        return None
    if text[end : end + 1].isascii() and text[end : end + 1].isalpha() and not _TIME.match(text, end):
        return None
    if lengths[0] == 4 and lengths[1] <= 2:
        return Reading(start, end, a, b, c) if 1880 <= first <= 2099 and 1 <= second <= 12 and 1 <= third <= 31 else None
    if lengths[0] <= 2 and lengths[1] == 4 and 1880 <= third <= 2099:
        return _day_or_month_first(start, end, a, b, c, first, second)
    if lengths[0] > 2 or lengths[1] > 2:
        return None
    if match[2] == "." and _VERSION.search(text, max(0, start - 12), start):
        return None
    dated = first <= 40 or first >= 60 or bool(_DATE_KEY.search(text, max(0, start - 8), start))
    if chinese and lengths[0] == 2 and 1 <= second <= 12 and 1 <= third <= 31 and dated:
        heading = match[2] == "." and first < 13 and (start == 0 or text[start - 1] == "\n")
        return None if heading else Reading(start, end, a, b, c)
    if not chinese and lengths[1] == 2 and match[2] != "." or (match[2] == "." and len(match[3]) == 2 == lengths[1]):
        return _day_or_month_first(start, end, a, b, c, first, second)
    return None


def _day_or_month_first(
    start: int, end: int, a: tuple[int, int], b: tuple[int, int], c: tuple[int, int], first: int, second: int
) -> Reading | None:
    if 1 <= first <= 12 and 1 <= second <= 31:
        return Reading(start, end, c, a, b, may_swap=second <= 12)
    if 1 <= second <= 12 and 1 <= first <= 31:
        return Reading(start, end, c, b, a)
    return None


def _two(text: str, match: re.Match[str]) -> Reading | None:
    first, second, sign = int(match[1]), int(match[3]), match[2]
    start, end = match.span()
    if " " in match.group():
        return None
    if len(match[1]) == 4:
        good = 1900 <= first <= 2099 and 1 <= second <= 12 and (len(match[3]) == 2 or sign == "/")
        if sign == "." and not _DAY_CUE.search(text, max(0, start - 24), start):
            good = False
        return Reading(start, end, match.span(1), match.span(3), None) if good and not _MEASURE_AFTER.match(text, end) else None
    if len(match[1]) > 2 or sign == ".":
        return None
    if len(match[3]) == 4:
        return Reading(start, end, match.span(3), match.span(1), None) if 1 <= first <= 12 and 1900 <= second <= 2099 else None
    if not (1 <= first <= 12 and 1 <= second <= 31) or _MEASURE_AFTER.match(text, end):
        return None
    padded = sign == "/" and len(match[1]) == 2 == len(match[3]) and (match[1][0] == "0" or match[3][0] == "0")
    if padded or sign == "/" and _DAY_CUE.search(text, max(0, start - 24), start):
        return Reading(start, end, None, match.span(1), match.span(3))
    return None


def _chinese(text: str) -> Iterator[Reading]:
    for match in _CHINESE.finditer(text):
        start, end = match.span()
        if (
            start
            and text[start - 1] in "0123456789.第"
            and not (text[start - 1] == "." and start > 1 and not (text[start - 2].isascii() and text[start - 2].isalnum()))
        ):
            continue
        if match[2]:
            year, month, day, last = match.span(1), match.span(2), match.span(3), match.span(4)
            if not _is_year(text, match, start):
                continue
        else:
            year, month, day, last = (-1, -1), match.span(1), match.span(5), match.span(6)
            bare = day[0] < 0 and text[end - 1] == "月"
            if bare and not _RELATIVE.search(text, max(0, start - 2), start):
                continue
        numbers = [number(text[a:b]) for a, b in (month, day, last) if a >= 0]
        if 1 <= numbers[0] <= 12 and all(1 <= value <= 31 for value in numbers[1:]):
            yield Reading(start, end, _some(year), month, _some(day), _some(last))


def _is_year(text: str, match: re.Match[str], start: int) -> bool:
    """Not the years of `5年3月`, how long something lasted."""
    written = match[1]
    if len(written) == 4:
        return 1880 <= year_number(written) <= 2099
    if len(written) != 2 or "十" in written:
        return False
    return bool(match[3]) or (year_number(written) % 100 >= 5 and bool(_YEAR_CUE.search(text, max(0, start - 1), start)))


def _some(place: tuple[int, int]) -> tuple[int, int] | None:
    return place if place[0] >= 0 else None


_VALUES = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"〇": 0, "○": 0}


def number(written: str) -> int:
    """Of 12, 十二, 二十, 二十一 or 一二; 0 where it is none."""
    if written.isdecimal():
        return int(written)
    tens, ten, ones = written.partition("十")
    if not ten:
        return int("".join(str(_VALUES[character]) if character in _VALUES else character for character in written))
    if len(tens) > 1 or len(ones) > 1 or "十" in ones:
        return 0
    return (_VALUES.get(tens, 1) if tens else 1) * 10 + (_VALUES.get(ones, 0) if ones else 0)


def year_number(written: str) -> int:
    digits = "".join(str(_VALUES[character]) if character in _VALUES else character for character in written)
    return int(digits) if digits.isdecimal() else 0


_SHORT_MONTHS = [name[:3].lower() for name in MONTHS]


def month_number(name: str) -> int:
    return _SHORT_MONTHS.index(name[:3].lower()) + 1


def _named(text: str) -> Iterator[Reading]:
    for match in NAMED.finditer(text):
        start, end = match.span()
        if not (start and text[start - 1].isascii() and text[start - 1].isalpha()) and (
            reading := _around_month(text, start, end)
        ):
            yield reading
    for year in _YEAR.finditer(text):  # may and mar are too frequent to look at each
        for match in _LOWER.finditer(text, max(0, year.start() - 18), year.start()):
            if reading := _around_month(text, *match.span()):
                yield reading


def _around_month(text: str, start: int, end: int) -> Reading | None:
    month, lower = (start, end), text[start].islower()
    before = _BEFORE_MONTH.search(text, max(0, start - 9), start)
    if before and 1 <= int(before[1]) <= 31:
        year = _YEAR_AFTER.match(text, end) or _YEAR_JOINED.match(text, end) or _SHORT_YEAR.match(text, end)
        if year or not lower:
            return Reading(before.start(1), year.end() if year else end, year.span(1) if year else None, month, before.span(1))
    after = _AFTER_MONTH.match(text, end)
    if after and 1 <= int(after[1]) <= 31 and (after[2] or not lower) and (after[2] or not _UNIT_AFTER.match(text, after.end())):
        if after[2] or after.start(1) > end:
            return Reading(start, after.end(), after.span(2) if after[2] else None, month, after.span(1))
    if text[end : end + 1].isdecimal():
        return None
    year = _YEAR_AFTER.match(text, end)
    if year and not (lower and text[start:end] in ("may", "march")):
        return Reading(start, year.end(), year.span(1), month, None)
    if not lower and _MONTH_CUE.search(text, max(0, start - 9), start):
        return Reading(start, end, None, month, None)
    return None

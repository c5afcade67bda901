"""Dates moved by whole weeks, in the spelling that they had: intervals and weekdays stay."""

import re
from collections.abc import Iterable
from datetime import date, timedelta

from data_tools.corpus.phi.dates import MONTHS, Reading, month_number, number, read_dates, year_number

_WEEKS = 104
_CHINESE_DIGITS = "〇一二三四五六七八九"
_ORDINAL = re.compile(r"(?:st|nd|rd|th)(?![A-Za-z])", re.I)
_ASSUMED_YEAR = 2023


def weeks_of(secret: bytes) -> int:
    """By how many weeks to move: -104 to 104, never 0."""
    weeks = int.from_bytes(secret[:8], "big") % (2 * _WEEKS) - _WEEKS
    return weeks if weeks < 0 else weeks + 1


class Dates:
    """The dates of one document; a day without a year is of the year of the first date that has one."""

    def __init__(self, texts: Iterable[str], weeks: int) -> None:
        readings = [(text, reading) for text in texts if (reading := read(text))]
        years = [_year(text, reading) for text, reading in readings if reading.year]
        self._year = years[0] if years else _ASSUMED_YEAR
        self._day_first = any(not reading.may_swap and _day_is_first(text, reading) for text, reading in readings)
        self._days = 7 * weeks

    def moved(self, text: str) -> str:
        """`text`, which is a date, moved; as it is where it can be no date."""
        reading = read(text)
        if reading is None:
            return text
        if reading.may_swap and self._day_first and reading.day:
            reading = reading._replace(month=reading.day, day=reading.month)
        return _rewritten(text, reading, self._year, self._days)


def read(text: str) -> Reading | None:
    """How a date is written; text may be in full-width digits."""
    chinese = any("一" <= character <= "鿿" or character == "〇" for character in text)
    for both in ((chinese, True), (True, True)):
        for padded, offset in ((text, 0), (f"on {text}", 3), (f"今年{text}", 2)):
            for reading in read_dates(padded, *both):
                if reading.start == offset:
                    return _moved_left(reading, offset)
    return None


def _moved_left(reading: Reading, offset: int) -> Reading:
    def left(place: tuple[int, int] | None) -> tuple[int, int] | None:
        return (place[0] - offset, place[1] - offset) if place else None

    month = (reading.month[0] - offset, reading.month[1] - offset)
    return Reading(
        0, reading.end - offset, left(reading.year), month, left(reading.day), left(reading.last_day), reading.may_swap
    )


def _year(text: str, reading: Reading) -> int:
    assert reading.year
    written = text[slice(*reading.year)]
    value = year_number(written)
    return value if len(written) > 2 else value + (2000 if value <= 40 else 1900)


def _day_is_first(text: str, reading: Reading) -> bool:
    return bool(
        reading.day and reading.year and reading.day < reading.month < reading.year and text[slice(*reading.month)].isdigit()
    )


def _rewritten(text: str, reading: Reading, assumed_year: int, days: int) -> str:
    year = _year(text, reading) if reading.year else assumed_year
    month = _month(text[slice(*reading.month)])
    day = number(text[slice(*reading.day)]) if reading.day else 15
    before = _valid(year, month, day)
    after = before + timedelta(days=days)
    fixed = not re.search("[A-Za-z年月]", text[: reading.end])  # 12/25 has two digits for each, 12月25日 has as many as it needs
    written = {reading.month: _month_as(text[slice(*reading.month)], after.month, fixed)}
    if reading.year:
        written[reading.year] = _number_as(text[slice(*reading.year)], after.year, year=True)
    if reading.day:
        written[reading.day] = _number_as(text[slice(*reading.day)], after.day, fixed)
    if reading.last_day:
        last = _valid(year, month, number(text[slice(*reading.last_day)])) + timedelta(days=days)
        written[reading.last_day] = _number_as(text[slice(*reading.last_day)], last.day, fixed)
    pieces, end = [], 0
    for place in sorted(written):
        pieces += [text[end : place[0]], written[place]]
        end = place[1]
        if place == reading.day and (ordinal := _ORDINAL.match(text, end)):
            pieces.append(_ordinal_as(ordinal.group(), after.day))
            end = ordinal.end()
    return "".join(pieces) + text[end:]


def _valid(year: int, month: int, day: int) -> date:
    """The last day of the month for a day that it does not have."""
    while True:
        try:
            return date(year, month, day)
        except ValueError:
            day -= 1


def _month(written: str) -> int:
    return month_number(written) if written.isascii() and written.isalpha() else number(written)


def _month_as(written: str, month: int, fixed: bool) -> str:
    if not (written.isascii() and written.isalpha()):
        return _number_as(written, month, fixed)
    name = MONTHS[month - 1]
    name = name if len(written) > 3 and written.lower() != "sept" else name[:3]
    return name.upper() if written.isupper() else name.lower() if written.islower() else name


def _number_as(written: str, value: int, fixed: bool = True, year: bool = False) -> str:
    """value in the digits, and with the leading zero, that were written."""
    if written.isdecimal():
        shown = (
            (f"{value % 10 ** len(written):0{len(written)}}")
            if year or len(written) == 2 and (fixed or number(written[0]) == 0)
            else str(value)
        )
        return shown if written.isascii() else shown.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    zero = "零" if "零" in written else "○" if "○" in written else "〇"
    digits = zero + _CHINESE_DIGITS[1:]
    if year:
        return "".join(digits[int(digit)] for digit in str(value)[-len(written) :])
    tens, ones = divmod(value, 10)
    return ("" if tens == 0 else "十" if tens == 1 else digits[tens] + "十") + (digits[ones] if ones or not tens else "")


def _ordinal_as(written: str, day: int) -> str:
    ordinal = "th" if 10 <= day <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return ordinal.upper() if written.isupper() else ordinal

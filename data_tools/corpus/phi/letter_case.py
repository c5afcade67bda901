"""Notes written all in capitals or all in small letters: capitals tell nothing there, and rules that ask for them need others."""

import re
from typing import Literal

Case = Literal["mixed", "lower", "upper"]
_UPPER, _LOWER = re.compile("[A-Z]"), re.compile("[a-z]")
_WORD = re.compile(r"(?<![A-Za-z0-9'])[A-Za-z][A-Za-z]*")
_SMALL = frozenset(
    "a an and or of the in on at to for from by with without as is was were are be has had not no than then but".split()
)
AMERICAN_STATES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD "
    "TN TX UT VT VA WA WV WI WY DC"
).split()
_KEPT = frozenset(AMERICAN_STATES) | frozenset("PR MGH BIDMC UCSF UCLA UPMC NYU RVI BWH NHS PO NE NW SE SW II III IV".split())
_POSTCODE = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{1,2}[0-9][A-Za-z0-9]? {1,2}[0-9][A-Za-z]{2}(?![A-Za-z0-9])")


def letter_case(text: str) -> Case:
    upper, lower = len(_UPPER.findall(text)), len(_LOWER.findall(text))
    if upper + lower < 20:
        return "mixed"
    return "lower" if upper * 100 < lower else "upper" if lower * 8 < upper else "mixed"


def titled(text: str) -> str:
    """As long as `text`: words with a capital first, small words small, states and post codes in capitals."""
    text = _WORD.sub(_one, text)
    return _POSTCODE.sub(lambda match: match.group().upper(), text)


def _one(match: re.Match[str]) -> str:
    word, before = match.group(), match.string[max(0, match.start() - 2) : match.start()]
    upper = word.upper()
    if upper in _KEPT and (len(word) > 2 or before in (", ", ",\n", ",") or upper in ("NE", "NW", "SE", "SW", "PO", "II", "IV")):
        return upper
    small = word.lower()
    return small if small in _SMALL else small.capitalize()


def raised(text: str) -> str:
    """As long as `text`: its ASCII letters in capitals."""
    return _LOWER.sub(lambda match: match.group().upper(), text)


_BREAK = re.compile(r"(?<=[^\n:.;])\n(?=[^\n \u3000])(?![A-Za-z][A-Za-z /]{0,24}[:=])")


def unbroken(text: str) -> str:
    """As long as `text`: lines that may go on in the next one do, with a space for the break."""
    return _BREAK.sub(" ", text)

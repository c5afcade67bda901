"""Numbers that identify somebody: by their shape and check digit, or by the words before them.

Cheap anchors first: only where digits stand is anything looked for, and words before them only where a number is long enough.
"""

import re
from collections.abc import Iterator

from data_tools.corpus.phi.checks import citizen, iban, luhn
from data_tools.corpus.phi.cues import cue_before
from data_tools.corpus.phi.spans import Span

_LONG = re.compile(r"[0-9+](?:[0-9*]|[-. ()/（）]{1,3}(?=[0-9*(（])){5,}(?:[Xx](?![A-Za-z0-9]))?")
_GROUP = re.compile(r"[0-9*]+[Xx]?")
_CITIZEN = re.compile(r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|91)[0-9]{4}(?:1[89]|20)[0-9]{2}(?:0[1-9]|1[0-2])"
                      r"(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]")  # fmt: skip
_OLD_CITIZEN = re.compile(
    r"(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5])[0-9]{4}[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}"
)
_MASKED_CITIZEN = re.compile(r"[0-9]{3,10}\*{4,12}[0-9]{0,4}[0-9Xx]")
_MOBILE = re.compile(r"1[3-9](?:[0-9]{9}|[0-9]\*{3,4}[0-9]{4})")
_MOBILE_PREFIX = re.compile(r"(?<![0-9A-Za-z])(?:\(?(?:\+|00)?86\)?[- ]{0,2})$")
_CARD = re.compile(r"(?:3[47][0-9]{13}|[24569][0-9]{15}|[3-69][0-9]{15,18})")
_EXTENSION = r"(?:[,，]? ?[-(（]?(?:[xX]|[Ee]xt\.?|EXT\.?|[Ee]xtension|转|轉|分机号?)[:：]? ?[0-9]{1,6}[)）]?)?"
_DASH_EXTENSION = r"(?:-[0-9]{1,5}(?![0-9-]))?"
_PHONES = tuple(re.compile(pattern + _EXTENSION + r"(?![0-9A-Za-z/]| ?年|[-.][0-9]{1,2}[-.])") for pattern in (
    r"(?<![0-9A-Za-z.])[(（]?(?:\+?86[- ]{0,2})?\(?0(?:10|2[0-9]|[3-9][0-9]{2})[)）]?[- ]{0,2}[1-9][0-9]{2,3}[- ]?"
    r"[0-9]{4}" + _DASH_EXTENSION,
    r"(?<![0-9A-Za-z.-])[48]00[- ]?(?:[0-9]{3}[- ]?[0-9]{4}|[0-9]{4}[- ]?[0-9]{3}|[0-9]{2}[- ]?[0-9]{2}[- ]?[0-9]{3})",
    r"(?<![0-9A-Za-z.-])(?:\+?1[-. ]{1,3}|\+1)?(?:\([0-9]{3}\)[-. ]{0,3}|[2-9][0-9]{2}(?:[-. ]{1,3}|/))[0-9]{3}[-. "
    r"]{1,3}[0-9]{4}",
    r"(?<![0-9A-Za-z.-])(?:\+44[- ]?(?:\(0\)[- ]?)?|0044[- ]?)(?:\(?[1-9][0-9]{1,4}\)?[ -]?)[0-9]{3,4}[ -]?[0-9]{3,4}",
    r"(?<![0-9A-Za-z.-])555-[0-9]{4}",
    r"(?<![0-9A-Za-z.-])07[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{3}",
    r"(?<![0-9A-Za-z.-])\(?0[12389][0-9]{1,4}\)?[ -]{1,2}[0-9]{3,4}[ -]?[0-9]{3,4}",
    r"(?<![0-9A-Za-z.])(?:\+[2-9][0-9]{0,2}[-. ]?|00[2-9][0-9]{0,2}[-. ])(?:\(?[0-9]{1,5}\)?[-. ]?){1,4}[0-9]{2,5}",
))  # fmt: skip
_LETTERED = re.compile(
    r"8(?<![0-9A-Za-z]8)(?:00|33|44|55|66|77|88)[-. ](?=[0-9-]*[A-Z])[0-9A-Z](?:-?[0-9A-Z]){5,9}(?![0-9A-Za-z])"
)
_SPOKEN = re.compile(
    r"[一幺](?:[〇零○一幺二两三四五六七八九][ -]?){9}[〇零○一幺二两三四五六七八九](?![〇零一二三四五六七八九十])"
)
_SOCIAL = re.compile(r"(?<![0-9A-Za-z-])(?:[0-9]{3}([- ])[0-9]{2}\1[0-9]{4})(?![0-9A-Za-z-])")
_LETTER_FIRST = re.compile(
    r"[A-Z](?<![A-Za-z0-9][A-Z])(?:[A-Z]?[0-9]{6} ?[(（][0-9A][)）]"  # Hong Kong identity card
    r"|[A-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D](?![A-Za-z0-9])"  # British national insurance
    r"|(?P<REGISTRATION>[A-Z][0-9]{2} ?[A-Z]{3}(?![A-Za-z0-9]))"
    r"|(?P<BANK>[A-Z][0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?)(?![A-Za-z0-9])"  # IBAN
    r"|(?P<PLATE>J ?[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]?[·•.]?[0-9]{4,5}[A-Z0-9]?(?![A-Za-z0-9]))"
    r")"  # WJ: armed police
)
_PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使] ?(?:[A-HJ-NP-Z]|[a-hj-np-z](?=[ ·•.-]?[a-z0-9]*[0-9])"
    r")"
                    r"[ ·•・.-]?(?=[A-Za-z0-9]*[0-9][A-Za-z0-9]?[0-9])(?:[A-HJ-NP-Za-hj-np-z0-9]{6}|[A-HJ-NP-Za-hj-np-z0-9]{4}"
                    r"[A-HJ-NP-Za-hj-np-z0-9挂学警港澳])(?![A-Za-z0-9])")  # fmt: skip
_AT = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9](?:[A-Za-z0-9._%+-]*[A-Za-z0-9_])? ?@ ?(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)"
    r"+[A-Za-z]{2,}"
)
_SPELT_AT = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+-]{0,60} ?[\[({（【] ?(?:at|AT|At) ?[\])}）】] ?[A-Za-z0-9-]+"
                       r"(?:(?:\.| ?[\[({（【] ?(?:dot|DOT|Dot) ?[\])}）】] ?)[A-Za-z0-9-]+)+")  # fmt: skip
_AT_SIGN = re.compile("@")
_AT_WORD = re.compile(r"[\[({（【] ?(?:at|AT|At) ?[\])}）】]")
_CITIZEN_CUE = re.compile(r"(?:证|身份|ID|公民)[^0-9]{0,12}$")
_DATE_LIKE = re.compile(r"(?:19|20)[0-9]{2}(?:[-/.][0-9]{1,2}){0,2}|[0-9]{1,2}[-/.][0-9]{1,2}(?:[-/.][0-9]{2,4})?")
_NUMBER_CUE = re.compile(r"号|#|\b(?:id|no|number|mrn|ssn)\b", re.I)
_SHORT_NUMBER = re.compile(r"分机|内线|短号|热线|\b(?:ext|pager|page|beeper|bleep)", re.I)
_MEASURE = re.compile(r"[0-9.]+(?:mg|ml|mL|kg|cm|mm|g|h|min|bpm|mmHg|U|IU|ug|mcg)(?:/.*)?")
_TOKEN = re.compile(r"[0-9*][0-9A-Za-z*-]{2,}")
_JOINED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_*-./")
_VALUE = re.compile(r"[0-9A-Za-z*_](?:[0-9A-Za-z*_]|[-./:](?=[0-9A-Za-z*]))*")
_SPACED = re.compile(r"[0-9A-Za-z*]+(?:[ -](?!(?:19|20)[0-9]{2} ?[-./年])[0-9*]{2,}[0-9A-Za-z*]*){0,6}")
_PLATE_VALUE = re.compile(r"(?=[A-Z0-9 -]*[0-9])(?:[A-Z]{2}[ :]{1,2})?[A-Z0-9]{1,4}(?:[ -·•][A-Z0-9]{1,5}){0,2}(?![A-Za-z0-9])")
# What a text around a number must hold for each pattern: to look for it is quicker than to try them all.
_PHONES_HOLD = (("0",), ("00",), ("",), ("44",), ("555-",), ("07",), ("0",), ("+", "00"))
_SHAPES = (*(("PHONE", *both) for both in zip(_PHONES_HOLD, _PHONES, strict=True)), ("ID", ("-", " "), _SOCIAL))


def find_numbers(text: str, chinese: bool) -> Iterator[Span]:
    """text: folded. Everything but dates, in no order."""
    yield from _around(_AT_SIGN, _AT, text, "EMAIL")
    yield from _around(_AT_WORD, _SPELT_AT, text, "EMAIL")
    for match in _LONG.finditer(text):
        yield from _of_groups(text, match.start(), match.end())
        begin, stop = max(0, match.start() - 2), min(len(text), match.end() + 24)
        around = text[begin:stop]
        for kind, signs, pattern in _SHAPES:
            if signs[0] in around or signs[-1] in around:
                for shape in pattern.finditer(text, begin, stop):
                    yield Span(*_without_bracket(text, *shape.span()), kind)
    for match in _LETTER_FIRST.finditer(text):
        if match.lastgroup == "REGISTRATION":
            if (cue := cue_before(text, match.start())) and cue.type == "PLATE":
                yield Span(match.start(), match.end(), "PLATE")
        elif match.lastgroup != "BANK" or len(match.group()) >= 15 and iban(match.group().replace(" ", "")):
            yield Span(match.start(), match.end(), match.lastgroup or "ID")
    for match in _LETTERED.finditer(text):
        start = match.start() - 2 if text[match.start() - 2 : match.start()] in ("1-", "1 ", "1.") else match.start()
        yield Span(start, match.end(), "PHONE")
    yield from _cued(text)
    if chinese:
        yield from (Span(match.start(), match.end(), "PLATE") for match in _PLATE.finditer(text))
        yield from (Span(match.start(), match.end(), "PHONE") for match in _SPOKEN.finditer(text))


def _around(anchor: re.Pattern[str], pattern: re.Pattern[str], text: str, kind: str) -> Iterator[Span]:
    """Of `pattern`, which may be slow, near the anchors only."""
    for place in anchor.finditer(text):
        for match in pattern.finditer(text, max(0, place.start() - 70), min(len(text), place.end() + 90)):
            yield Span(match.start(), match.end(), kind)


def _without_bracket(text: str, start: int, end: int) -> tuple[int, int]:
    """An opening bracket that closes behind the span is not of it, and the other way round."""
    value = text[start:end]
    if value[0] in "(（" and not re.search("[)）]", value):
        start += 1
    elif value[-1] in ")）" and not re.search("[(（]", value):
        end -= 1
    return start, end


def _of_groups(text: str, start: int, end: int) -> Iterator[Span]:
    """Groups of digits that are one number when read together: citizens' numbers, mobile phones, bank cards."""
    groups = [(match.start(), match.end()) for match in _GROUP.finditer(text, start, end)]
    if groups[0][0] and text[groups[0][0] - 1].isascii() and text[groups[0][0] - 1].isalpha():
        groups = groups[1:]
    for first in range(len(groups)):
        joined = ""
        for last in range(first, min(first + 7, len(groups))):
            if last > first and groups[last][0] - groups[last - 1][1] > 1 + (text[groups[last][0] - 2 : groups[last][0]] == ") "):
                break
            joined += text[groups[last][0] : groups[last][1]]
            span = _one_number(text, joined, groups[first][0], groups[last][1]) if len(joined) >= 11 else None
            shortest = min((end - start for start, end in groups[first:last]), default=9)
            if span and shortest >= (3 if span.type in ("PHONE", "ID") else 4):
                yield span


def _one_number(text: str, digits: str, start: int, end: int) -> Span | None:
    if text[end : end + 1].isalnum() and text[end].isascii():
        return None
    if _MOBILE.fullmatch(digits):
        prefix = _MOBILE_PREFIX.search(text, max(0, start - 8), start)
        return Span(prefix.start() if prefix else start, end, "PHONE")
    if len(digits) == 18 and _CITIZEN.fullmatch(digits):
        cued = not luhn_card(digits) and _CITIZEN_CUE.search(text, max(0, start - 20), start)
        if citizen(digits) or cued:
            return Span(start, end, "ID")
    if luhn_card(digits):
        return Span(start, end, "BANK")
    if _OLD_CITIZEN.fullmatch(digits) or _MASKED_CITIZEN.fullmatch(digits) and len(digits) in (15, 18):
        return Span(start, end, "ID")
    return None


def luhn_card(digits: str) -> bool:
    return bool(_CARD.fullmatch(digits)) and luhn(digits)


def _cued(text: str) -> Iterator[Span]:
    """Values after words such as 住院号 and MRN."""
    for match in _TOKEN.finditer(text):
        start = match.start()
        while start and text[start - 1] in _JOINED and match.start() - start < 24:
            start -= 1
        while start < match.start() and text[start] in "./-_":
            start += 1
        if cue := cue_before(text, start):
            kind = cue.type
            if kind == "BANK" and not _ENDING.search(cue.written) and not _account(text, start):
                kind = "MRN"  # the card that a clinic gives
            end = _end_of_value(text, start, kind)
            if end >= match.end() and _fits(kind, text[start:end], cue.written):
                yield Span(start, end, kind)


_ENDING = re.compile(
    r"尾号|ending|银行|储蓄|信用|借记|账|帐|\b(?:bank|debit|credit|visa|mastercard|amex|iban|routing|sort|account)", re.I
)
_ACCOUNT = re.compile(
    r"(?:[0-9*]{12,19}|[0-9*]{4}(?:[ -][0-9*]{4}){2,4}(?:[ -]?[0-9*]{1,3})?|[0-9]{4}[ -][0-9]{6}[ -][0-9]{5})(?![0-9A-Za-z])"
)


def _account(text: str, start: int) -> bool:
    """Digits enough for an account, in one value."""
    return bool(_ACCOUNT.match(text, start))


def _end_of_value(text: str, start: int, kind: str) -> int:
    pattern = _PLATE_VALUE if kind == "PLATE" else _SPACED if kind in ("ID", "BANK", "PHONE") else _VALUE
    match = pattern.match(text, start)
    plain = _VALUE.match(text, start)
    return max(match.end() if match else start, plain.end() if plain else start)


def _fits(kind: str, value: str, cue: str) -> bool:
    digits = sum(character.isdecimal() or character == "*" for character in value)
    if kind == "PHONE":
        least = 3 if _SHORT_NUMBER.search(cue) else 5 if re.search("[:：]", cue) else 7
        return least <= digits <= 15 and not re.search("[A-WYZa-wyz]", value)
    if kind == "BANK":
        return digits >= 4
    if kind == "PLATE":
        return 2 <= digits and len(value) <= 12
    if _DATE_LIKE.fullmatch(value) and not _NUMBER_CUE.search(cue):
        return False
    return digits >= 3 and not _MEASURE.fullmatch(value)

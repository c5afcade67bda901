"""Numbers that identify somebody by their shape or check digit, whatever stands before them.

Cheap anchors first: only where digits stand is anything looked for.
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
TOLL_FREE = re.compile(
    r"(?:1[-. ]?\(?8(?:00|33|44|55|66|77|88)\)?[-. ]?|8(?:00|33|44|55|66|77|88)[-. ])"
    r"[2-9][0-9]{2}[-. ]?[0-9]{4}(?![0-9A-Za-z])"
)
_SPOKEN = re.compile(
    r"[一幺](?:[〇零○一幺二两三四五六七八九][ -]?){9}[〇零○一幺二两三四五六七八九](?![〇零一二三四五六七八九十])"
)
_SOCIAL = re.compile(r"(?<![0-9A-Za-z-])(?:[0-9]{3}([- ])[0-9]{2}\1[0-9]{4})(?![0-9A-Za-z-])")
_LETTER_FIRST = re.compile(
    r"[A-Z](?<![A-Za-z0-9][A-Z])(?:[A-Z]?[0-9]{6} ?[(（][0-9A][)）]"  # Hong Kong identity card
    # British national insurance, whose prefixes hold no D, F, I, Q, U, V
    r"|(?<=[A-CEGHJ-PRSTW-Z])[A-CEGHJ-NPRSTW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D](?![A-Za-z0-9])"
    r"|(?P<REGISTRATION>[A-Z][0-9]{2} ?[A-Z]{3}(?![A-Za-z0-9]))"
    r"|(?P<BANK>[A-Z][0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?)(?![A-Za-z0-9]|-[0-9])"  # IBAN
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
_LISTED = re.compile("[:：]$")
_CITIZEN_CUE = re.compile(r"(?:证|身份|ID|公民)[^0-9]{0,12}$")
_WECHAT = re.compile(r"微信(?:同?号|ID|联系)?[:：是 ]{0,2}([A-Za-z][A-Za-z0-9_-]{5,19})(?![A-Za-z0-9@])")
_MILITARY = re.compile("字(?<=[一-鿿]字)第 ?[0-9]{5,9} ?号?")
_BENEFICIARY = re.compile(  # of Medicare
    r"[1-9](?<![0-9A-Za-z-].)[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9][- ]?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9][0-9][- ]?"
    r"[AC-HJKMNP-RT-Y]{2}[0-9]{2}(?![0-9A-Za-z])"
)
# What a text around a number must hold for each pattern: to look for it is quicker than to try them all.
_PHONES_HOLD = (("0",), ("00",), ("",), ("44",), ("555-",), ("07",), ("0",), ("+", "00"))
_SHAPES = (*(("PHONE", *both) for both in zip(_PHONES_HOLD, _PHONES, strict=True)), ("ID", ("-", " "), _SOCIAL))


def find_shapes(text: str, chinese: bool) -> Iterator[Span]:
    """text: folded. Numbers that their shape or check digit tells, in no order."""
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
    yield from (Span(match.start(), match.end(), "ID") for match in _BENEFICIARY.finditer(text))
    if chinese:
        yield from (Span(*match.span(1), "ID") for match in _WECHAT.finditer(text))
        yield from (Span(match.start(), match.end(), "ID") for match in _MILITARY.finditer(text))
        yield from (Span(match.start(), match.end(), "PLATE") for match in _PLATE.finditer(text))
        yield from (Span(match.start(), match.end(), "PHONE") for match in _SPOKEN.finditer(text))


_CARD_IN_RECORD = re.compile(  # a wrong check digit is a slip of the pen: 4-4-4-4, UnionPay, and a citizen's number by its day
    r"(?<![0-9A-Za-z-])(?:(?P<BANK>[3-6][0-9]{3}([ -])[0-9]{4}\2[0-9]{4}\2[0-9]{4}(?:\2[0-9]{1,3})?"
    r"|3[47][0-9]{2}([ -])[0-9]{6}\3[0-9]{5}"
    r"|(?:62|43|45|52|53|54|55)[0-9]{14}(?:[0-9]{2,3})?)"
    r"|(?P<ID>(?:1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]|91)[0-9]{4}(?P<gap> ?)(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])"
    r"(?:0[1-9]|[12][0-9]|3[01])(?P=gap)[0-9]{3}[0-9Xx]))(?![0-9A-Za-z-])"
)


def find_record_shapes(text: str) -> Iterator[Span]:
    """Cards and citizens' numbers of a record, text: folded, whatever their check digits are."""
    for match in _CARD_IN_RECORD.finditer(text):
        yield Span(match.start(), match.end(), "BANK" if match["BANK"] else "ID")


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
        if citizen(digits) or cued or _LISTED.search(text, max(0, start - 2), start):
            return Span(start, end, "ID")
    if luhn_card(digits):
        return Span(start, end, "BANK")
    if _OLD_CITIZEN.fullmatch(digits) or _MASKED_CITIZEN.fullmatch(digits) and len(digits) in (15, 18):
        return Span(start, end, "ID")
    return None


def luhn_card(digits: str) -> bool:
    return bool(_CARD.fullmatch(digits)) and luhn(digits)

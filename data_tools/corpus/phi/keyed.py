"""Numbers that identify somebody by the words before them: such as 住院号 and MRN in any text, keys of any words in a record."""

import re
from collections.abc import Iterator

from data_tools.corpus.phi.checks import nhs_digit
from data_tools.corpus.phi.cues import cue_before
from data_tools.corpus.phi.keys import kind_before, kind_by_place, of_thing
from data_tools.corpus.phi.numbers import TOLL_FREE, find_record_shapes, luhn_card
from data_tools.corpus.phi.spans import Span

_DATE_LIKE = re.compile(r"(?:19|20)[0-9]{2}(?:[-/.][0-9]{1,2}){0,2}|[0-9]{1,2}[-/.][0-9]{1,2}(?:[-/.][0-9]{2,4})?")
_NUMBER_CUE = re.compile(r"号|#|\b(?:id|no|number|mrn|ssn)\b", re.I)
_SHORT_NUMBER = re.compile(r"分机|内线|短号|热线|\b(?:ext|pager|pgr|page|beeper|bleep)", re.I)
_MEASURE = re.compile(r"[0-9.]+(?:mg|ml|mL|kg|cm|mm|g|h|min|bpm|mmHg|U|IU|ug|mcg)(?:/.*)?")
_TOKEN = re.compile(r"[0-9*][0-9A-Za-z*-]{2,}")
_JOINED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_*-./")
_VALUE = re.compile(r"[0-9A-Za-z*_](?:[0-9A-Za-z*_]|[-./:](?=[0-9A-Za-z*]))*")
_SPACED = re.compile(r"[0-9A-Za-z*]+(?:[ -](?!(?:19|20)[0-9]{2} ?[-./年])[0-9*]{2,}[0-9A-Za-z*]*){0,6}")
_KEY_JOINED = re.compile("(?:PAT|P|E|U)?ID(?=[0-9])|(?i:TEL|PHONE|MOB|FAX|PATID|MRN|SSN|NO|ACC|QQ)(?=[0-9+(])")
_YEAR_OF_LAB = re.compile(r"(?<![0-9A-Za-z:])([0-9]{2}):$")
_ACCOUNT_ABROAD = re.compile(  # IBAN, whatever its check digits are
    r"(?:GB|IE|NL)(?<![0-9A-Za-z]..)[0-9]{2} ?[A-Z]{4}(?: ?[0-9]{2,4}){3,5}(?![0-9A-Za-z])"
    r"|(?:DE|FR|ES|IT|PL|AT|BE|CH|PT|SE|NO|DK|FI)(?<![0-9A-Za-z]..)[0-9]{2}(?: ?[0-9A-Z]{4}){3,6}(?: ?[0-9]{1,3})?(?![0-9A-Za-z])"
)
_SHORT_VALUE = re.compile(r"[0-9]{3,5}(?= )")
_GROUPED = re.compile(r"[0-9]{3}([ -])[0-9]{2,3}\1[0-9]{2,4}(?![0-9A-Za-z-])")
_CARD_KEY = re.compile(r"(?:卡号?|\b[Cc]ard|CARD)[^0-9\n]{0,4}$")
_HEALTH = re.compile(r"[0-9]{3}([ -]?)[0-9]{3}\1[0-9]{4}(?![0-9A-Za-z-])")
_BRITISH = re.compile(
    r"\b(?:NHS|GP|SHO|CHI|FY[12]|ST[1-8]|CT[12]|mane|nocte|registrar|[A-Z]{1,2}[0-9][A-Z0-9]? [0-9][A-Z]{2})\b|A&E|Infirmary"
)
_DAY = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_HEADED = re.compile(r"(?:[号码#:：]|(?i:\bno\.?|\bid|number|ref)) ?$")
_LETTER = re.compile("[A-WYZa-wyz]")
_UNIT_AFTER = re.compile(
    r" ?(?:[$£€]|pg|PG|NG|MG|U/L|mg|ml|mL|mcg|kg|cm|mm|mmHg|%|IU|copies|cells|/[a-zµμ]|[x×*]10|元|岁|次|天|周|小时)(?![A-Za-z])"
)
_FULL_DATE = re.compile(r"(?:19|20)[0-9]{2}[-/.年][0-9]{1,2}[-/.月][0-9]{1,2}日?|[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:19|20)[0-9]{2}"
                        r"|[0-9]{1,2}-[A-Za-z]{3}-[0-9]{2,4}")  # fmt: skip
_PLATE_VALUE = re.compile(r"(?=[A-Z0-9 -]*[0-9])(?:[A-Z]{2}[ :]{1,2})?[A-Z0-9]{1,4}(?:[ -·•][A-Z0-9]{1,5}){0,2}(?![A-Za-z0-9])")
_ENDING = re.compile(
    r"尾号|ending|银行|储蓄|信用|借记|账|帐|\b(?:bank|debit|credit|visa|mastercard|amex|iban|routing|sort|account)", re.I
)
_ACCOUNT = re.compile(
    r"(?:[0-9*]{12,19}|[0-9*]{4}(?:[ -][0-9*]{4}){2,4}(?:[ -]?[0-9*]{1,3})?|[0-9]{4}[ -][0-9]{6}[ -][0-9]{5})(?![0-9A-Za-z])"
)


def find_cued(text: str) -> Iterator[Span]:
    """Values after words such as 住院号 and MRN, in any text."""
    for match in _TOKEN.finditer(text):
        if span := _cued(text, _begin_of_value(text, match.start()), match.end()):
            yield span


def find_keyed(text: str, chinese: bool) -> Iterator[Span]:
    """Values after keys of any words, in a record; those of type "thing" are no person's, whatever they look like."""
    account = -1  # where the last one ends
    for match in _TOKEN.finditer(text):
        start = _begin_of_value(text, match.start())
        kind = "BANK" if text[max(0, start - 3) : start] == " / " and account == start - 3 else kind_before(text, start, chinese)
        if kind != "PHONE" and (health := _HEALTH.match(text, match.start())) and british(health.group(), text):
            yield Span(*health.span(), "ID")
            continue
        if kind in ("ID", "MRN") and TOLL_FREE.match(text, start):
            kind = "PHONE"
        if kind is None:
            if span := _cued(text, start, match.end()):
                yield span
            elif (value := _VALUE.match(text, start)) and (place := kind_by_place(text, start, value.end(), chinese)):
                yield Span(start, value.end(), place)
            continue
        if kind in ("MRN", "ID") and _CARD_KEY.search(text, max(0, start - 12), start) and _is_card(text, start, kind):
            kind = "BANK"
        end = _end_of_value(text, start, kind)
        if kind == "MRN" and (
            of_thing(text, start) or _DAY.fullmatch(text, start, end) and not _HEADED.search(text, max(0, start - 9), start)
        ):
            continue  # Study 20230621
        if kind == "thing" or end >= match.end() and _is_value(text, start, end, kind):
            account = end if kind == "BANK" else account
            yield Span(start, end, kind)
    yield from (Span(match.start(), match.end(), "BANK") for match in _ACCOUNT_ABROAD.finditer(text))
    yield from find_record_shapes(text)


def british(number: str, text: str) -> bool:
    """A number of the British health service: its check digit is right, in a note that is British."""
    digits = number.replace(" ", "").replace("-", "")
    return nhs_digit(digits[:9]) == digits[9] and bool(_BRITISH.search(text))


def _is_card(text: str, start: int, kind: str) -> bool:
    """An account's number, of a length that no other card has; of a card of an insurance only with a right check digit."""
    account = _ACCOUNT.match(text, start)
    digits = account.group().replace(" ", "").replace("-", "") if account else ""
    return len(digits) >= 15 and (kind == "MRN" or luhn_card(digits))


def _is_value(text: str, start: int, end: int, kind: str) -> bool:
    value = text[start:end]
    digits = sum(character.isdecimal() or character == "*" for character in value)
    if _MEASURE.fullmatch(value) or _UNIT_AFTER.match(text, end):
        return False
    if kind == "PHONE":
        least = 3 if _SHORT_NUMBER.search(text, max(0, start - 16), start) else 7
        return least <= digits <= 15 and not _LETTER.search(value) and not _FULL_DATE.match(value)
    if kind == "PLATE":
        return digits >= 2 and len(value) <= 12
    return digits >= 4 and not _FULL_DATE.fullmatch(value) and not (text[end : end + 1] == "年" and len(value) == 4)


def _begin_of_value(text: str, digits: int) -> int:
    """Where the value begins that holds the digits at `digits`: letters before them, and the year of 21:H9849288, are of it."""
    start = digits
    while start and text[start - 1] in _JOINED and digits - start < 24:
        start -= 1
    while start < digits and text[start] in "./-_":
        start += 1
    joined = _KEY_JOINED.match(text, start)
    if joined and joined.end() <= digits:
        start = joined.end()  # TEL13800012345, 就诊IDA22-19200
    after_colon = text[start - 1 : start] == ":" and text[start].isalpha()
    year = _YEAR_OF_LAB.search(text, max(0, start - 4), start) if after_colon else None
    return year.start(1) if year else start


def _cued(text: str, start: int, stop: int) -> Span | None:
    """The value at `start`, which has digits up to `stop` at least, where a word says what it is."""
    cue = cue_before(text, start)
    if not cue:
        return None
    kind = "PHONE" if TOLL_FREE.match(text, start) else cue.type  # call Social Security at 1-800-772-1213
    if kind == "BANK" and not _ENDING.search(cue.written) and not _account(text, start):
        kind = "MRN"  # the card that a clinic gives
    end = _end_of_value(text, start, kind)
    return Span(start, end, kind) if end >= stop and _fits(kind, text[start:end], cue.written) else None


def _account(text: str, start: int) -> bool:
    """Digits enough for an account, in one value."""
    return bool(_ACCOUNT.match(text, start))


def _end_of_value(text: str, start: int, kind: str) -> int:
    if kind == "PHONE" and (short := _SHORT_VALUE.match(text, start)) and _SHORT_NUMBER.search(text, max(0, start - 12), start):
        return short.end()
    if kind == "MRN" and (grouped := _GROUPED.match(text, start)):
        return grouped.end()
    pattern = _PLATE_VALUE if kind == "PLATE" else _SPACED if kind in ("ID", "BANK", "PHONE") else _VALUE
    match = pattern.match(text, start)
    plain = _VALUE.match(text, start)
    return max(match.end() if match else start, plain.end() if plain else start)


def _fits(kind: str, value: str, cue: str) -> bool:
    digits = sum(character.isdecimal() or character == "*" for character in value)
    if kind == "PHONE":
        least = 3 if _SHORT_NUMBER.search(cue) else 5 if re.search("[:：]", cue) else 7
        return least <= digits <= 15 and not re.search("[A-WYZa-wyz]", value) and not _FULL_DATE.match(value)
    if kind == "BANK":
        return digits >= 4
    if kind == "PLATE":
        return 2 <= digits and len(value) <= 12
    if _DATE_LIKE.fullmatch(value) and not _NUMBER_CUE.search(cue):
        return False
    return digits >= 3 and not _MEASURE.fullmatch(value)

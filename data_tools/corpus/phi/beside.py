"""Numbers in records of patients that no word explains, but their place: beside a name or a number, at a line's head."""

import re
from collections.abc import Iterable, Iterator

from data_tools.corpus.phi.keys import of_thing, reached
from data_tools.corpus.phi.spans import Span

_EXTENSION = r"(?:,?\s?(?:[xX]|[Ee]xt\.?|EXT\.?|转|分机) ?[0-9]{2,5})?"
_CODE = (
    r"(?:[A-Za-z]{1,4}-?[0-9]{2,}(?:[-/][0-9]{1,8}){0,2}|[0-9]{2}[A-Z]{1,2}-?[0-9]{4,7}"
    r"|[0-9]{3}-[0-9]{3}|[0-9]{2,3}[- ][0-9]{2,3}[- ][0-9]{2,3}|[0-9]{2,4}-[0-9]{4,8}|[0-9]{5,14}"
    r"(?:-[0-9]{1,4})?)(?![0-9A-Za-z])(?!\.[0-9])"
)
_PHONE = (
    r"(?:(?:\+?1[-. ]?)?\(?[2-9][0-9]{2}\)?[-. /]{0,2}[2-9][0-9]{2}[-. ]?[0-9]{4}|[0-9]{3}-[0-9]{4}"
    r"|[2-9][0-9]{6,7}(?:-[0-9]{3,4})?"
    r"|0[1-9][0-9]{8,9}|1[3-9][0-9](?:[- ]?[0-9]{4}){2}|0[1-9][0-9]{1,2}[- ][2-9][0-9]{6,7}(?:-[0-9]{3,4})?"
    r"|\+[0-9]{1,3}[- ][0-9 -]{7,14}[0-9])(?![0-9A-Za-z])" + _EXTENSION
)
_TITLE = r"(?:,? (?:MD|M\.D\.|DO|RN|NP|PA|FY1|FY2|ST[1-8]|PGY-?[1-7]|CNM|SpR|SHO))?"
_ROLE = r"(?:,? ?[(（][A-Za-z ]{2,20}[)）])?"
_PAGER = re.compile(
    rf"{_TITLE}[ :] ?([0-9]{{3,5}}|[0-9]{{3}}-[0-9]{{4}})(?![0-9A-Za-z-])(?! ?(?:[MFmf]\b|yo?\b|y/o|kg|mg|cm|am|pm|hrs))"
)
_ON_CALL = re.compile(r"(?:[Oo]n call|ON CALL|[Pp]ager|[Bb]leep|[Pp]age)[^\n]{0,60}$")
_AFTER_NAME_PHONE = re.compile(rf"{_ROLE}(?:[,，:：]? ?|[(（]|\s)({_PHONE})")
_AFTER_NAME_CODE = re.compile(
    rf"(?:(?: ?[/–-] ?|[ ,，　]{{0,3}})[(（]?(?:[男女][ ，,　]?)?"
    rf"(?:[0-9]{{1,3}} ?(?:岁|[MF]) ?)?[(（#]?|\s)[#(（]?(?P<value>{_CODE})"
)
_BEFORE_NAME_CODE = re.compile(rf"(?:^|\n|[ 　])(?P<value>{_CODE})[ 　]{{0,3}}$")
_SURER = frozenset(("PHONE", "DATE", "ID", "BANK", "EMAIL", "ADDRESS", "PLATE"))
_ALONE = re.compile(
    r"(?P<value>[A-Z0-9](?<!\S[A-Z0-9])(?:(?<=[A-Z])[A-Z]?[0-9]{6,10}|(?<=[0-9])[0-9]{5,9}(?:-[0-9])?"
    r"|(?:(?<=C)[TR]|(?<=[MDX])R|(?<=[UE])S)-?[0-9]{6,12}(?:-[0-9]{1,4})?))(?!\S)"
)
_HASH = re.compile(rf"#(?P<value>{_CODE})")
_NEXT_CODE = re.compile(rf"[ ,]{{1,3}}(?P<value>{_CODE})")
_HEAD = re.compile(
    r"(?:(?:^|\n)(?P<caps>(?:[A-Z]{2,}[ :]{1,3}){1,4})|(?i:\b(?:sample|specimen|slide|block|cassette|prf|accn|study|case"
    r"|cytology|histology|prior|incident|job|visit|file|order|lab|report)(?: (?:no|number|#)\.?)?:?\s{1,3}))"
    rf"(?P<value>{_CODE})"
)
_SPACED_MRN = re.compile(
    r"(?i:\b(?:mrn?|medical record(?: number| no\.?)?|hosp(?:ital)? (?:no|number|num)\.?|record (?:no|number)\.?"
    r"|unit (?:no|number)\.?|mr#)\s{0,2}[:#]{0,2}\s{0,3})"
    r"([0-9]{3}[ -][0-9]{2,3}[ -][0-9]{2,3})(?![0-9])"
)
_PLATE_WORD = re.compile(
    r"(?i:\b(?:plates?|vehicle|veh|blocking|obstructing|ride|van|car|truck|taxi|cab|suv|sedan|parking|parked|park|drove"
    r"|drives?|permit|placard"
    r"|valet|passenger|driver|auto|automobile|reg|registration"
    r"|tag|tow(?:ed)?|moto(?:r|rcycle|rbike)?|bus|pickup|(?:parking|ed|hospital) lot|garage)\b)(?:[^.;]|(?i:no|reg|lic"
    r"|st)\.){0,40}$"
)
_PLATE = re.compile(
    r"(?<![0-9A-Za-z/-])(?:[A-Z]{3}[- ]?[0-9]{3,4}|[0-9]{3}[- ]?[A-Z]{3}|[0-9][A-Z]{2}[- ]?[0-9]{3}"
    r"|[0-9][A-Z]{3}[- ]?[0-9]{2,3}|[A-Z]{2}[- ]?[0-9]{4,5}|[A-Z][0-9]{2}[- ]?[A-Z]{3}"
    r"|[A-Z]{2}[0-9]{2} ?[A-Z]{3}|[A-Z]{3}[- ]?[0-9][A-Z][0-9]{2}|[0-9]{4} ?[A-Z]{2,3}|[A-Z]{1,2}[0-9]{1,3}[ -]?[A-Z]{1,3}"
    r"|[0-9]{2}[A-Z][- ]?[0-9]{3,4})(?![0-9A-Za-z/-])"
)
_WORD_AND_NUMBER = re.compile("[A-Z]{2,4}[- ]?[0-9]{3,5}")
_LETTERS = re.compile("[A-Z]+")
_NO_PLATE = frozenset(  # letters beside numbers in notes
    (
        "RN MD DO NP PA EMT LOT HIM HER THE AND AT ON IN BP HR RR CT MR ED ICU ER OR BED RM ROOM MG ML MCG KG CM MM BMI "
        "PT PTS POD HD DAY WBC HGB PLT NA CL BUN CR GLU INR PTT TSH LDL HDL EF PO IV IM SQ PRN BID TID QID QD QHS HS AC "
        "PC ICD CPT NDC EXT PGR TEL FAX CO FOR HAS HAD WAS NOT SHE HIS PER TO OF BY IS AM PM MIN HRS YRS YO MRN DOB SSN "
        "NPI DEA REF ID NO UNIT CC FT LB LBS OZ "
    ).split()
)
_SURE_PLATE = re.compile(r"(?<![0-9A-Za-z/-])(?:[0-9][A-Z]{3}[0-9]{3}|[A-Z]{2}[0-9]{2} ?[A-Z]{3})(?![0-9A-Za-z/-])")
_PHONE_THEN = re.compile(r"[,;]? {1,2}$")
_LOCAL_PHONE = re.compile(rf"(?<![0-9A-Za-z/.#-])[2-9][0-9]{{2}}-[0-9]{{4}}(?![0-9A-WYZa-wyz-]){_EXTENSION}")
_TEN = re.compile(rf"(?<![0-9A-Za-z/.#-])(?:[2-9][0-9]{{2}}[2-9][0-9]{{6}}|0[1-37][0-9]{{8,9}})(?![0-9A-WYZa-wyz-]){_EXTENSION}")
_LOCAL_CHINESE = re.compile(r"(?<![0-9A-Za-z-])[2-9][0-9]{6,7}(?:-[0-9]{3,4}| ?转 ?[0-9]{3,5})(?![0-9A-Za-z-])")
_ABROAD = re.compile(r"(?<![0-9A-Za-z/.#-])(?:011|00)[- ][0-9]{1,3}(?:[- ][0-9]{1,8}){1,4}(?![0-9A-Za-z])")
_PHONE_WORD = re.compile(r"(?i:(?:pager|page|bleep|cell|tel|phone|fax|ext|call|at|or|mobile|contact|电话|手机|号码)\.?[:：]? ?)$")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}|[0-9]{1,2}[-/][0-9]{1,2}(?:[-/][0-9]{2,4})?")
_MEASURE = re.compile(r" ?(?:copies|COPIES|cells|mg|ml|mL|kg|g/|cm|mm|mcg|%|/(?! )|x ?10|岁|次|天|周|月|年|小时|分)")
_GENE = re.compile(
    r"(?:BRCA|TP|MSH|MLH|KRAS|EGFR|JAK|HER|CD|HLA|FMR|CYP|ALK|BRAF|PDL|PD|CA|COVID|H[0-9]N|T[1-4]N|SARS|MYH|COL|TNF|IL|HPV"
    r"|ASA|FIO|SPO|G[0-9]P|NG|M[0-9]{2}$|B[0-9]{1,2}$|C[0-9]{1,2}$|L[0-9]$|S[0-9]$|PHQ|GAD|ICD|CKD|GCS)(?![A-Za-z])"
)


def find_beside(upper: str, names: Iterable[Span], found: Iterable[Span], chinese: bool) -> Iterator[Span]:
    """upper: text of a record, folded, in capitals where the note is in small letters; names and found: what is known of it."""
    days = {place for span in found if span.type == "DATE" for place in range(span.start, span.end)}
    taken = {place for span in found if span.type in _SURER for place in range(span.start, span.end)}
    houses = {span.start for span in found if span.type == "HOSPITAL"}
    for span in _candidates(upper, names, found, chinese):
        if span.type == "MRN" and upper[span.end : span.end + 1] == "\n" and span.end + 1 in houses:
            span = span._replace(type="ID")  # of who signs, above the practice of the stamp
        if (days if span.type != "MRN" else taken).isdisjoint(range(span.start, span.end)):
            yield span
            taken.update(range(span.start, span.end) if span.type == "PHONE" else ())
    for match in _ALONE.finditer(upper):
        if _is_code(upper, match) and taken.isdisjoint(range(*match.span("value"))):
            yield Span(*match.span("value"), "MRN")


def _candidates(upper: str, names: Iterable[Span], found: Iterable[Span], chinese: bool) -> Iterator[Span]:
    coded = [span for match in _heads(upper) for span in _with_next(upper, match)]
    coded += [Span(match.start(1), match.end(1), "MRN") for match in _SPACED_MRN.finditer(upper)]
    yield from coded
    places = {place for span in coded for place in range(span.start, span.end)}
    for pattern in (_LOCAL_PHONE, _LOCAL_CHINESE, _ABROAD) if chinese else (_LOCAL_PHONE, _LOCAL_CHINESE, _TEN, _ABROAD):
        yield from (Span(match.start(), match.end(), "PHONE") for match in pattern.finditer(upper) if match.start() not in places)
    for name in names:
        yield from _after_name(upper, name, chinese)
        before = _BEFORE_NAME_CODE.search(upper, max(0, name.start - 24), name.start)
        if (
            before
            and _is_code(upper, before)
            and not _PHONE_WORD.search(upper, max(0, before.start("value") - 10), before.start("value"))
        ):
            yield Span(*before.span("value"), "MRN")
    yield from _plates(upper, {span.end for span in found if span.type == "PHONE"})


def _heads(upper: str) -> Iterator[re.Match[str]]:
    """#123456, SPECIMEN S15-72723."""
    for pattern in (_HASH, _HEAD):
        for match in pattern.finditer(upper):
            if _is_code(upper, match) and not (match.groupdict().get("caps") and _PHONE_WORD.search(match["caps"])):
                yield match


def _plates(upper: str, phones: set[int]) -> Iterator[Span]:
    for match in _PLATE.finditer(upper):
        start = match.start()
        letters = _LETTERS.findall(match.group())
        if letters[0] in _NO_PLATE and _WORD_AND_NUMBER.fullmatch(match.group()):
            continue
        gap = _PHONE_THEN.search(upper, max(0, start - 3), start)
        if (
            _SURE_PLATE.fullmatch(match.group())
            or _PLATE_WORD.search(upper, max(0, start - 60), start)
            or (gap and gap.start() in phones)
        ):
            yield Span(start, match.end(), "PLATE")


def _after_name(text: str, name: Span, chinese: bool) -> Iterator[Span]:
    pager = _PAGER.match(text, name.end)
    if pager and (
        pager.group()[0:1] in " ,"
        and re.search("FY|ST|PGY|SHO|SpR", pager.group())
        or _ON_CALL.search(text, max(0, name.start - 70), name.start)
    ):
        yield Span(pager.start(1), pager.end(1), "PHONE")
        return
    phone = _AFTER_NAME_PHONE.match(text, name.end)
    code = _AFTER_NAME_CODE.match(text, name.end)
    if phone and chinese and phone[1].isdecimal() and (len(phone[1]) == 10 or reached(text, phone.start(1)) == "MRN"):
        phone = None
    if (
        phone
        and not (code and code.end() > phone.end())
        and (
            re.search(r"[-.() +/]", phone[1])
            or phone.group()[0] in ",，"
            or len(phone[1]) in (10, 11)
            or len(phone[1]) == 7
            and text[name.start] > "\u2e80"
        )
    ):
        yield Span(phone.start(1), phone.end(1), "PHONE")
    elif code and _is_code(text, code):
        yield from _of_staff(text, name, code) or _with_next(text, code)
    elif badge := _BADGE.match(text, name.end):
        yield from _of_staff(text, name, badge)


_STAFF_BEFORE = re.compile(  # 经办：卢悦（N13361）, DISP ZR #17-8264
    r"(?:经办|操作|录入|收费|窗口|柜员|护[士工]|医[生师护]|技师|药师|[核调]对|审[核方]|调配|发药|接[诊警待]|民警|专员|助产士|调查员|随访员|评估[员人]"
    r"|工作人员|记录|值班|窗口|坐席)[者人员A-Z]?[：: ]{0,2}$"
    r"|\b(?i:amhp|disp(?:atcher)?|officer|ofc|clerk|agent|teller|operator|technician|vaccinator|prescriber|pharmacist"
    r"|dispensed by"
    r"|taken by|entered by|examiner|trooper|deputy)[.:]? (?:[A-Z]{2} )?$"
)
_STAFF_CODE = re.compile("[A-Za-z]{0,2}-?[0-9]{2,7}(?:-[0-9]{2,5})?")


def _of_staff(text: str, name: Span, code: re.Match[str]) -> list[Span]:
    """A short number beside whoever works there is that person's."""
    staff = _STAFF_BEFORE.search(text, max(0, name.start - 14), name.start)
    return [Span(*code.span("value"), "ID")] if staff and _STAFF_CODE.fullmatch(code["value"]) else []


_BADGE = re.compile(r"[（(](?P<value>[A-Z]?[0-9]{4,6})[)）]")


def _with_next(text: str, code: re.Match[str]) -> Iterator[Span]:
    yield Span(*code.span("value"), "MRN")
    following = _NEXT_CODE.match(text, code.end("value"))
    if following and _is_code(text, following):
        yield Span(*following.span("value"), "MRN")


def _is_code(text: str, match: re.Match[str]) -> bool:
    """No date, measure or gene, and long enough to tell one patient from another."""
    value, end = match["value"], match.end("value")
    if of_thing(text, match.start("value")):
        return False
    digits = sum(character.isdigit() for character in value)
    return (
        digits >= 5 and not _YEAR.fullmatch(value) and not _MEASURE.match(text, end) and not (digits < 6 and _GENE.match(value))
    )

"""Days without years and with a time directly behind, as records of patients have them."""

import re
from collections.abc import Iterator

from data_tools.corpus.phi.dates import NAMED
from data_tools.corpus.phi.spans import Span

_TIME_JOINED = re.compile(
    r"(?<![0-9A-Za-z/.-])(?:(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?=(?:[01]?[0-9]|2[0-3])[:：][0-5])"
    r"|(?:19|20)[0-9]{2}([-/.])(?:0?[1-9]|1[0-2])\1(?:0[1-9]|[12][0-9]|3[01]|[1-9])(?=(?:[01]?[0-9]"
    r"|2[0-3]) ?[:：时点][0-5]?[0-9]?))"
)
_PADDED = re.compile(
    r"(?<![0-9A-Za-z./×xX*~-])(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])(?![0-9./~×xX*%-]"
    r"| ?(?:[天周次月岁年级分片粒个度mc小ml]|例|cm|mm))"
)
# 3/15复查, at the head of a line 03.15: in Chinese; no share, no grade
_CHINESE_PARTIAL = re.compile(
    r"(?:(?<=[\n，。；,;（( \u3000于自从至到：:])|^)([1-9]|0[1-9]|1[0-2])/(0?[7-9]|[12][0-9]|3[01])"
    r"(?![0-9/.%~×+-]| ?(?:[级分片杯张次象岁度个粒枚例天周月]|mm|cm|mg|ml|HP|LP))(?=[ \u3000\n，。；,;、:：）)]|[一-鿿]|$)"
)
_SCORED = re.compile(r"[A-Za-z]{3,} ?[:：]? ?$|[分级力] ?[:：]? ?$")
_THEN = "[ \u3000]?[入出复查行因诉予给手门来住转起晨早晚请拟患做]"
_LOOSE_CHINESE = re.compile(  # 5.6入院; 5月16 复查; 本月16日; 于16日晨
    rf"(?:1[0-2]|[1-9])(?<=[\n于自从至][1-9])[0-2]?[.-](?:[12][0-9]|3[01]|0?[1-9])(?={_THEN})"
    rf"|(?:1[0-2]|0?[1-9])(?<![0-9.][0-9])(?<![0-9.][0-9][0-9])月(?:[12][0-9]|3[01]|0?[1-9])(?=[，,。；;\n]|{_THEN}|$)"
    r"|[本上次同当](?<![与基])月(?:[12][0-9]|3[01]|0?[1-9])[日号]"
    r"|[1-9](?<=[于至自，。；;（(\n].)[0-9]?日(?=[晨上下中晚夜凌早，,。；;）)])"
)
_LUNAR = re.compile(
    "[正腊冬一二三四五六七八九十](?<!十.)[一二]?月(?:初[一二三四五六七八九十]|十[一二三四五六七八九]|二十"
    "|廿[一二三四五六七八九]|三十)"
)
_THIS_DAY = re.compile("[1-9](?<=[昨今前当次明]日[（(].)[0-9]?日")
_YEAR_MONTH = re.compile(
    r"(?<![0-9A-Za-z/-])(?<![0-9A-Za-z]\.)(?:19|20)[0-9]{2}[./-](?:0[1-9]|1[0-2])(?![0-9./%-]| ?(?:mg|ml|mm|cm|kg))"
)
_PARTIAL = re.compile(
    r"(?<![0-9A-Za-z./+-])(?:0?[1-9]|[12][0-9]|3[01])/(?:0?[1-9]|[12][0-9]|3[01]|[0-9]{2})(?![0-9A-Za-z/%]|\.[0-9]"
    r"| ?(?:mmHg|strength|pain|cm|wks?|weeks))"
)
_DAY_WORD = re.compile(
    r"(?:\b(?:on|by|from|since|until|till|through|to|in|labs|ct|mri|echo|cultures?|sputum|d/c|adm|admitted|discharged"
    r"|discharge|seen|consult|consultation"
    r"|note|visit|with|dated|f/u|due|edd|lmp|repeat \w+|colonoscopy|mammogram|pap|x-?ray|cxr|ekg|ecg|biopsy|surgery"
    r"|procedure|elective|tci|clinic|cva|mi|stroke"
    r"|given|started|stopped|drawn|collected|placed|removed|admit|appt|appointment|scan|study|school|palsy|disease"
    r"|diagnosed with [a-z' ]{3,24}|airway at [a-z' ]{2,24}|rn|md|np|pa|do|lpn|board|rtc|response|diary|log|event) ?[:]? ?"
    r"|#[0-9] )$",
    re.I,
)
_DAY_AFTER = re.compile(r"\.?[ ]([0-3]?[0-9])(?:st|nd|rd|th|ST|ND|RD|TH)?(?![0-9A-Za-z/]|[.,:][0-9])")
_AT_TIME = re.compile(r" at [0-9]| through\b| [0-2][0-9]:?[0-5][0-9](?![0-9])")
_ORDINAL = re.compile(  # on the 22nd
    r"(?<=[Tt][Hh][Ee] )(?:[12]?[0-9]|3[01])(?:st|nd|rd|th)\b(?! (?:time|day|week|month|year|rib|floor|grade|percentile|dose"
    r"|cycle|visit|child|pregnancy|cranial|nerve|toe|finger|digit|meta|inter|ventric|space|post|admission|episode|attempt"
    r"|generation|line|st\b"
    r"|street|ave|hour|degree|trimester|opinion|person|party|try|set|stage|heart|course|round|night|decade|century|one\b))",
    re.I,
)
_ORDINAL_CUE = re.compile(r"\b(?:on|from|since|until|till|by|for|before|after|through) the $", re.I)
_WEEKS = re.compile(r"[0-9]/(?:52|7|12)(?![0-9])")
_SCORES = frozenset((2, 3, 4, 5, 6, 10, 15, 30))  # of which something is a part: 4/5, 8/10, 22/30
_BEFORE_DATE = re.compile(
    r"(?:strength|power|katz|grade|murmur|pain|score|mp|acuity|va|vision|apgars?|nodes?|reflexes|dtrs?|pulses|gcs|mmse|moca"
    r"|phq-?9?"
    r"|gad-?7?|ratio|station|sats?|ros|cores?|bipap|cpap|ipap|settings|pressure|peep|stage|motor|tone|at"
    r"|[+-][0-9]?)(?: (?:of|was|is|score|exam|\d/\d))?[:,]?\s*$"
    r"|[0-9]{2}\s*$|(?<![#0-9])[0-9]\s*$",
    re.I,
)


def find_record_dates(text: str, chinese: bool) -> Iterator[Span]:
    """text: folded, of a record: days without years and with a time directly behind, as notes have them."""
    patterns = (_TIME_JOINED, _YEAR_MONTH, _PADDED, _THIS_DAY, _LOOSE_CHINESE, _LUNAR) if chinese else (_TIME_JOINED, _YEAR_MONTH)
    for pattern in patterns:
        yield from (Span(match.start(), match.end(), "DATE") for match in pattern.finditer(text))
    for match in _ORDINAL.finditer(text):
        if _ORDINAL_CUE.search(text, max(0, match.start() - 12), match.start()):
            yield Span(match.start(), match.end(), "DATE")
    for match in NAMED.finditer(text):  # labs Jan 13
        after = _DAY_AFTER.match(text, match.end())
        if after and 1 <= int(after[1]) <= 31:
            yield Span(match.start(), after.end(), "DATE")
    for match in _CHINESE_PARTIAL.finditer(text) if chinese else ():
        if int(match[1]) <= 12 and int(match[2]) <= 31 and not _SCORED.search(text, max(0, match.start() - 10), match.start()):
            yield Span(match.start(1), match.end(2), "DATE")
    for match in _PARTIAL.finditer(text) if not chinese else ():
        first, second = (int(part) for part in match.group().split("/"))
        score = second in _SCORES and (first <= second or second <= 6)
        known = not score or bool(_DAY_WORD.search(text, max(0, match.start() - 40), match.start()))
        known = known and not _WEEKS.match(text, match.start())
        if min(first, second) <= 12 and (known or _AT_TIME.match(text, match.end())):
            if not _BEFORE_DATE.search(text, max(0, match.start() - 16), match.start()):
                yield Span(match.start(), match.end(), "DATE")

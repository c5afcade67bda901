"""Days without years and with a time directly behind, as records of patients have them."""

import re
from collections.abc import Iterator

from data_tools.corpus.phi.dates import MONTHS, NAMED
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
# A shift book's days at a line's head or before a signature: 5-11白班, 1/1 褚永福 换药, 余10/4再拆, 明日(2-5)手术
_HEAD_DAY = re.compile(
    r"(?:^|(?<=\n)|(?<=[。；] )|(?<=[余于至拟约。划.])|(?<=[今明昨][日天][(（])|(?<=[后当次][日天][(（]))(?<![0-9][.])(1[0-2]"
    r"|0?[1-9])[-/](3[01]|[12][0-9]|0?[1-9])"
    r"(?![0-9/.~×%-])(?! ?(?:[次天周月岁年级分片粒个度枚例支]|mg|ml|mm|cm|小时))(?=[ \u3000]?[一-鿿)）])"
)
# 1.22外院曾诊, 计划6.17行手术
_DOTTED_DAY = re.compile(
    r"(?:^|(?<=\n)|(?<=[划于至定约自。]))(1[0-2]|0?[1-9])\.(3[01]|[12][0-9]|0?[1-9])"
    r"(?=[ \u3000]?(?:外院|我院|门诊|急诊|当地|复[查诊]|[入出转]院"
    r"|行|起|晨|夜|因|就诊|手术|拟|再|术))"
)
_SCORED = re.compile(
    r"(?:淋巴结|阳性|转移|枚|比例|拆线|LN|视力|评分|肌力|共)[ (（]{0,2}$|[A-Za-z]{3,} ?[:：]? ?$|[分级力] ?[:：]? ?$"
)
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
    r"|given|started|intubated|extubated|transferred|presented|w/|stopped|drawn|collected|placed|removed|admit|appt"
    r"|appointment|scan|study|school|palsy|disease"
    r"|diagnosed with [a-z' ]{3,24}|airway at [a-z' ]{2,24}|rn|md|np|pa|do|lpn|board|rtc|response|diary|log|event"
    r"|handover|handoff|next [a-z]{2,9}|last [a-z]{2,9}) ?[:]? ?"
    r"|#[0-9] )$",
    re.I,
)
_DAY_AFTER = re.compile(r"\.?[ ]([0-3]?[0-9])(?:st|nd|rd|th|ST|ND|RD|TH)?(?![0-9A-Za-z/]|[.,:][0-9])")
_AT_TIME = re.compile(r" (?:nights?|days?|am|pm|evening|late|early)\b| at [0-9]| through\b| [0-2][0-9]:?[0-5][0-9](?![0-9])")
_ORDINAL = re.compile(  # on the 22nd
    r"(?:[12]?[0-9]|3[01])(?<![0-9][0-9][0-9])(?<![/.-][0-9])(?<![/.-][0-9][0-9])(?:st|nd|rd|th)\b(?! (?:time|day|week"
    r"|month|year|rib|floor|grade|percentile|dose"
    r"|cycle|visit|child|pregnancy|cranial|nerve|toe|finger|digit|meta|inter|ventric|space|post|admission|episode|attempt"
    r"|generation|line|st\b"
    r"|street|ave|hour|degree|trimester|opinion|person|party|try|set|stage|heart|course|round|night|decade|century|one\b))",
    re.I,
)
_ORDINAL_CUE = re.compile(
    r"\b(?:(?:on|from|since|until|till|by|for|before|after|through)(?: the)?|to the|of the|(?:mon|tues?|wed(?:nes)?"
    r"|thu(?:rs)?|fri|sat(?:ur)?"
    r"|sun)(?:day)?\.?,?(?: the)?) $",
    re.I,
)
_RANGE_TO = re.compile(r" ?(?:-|to|until|through|thru|至|到|~) ?(?:the )?(?=[0-9])")
_SECOND = re.compile(
    r"(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12][0-9]|3[01])(?:/(?:[0-9]{4}|[0-9]{2}))?(?![0-9/])|(?:[12]?[0-9]|3[01])(?:st|nd"
    r"|rd|th|[日号])"
)
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


_LOWER_DAY = re.compile(  # 4 jul, in notes without capitals
    r"(?<![0-9A-Za-z./-])(?:0?[1-9]|[12][0-9]|3[01])(?:st|nd|rd|th)? ?(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)"
    r"(?:uary|ruary|ch|il|e|y|ust|tember|ober|ember)?(?![a-z])(?!,? (?:19|20)[0-9]{2})"
)


def find_record_dates(text: str, chinese: bool) -> Iterator[Span]:
    """text: folded, of a record: days without years and with a time directly behind, as notes have them."""
    patterns = (_TIME_JOINED, _YEAR_MONTH, _PADDED, _THIS_DAY, _LOOSE_CHINESE, _LUNAR) if chinese else (_TIME_JOINED, _YEAR_MONTH)
    for pattern in patterns:
        yield from (Span(match.start(), match.end(), "DATE") for match in pattern.finditer(text))
    yield from (Span(match.start(), match.end(), "DATE") for match in _LOWER_DAY.finditer(text))
    yield from (Span(match.start(), match.end(), "DATE") for match in _SPELT.finditer(text))
    yield from _ends_of_ranges(text)
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
    for match in (*_HEAD_DAY.finditer(text), *_DOTTED_DAY.finditer(text)) if chinese else ():
        if int(match[1]) <= 12 and int(match[2]) <= 31:
            yield Span(match.start(1), match.end(2), "DATE")
    for match in _PARTIAL.finditer(text) if not chinese else ():
        first, second = (int(part) for part in match.group().split("/"))
        score = second in _SCORES and (first <= second or second <= 6 and first <= 12)
        known = not score or bool(_DAY_WORD.search(text, max(0, match.start() - 40), match.start()))
        known = known and not _WEEKS.match(text, match.start())
        if min(first, second) <= 12 and (known or _AT_TIME.match(text, match.end())):
            if not _BEFORE_DATE.search(text, max(0, match.start() - 16), match.start()):
                yield Span(match.start(), match.end(), "DATE")


_TENTHS = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth"
_SPELT_DAY = (
    rf"(?:(?:twenty|thirty)[- ](?:{_TENTHS})|{_TENTHS}"
    r"|tenth|eleventh|twelfth|(?:thir|four|fif|six|seven|eigh|nine)teenth|twentieth|thirtieth)"
)
_MONTH_NAMES = "(?:" + "|".join(MONTHS) + ")"
_SPELT = re.compile(  # the third of March 2020, March third
    rf"\b(?:{_SPELT_DAY} (?:day )?of {_MONTH_NAMES}|{_MONTH_NAMES} (?:the )?{_SPELT_DAY})(?![A-Za-z])"
    rf"(?:,? (?:19|20)[0-9]{{2}}(?![0-9]))?",
    re.I,
)


def _ends_of_ranges(text: str) -> Iterator[Span]:
    """3/9 of 3/4-3/9, 7日 of 5月3日至7日: what a day of the same spelling stands before."""
    for match in _FIRST.finditer(text):
        to = _RANGE_TO.match(text, match.end())
        second = _SECOND.match(text, to.end()) if to else None
        if second and (match.group()[-1] in "日号") == (second.group()[-1] in "日号"):
            yield Span(second.start(), second.end(), "DATE")


_FIRST = re.compile(
    r"(?<![0-9A-Za-z/.-])(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12][0-9]|3[01])(?:/(?:[0-9]{4}|[0-9]{2}))?(?= ?(?:-|to|until|thr"
    r"|至|到|~) ?[0-9])"
    r"|(?:[0-9]{1,2}月)[0-9]{1,2}[日号](?=[-至到~])|(?<=[A-Za-z] )[0-9]{1,2}(?:st|nd|rd|th)(?= ?(?:-|to|until|thr))"
)

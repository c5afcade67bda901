"""Doses and routes in the words of prescriptions."""
# ruff: noqa: E501  Chinese characters count twice

import re
from collections.abc import Iterator
from typing import NamedTuple

from megatron_qm.rewards.reading.lexicon import either, lower, words

_NUMBER = r"(?<![\d.])(?<!\d[,:])(\d{1,3}(?:,\d{3}){1,2}|\d{1,9})(\.\d{1,6})?"
_TIMES = {"million": 1e6, "mega": 1e6, "m": 1e6, "百万": 1e6, "万": 1e4, "thousand": 1e3, "k": 1e3}
_SCALE = rf"(?:\s{{0,2}}({'|'.join(_TIMES)})(?=[\s-]{{0,2}}(?:(?:international\s)?u(?:nits?)?\b|iu\b|国际单位|单位|u)))?"
_BODY = r"(?:/\(?|\s?per\s|\s?每)\s?(?:kg|kilo\w*|公斤|千克|m2|m²|m\^2)"  # of whose mass or surface an amount is a share
_AMOUNT = re.compile(rf"{_NUMBER}{_SCALE}\s{{0,3}}-?\s?({either('unit_of_dose')})(?![a-z])(?P<body>{_BODY})?")
# What is no dose: how strong a solution is, one of the factors of a sum, the strength of a packed tablet.
_NO_DOSE = re.compile(rf"\s?(?:/|per\s)\s?(?:\d{{1,4}}\s?)?{either('packed')}|\s?[×*x]\s?\d{{1,4}}\s?{either('packed')}")
_SUM = re.compile(rf"(?:=|{words('sum_is')})[\s,:.]*(?:about\s|约)?$")
_PER_BODY = re.compile(rf"(?:每\s?(?:公斤|千克|kg)|per (?:kg|kilo\w*))(?:体重|\sof body ?weight)?[\s,:]*{either('gives_dose')}?\s?$")
# A unit as (how many of the next there are in it, mg, ml or units).
_UNITS = {"mg": (1.0, "mg"), "milligram": (1.0, "mg"), "毫克": (1.0, "mg"), "g": (1000.0, "mg"), "gram": (1000.0, "mg"), "克": (1000.0, "mg"),
          "mcg": (1e-3, "mg"), "microgram": (1e-3, "mg"), "µg": (1e-3, "mg"), "μg": (1e-3, "mg"), "ug": (1e-3, "mg"), "微克": (1e-3, "mg"),
          "ml": (1.0, "ml"), "milliliter": (1.0, "ml"), "millilitre": (1.0, "ml"), "毫升": (1.0, "ml"), "l": (1000.0, "ml"), "iu": (1.0, "u"),
          "u": (1.0, "u"), "unit": (1.0, "u"), "international unit": (1.0, "u"), "单位": (1.0, "u"), "国际单位": (1.0, "u")}
_ROUTES = {"oral": ("po", "p.o", "oral", "orally", "by mouth", "per os", "口服", "顿服", "嚼服", "分服", "送服", "晨服", "餐后服"),
           "iv": ("iv", "i.v", "ivi", "ivgtt", "intravenous", "intravenously", "静脉", "静滴", "静推", "静注", "静点", "泵入", "iv泵"),
           "im": ("im", "i.m", "imi", "intramuscular", "intramuscularly", "epipen", "auto-injector", "肌注", "肌肉", "肌内"), "sc": ("sc", "s.c", "sq", "subcut", "sub cut", "subcutaneous", "subcutaneously", "皮下"),
           "topical": ("topical", "topically", "外用", "涂抹", "外涂"), "inhaled": ("inhaled", "inhalation", "inhaler", "nebulized", "nebulised", "nebuliser", "nebulizer", "neb", "nebs", "吸入", "雾化"),
           "sublingual": ("sublingual", "sublingually", "sl", "舌下"), "rectal": ("rectal", "rectally", "pr", "直肠", "纳肛", "塞肛"),
           "intranasal": ("intranasal", "intranasally", "nasal spray", "滴鼻", "喷鼻"), "intrathecal": ("intrathecal", "intrathecally", "鞘内"),
           "intraosseous": ("intraosseous", "io", "骨内"), "transdermal": ("transdermal", "patch", "透皮", "贴剂"), "vaginal": ("vaginal", "vaginally", "阴道")}
ROUTES = tuple(_ROUTES)
_ROUTE = re.compile("|".join(
    rf"(?<![a-z]){re.escape(word)}(?![a-z])" if word.isascii() else word for words in _ROUTES.values() for word in words))
# What an answer denies is not how the drug is given: `not IV`, 勿静推, `IV is useless`.
_DENIED = re.compile(rf"(?:\b{either('denies_route', 'en')}\s(?:{either('before_route')}\s){{0,4}}|{either('denies_route', 'zh')})$")
_LESS = re.compile(r"\bthan\s(?:the\s)?$")
_DENIED_BEHIND = re.compile(rf"\s?{either('noun_of_route')}?\s?{either('route_is_out')}")
# Where a route is the subject, it is not the drug that is denied: `as IV access isn't available`.
_ROUTE_DENIED = re.compile(
    rf"(?:^|(?<=[.,;:(\n])\s?|\b(?:as|since|because|while|but|and)\s)(?:the\s)?(?:{_ROUTE.pattern})\s"
    rf"(?:{either('noun_of_route', 'en')}\s)?{either('route_is_out', 'en')}[^.,;:)\n]{{0,30}}", re.M)
_OR = re.compile(r"\s?(?:/|、|,?\s?\b(?:or|nor|and)\b|[或和及与])\s?")
_WITHIN = 40  # characters before an amount or a route
_ROUTE_OF = {word: route for route, words in _ROUTES.items() for word in words}
_MOST_CHARACTERS = 400


class Dose(NamedTuple):
    """amount: in mg, ml or units; in `mg/kg` where it is a share of the body."""

    amount: float
    unit: str


def dose_in(text: str) -> Dose | None:
    """The first amount of a drug in `text`."""
    return next(iter(doses_in(text)), None)


def doses_in(text: str) -> tuple[Dose, ...]:
    """The amounts of a drug in `text`, one in each unit: the first, or what a sum comes to (`5 mg/kg × 60 kg = 300 mg`)."""
    low = lower(text[:_MOST_CHARACTERS])
    found: dict[str, Dose] = {}
    for match in _AMOUNT.finditer(low):
        before = low[max(0, match.start() - _WITHIN) : match.start()]
        dose = None if _NO_DOSE.match(low, match.end()) or _DENIED.search(before) else _dose(match, before)
        if dose and (dose.unit not in found or _SUM.search(before)):
            found[dose.unit] = dose
    return tuple(sorted(found.values(), key=lambda dose: "/" in dose.unit))


def _dose(match: re.Match[str], before: str) -> Dose | None:
    unit = match[4]
    factor, name = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"), (0.0, ""))
    amount = float(match[1].replace(",", "") + (match[2] or "")) * factor * _TIMES.get(match[3] or "", 1.0)
    return Dose(round(amount, 9), f"{name}/kg" if match["body"] or _PER_BODY.search(before) else name) if name else None


def without_denied_routes(text: str) -> str:
    """The text with blanks in the place of clauses that deny a route and no drug."""
    return "".join(_pieces(text)) if _ROUTE_DENIED.search(lower(text)) else text


def _pieces(text: str) -> Iterator[str]:
    at = 0
    for match in _ROUTE_DENIED.finditer(lower(text)):
        yield text[at : match.start()] + " " * (match.end() - match.start())
        at = match.end()
    yield text[at:]


def route_in(text: str) -> str | None:
    """The first route of administration in `text` that it does not deny."""
    low, denied = lower(text[:_MOST_CHARACTERS]), -1
    for match in _ROUTE.finditer(low):
        before = low[max(0, match.start() - _WITHIN) : match.start()]
        goes_on = denied >= 0 and _OR.fullmatch(low, denied, match.start()) is not None
        if goes_on or _DENIED.search(before) or _LESS.search(before):
            denied = match.end()
        elif not _DENIED_BEHIND.match(low, match.end()):
            return _ROUTE_OF[match[0]]
    return None

"""Doses and routes in the words of prescriptions."""
# ruff: noqa: E501  Chinese characters count twice

import re
from typing import NamedTuple

from megatron_qm.rewards.reading.lexicon import either, lower

_NUMBER = r"(?<![\d.,])(\d{1,3}(?:,\d{3}){1,2}|\d{1,9})(\.\d{1,6})?"
_AMOUNT = re.compile(rf"{_NUMBER}\s{{0,3}}-?\s?({either('unit_of_dose')})(?![a-z])")
# A unit as (how many of the next there are in it, mg, ml or units).
_UNITS = {"mg": (1.0, "mg"), "milligram": (1.0, "mg"), "毫克": (1.0, "mg"), "g": (1000.0, "mg"), "gram": (1000.0, "mg"), "克": (1000.0, "mg"),
          "mcg": (1e-3, "mg"), "microgram": (1e-3, "mg"), "µg": (1e-3, "mg"), "μg": (1e-3, "mg"), "ug": (1e-3, "mg"), "微克": (1e-3, "mg"),
          "ml": (1.0, "ml"), "milliliter": (1.0, "ml"), "millilitre": (1.0, "ml"), "毫升": (1.0, "ml"), "l": (1000.0, "ml"), "iu": (1.0, "u"),
          "u": (1.0, "u"), "unit": (1.0, "u"), "international unit": (1.0, "u"), "单位": (1.0, "u"), "国际单位": (1.0, "u")}
_ROUTES = {"oral": ("po", "p.o.", "oral", "orally", "by mouth", "口服"),
           "iv": ("iv", "i.v.", "intravenous", "intravenously", "静脉", "静滴", "静推", "静注", "静点"),
           "im": ("im", "i.m.", "intramuscular", "intramuscularly", "肌注", "肌肉", "肌内"), "sc": ("sc", "s.c.", "sq", "subcutaneous", "subcutaneously", "皮下"),
           "topical": ("topical", "topically", "外用", "涂抹", "外涂"), "inhaled": ("inhaled", "inhalation", "nebulized", "吸入", "雾化"),
           "sublingual": ("sublingual", "sublingually", "舌下"), "rectal": ("rectal", "rectally", "直肠", "纳肛")}
_ROUTE = re.compile("|".join(
    rf"(?<![a-z]){re.escape(word)}(?![a-z])" if word.isascii() else word for words in _ROUTES.values() for word in words))
_ROUTE_OF = {word: route for route, words in _ROUTES.items() for word in words}


class Dose(NamedTuple):
    """amount: in mg, ml or units."""

    amount: float
    unit: str


def dose_in(text: str) -> Dose | None:
    """The first amount of a drug in `text`."""
    match = _AMOUNT.search(lower(text[:400]))
    if match is None:
        return None
    unit = match[3]
    factor, name = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"), (0.0, ""))
    return Dose(round(float(match[1].replace(",", "") + (match[2] or "")) * factor, 9), name) if name else None


def route_in(text: str) -> str | None:
    """The first route of administration in `text`."""
    match = _ROUTE.search(lower(text[:400]))
    return _ROUTE_OF[match[0]] if match else None

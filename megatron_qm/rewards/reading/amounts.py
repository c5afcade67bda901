"""Numbers with their units as amounts: `0.5 mg` is 500 micrograms, `2.8 L` 2800 mL, 5到6厘米 is 5~6cm."""

import re

_WORDS = {word: str(number) for number, word in enumerate(
    "one two three four five six seven eight nine ten eleven twelve".split(), start=1)}
_MORE = "|".join([*_WORDS][1:])  # `one` is a number before a measure of time alone
NUMBER = rf"\d+(?:,\d{{3}})*(?:\.\d+)?|\b(?:{_MORE}|one(?=[\s-](?:day|week|month|year)))\b"
_SCALES = {  # names of a unit, by how much of what it is
    (1e3, "g"): "kg 公斤 千克", (1.0, "g"): "g gram 克", (1e-3, "g"): "mg milligram 毫克",
    (1e-6, "g"): "mcg ug μg µg microgram 微克",
    (1.0, "l"): "l litre liter 升", (1e-3, "l"): "ml 毫升",
    (1.0, "m"): "m 米", (1e-2, "m"): "cm 厘米", (1e-3, "m"): "mm 毫米",
    (3600.0, "s"): "h hr hour 小时", (60.0, "s"): "min minute 分钟", (86400.0, "s"): "day 天 日", (604800.0, "s"): "week 周",
    (1.0, "month"): "month 个月 月龄", (12.0, "month"): "year yr 岁 年", (1.0, "%"): "% percent",
}  # fmt: skip
_UNITS = {name: scale for scale, names in _SCALES.items() for name in names.split()} | {"per cent": (1.0, "%")}
_RANGE = rf"(?:\s?(?:[-–—~～∼到至]|to|and)\s?(?:{NUMBER}))?"
_PLAIN = re.compile(r"\d+(?:\.\d+)?")
_ANY_UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_UNIT = re.compile(rf"(?P<range>{_RANGE})\s?-?(?P<unit>{_ANY_UNIT})s?(?![a-z/])")


def amount_at(low: str, start: int, end: int) -> tuple[str, int]:
    """Of the number in [start, end) of a text in lower case, and where it ends; the first number of a range has the unit of the
    second.

    >>> amount_at("0.5 mg", 0, 3), amount_at("5-6 cm", 0, 1)
    (('0.0005g', 6), ('0.05m', 1))
    """
    unit = _UNIT.match(low, end)
    factor, of = _UNITS[unit["unit"]] if unit else (1.0, "")
    number = low[start:end]
    value = float(_WORDS.get(number) or number.replace(",", "")[:16])
    return f"{value * factor:.6g}{of}", unit.end() if unit and not unit["range"] else end


def other_share(amount: str) -> str:
    """A share of one as per cent, and per cent as a share of one; empty for what is neither.

    >>> other_share("69%"), other_share("0.07"), other_share("7"), other_share("0.5g")
    ('0.69', '7%', '', '')
    """
    number = amount.removesuffix("%")
    if not _PLAIN.fullmatch(number):
        return ""
    if amount.endswith("%"):
        return f"{float(number) / 100:.6g}" if float(number) < 100 else ""
    return f"{float(number) * 100:.6g}%" if amount.startswith("0.") else ""

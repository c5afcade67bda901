"""How names of diseases are written: American words and British ones, plurals, 's, accents, Roman numerals, both kinds of Chinese
characters, and particles of no weight are told apart nowhere."""
# ruff: noqa: E501  Chinese characters count twice

import re
import unicodedata
from functools import lru_cache

from megatron_qm.rewards.reading.finding import Unit
from megatron_qm.rewards.reading.traditional import simplified

_UNIT = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]|[^\W_\u3400-\u4dbf\u4e00-\u9fff]+(?:[+%](?![^\W_])|['’]s(?![^\W_]))?")
_WEIGHTLESS = frozenset("性的有氏之") | {"the"}  # 类风湿(性)关节炎, 伴(有), 桥本(氏)病
_SAME = {
    "一": "1", "二": "2", "三": "3", "四": "4", "五": "5", "i": "1", "ii": "2", "iii": "3", "iv": "4",
    "粘": "黏", "返": "反", "塞": "死", "征": "症", "α": "alpha", "β": "beta", "γ": "gamma", "metastases": "metastasis", "stenoses": "stenosis",
}  # fmt: skip
_ONE_FORM = tuple((re.compile(pattern), form) for pattern, form in (
    ("ae|o?oe", "e"), ("our(?=s?$)", "or"), ("leuc", "leuk"), ("sulph", "sulf"), ("is(?=e[ds]?$|ing$|ations?$)", "iz"),
    ("(?<=[bt])re(?=s?$)", "er"), ("(?<=[a-z]{2})ies$", "y"), ("(?<=ss)es$", ""), ("(?<=[a-z]{3}[a-hj-rtv-z])s$", "")))
_ACCENTS = re.compile("[\u0300-\u036f]")


def units(text: str) -> list[Unit]:
    """The words and Chinese characters of a text that are of weight, as they are compared, and where they begin and end."""
    return [(unit, *match.span()) for match in _UNIT.finditer(text) if (unit := fold(match[0]))]


@lru_cache(maxsize=1 << 16)
def fold(unit: str) -> str:
    """A word or character as it is compared; empty where it is of no weight.

    >>> [fold(word) for word in ("Haemorrhages", "Crohn's", "tumour", "Ménière", "II", "the", "診")]
    ['hemorrhage', 'crohn', 'tumor', 'meniere', '2', '', '诊']
    """
    unit = simplified(unit.lower()).removesuffix("'s").removesuffix("’s")
    if unit in _WEIGHTLESS:
        return ""
    if not unit.isascii() and unit not in _SAME:
        unit = _ACCENTS.sub("", unicodedata.normalize("NFKD", unit))
    if unit in _SAME or len(unit) < 4:
        return _SAME.get(unit, unit)
    for pattern, form in _ONE_FORM:
        unit = pattern.sub(form, unit)
    return unit

"""All that identifies a person in a text."""

import re

from data_tools.corpus.phi import names_en, names_zh, places_en, places_zh
from data_tools.corpus.phi.dates import find_dates
from data_tools.corpus.phi.fold import fold
from data_tools.corpus.phi.numbers import find_numbers
from data_tools.corpus.phi.spans import Span, resolve

_CHINESE = re.compile("[一-鿿]")
_ENGLISH = re.compile("[A-Za-z]{2}")


def find_spans(text: str) -> list[Span]:
    """Sorted, none over another; places are of `text` as it is."""
    folded = fold(text)
    chinese = not text.isascii() and bool(_CHINESE.search(text))
    english = bool(_ENGLISH.search(folded))
    found = [*find_dates(folded, chinese, english), *find_numbers(folded, chinese)]
    if chinese:
        found += names_zh.find_names(folded)
        found += places_zh.find_hospitals(folded)
        found += places_zh.find_addresses(folded)
    if english:
        found += names_en.find_names(folded)
        found += places_en.find_hospitals(folded)
        found += places_en.find_addresses(folded)
    return resolve(folded, found)

"""All that identifies a person in a text."""

import re

from data_tools.corpus.phi import names_en, names_zh, notes_en, places_en, places_zh
from data_tools.corpus.phi.dates import find_dates
from data_tools.corpus.phi.fold import fold
from data_tools.corpus.phi.letter_case import letter_case, raised, titled
from data_tools.corpus.phi.numbers import find_numbers
from data_tools.corpus.phi.record import is_record
from data_tools.corpus.phi.spans import Span, resolve

_CHINESE = re.compile("[一-鿿]")
_ENGLISH = re.compile("[A-Za-z]{2}")


def find_spans(text: str) -> list[Span]:
    """Sorted, none over another; places are of `text` as it is."""
    folded = fold(text)
    chinese = not text.isascii() and bool(_CHINESE.search(text))
    english = bool(_ENGLISH.search(folded))
    found = _strict(folded, chinese, english)
    if is_record(folded, found):
        found = [span for span in found if span.type != "NAME" or not folded[span.start].isascii()]  # others find them better
        found += _of_record(folded, chinese, english)
    return resolve(folded, found)


def _strict(text: str, chinese: bool, english: bool) -> list[Span]:
    """What is found in any text."""
    found = [*find_dates(text, chinese, english), *find_numbers(text, chinese)]
    if chinese:
        found += names_zh.find_names(text)
        found += places_zh.find_hospitals(text)
        found += places_zh.find_addresses(text)
    if english:
        found += names_en.find_names(text)
        found += places_en.find_hospitals(text)
        found += places_en.find_addresses(text)
    return found


def _of_record(text: str, chinese: bool, english: bool) -> list[Span]:
    """What is found besides in a record of a patient, where fewer words around it are asked for."""
    found: list[Span] = []
    if english:
        case = letter_case(text)
        prose = text if case == "mixed" else titled(text)
        found += places_en.find_record_hospitals(prose)
        found += places_en.find_record_addresses(prose)
        if case != "mixed":
            found += find_dates(prose, chinese, english)
            found += places_en.find_hospitals(prose)
            found += places_en.find_addresses(prose)
            found += find_numbers(raised(text), chinese) if case == "lower" else ()
        found += notes_en.find_names(text, case)
    return found

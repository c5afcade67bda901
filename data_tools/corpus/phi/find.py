"""All that identifies a person in a text."""

import re
from collections.abc import Iterable

from data_tools.corpus.phi import addresses_en, hospitals_en, names_en, names_zh, notes_en, notes_zh, places_zh
from data_tools.corpus.phi.beside import find_beside
from data_tools.corpus.phi.dates import find_dates
from data_tools.corpus.phi.dates_record import find_record_dates
from data_tools.corpus.phi.fold import fold
from data_tools.corpus.phi.initials_en import find_initials
from data_tools.corpus.phi.keyed import find_cued, find_keyed
from data_tools.corpus.phi.letter_case import letter_case, raised, titled, unbroken
from data_tools.corpus.phi.numbers import find_shapes
from data_tools.corpus.phi.record import is_record
from data_tools.corpus.phi.spans import Span, resolve
from data_tools.corpus.phi.wrapped import moved, unwrapped

_CHINESE = re.compile("[一-鿿]")
_ENGLISH = re.compile("[A-Za-z]{2}")
_ENGLISH_BESIDE = re.compile("[A-Z][a-z]{2}|[a-z]{3} [a-z]{3}|[A-Z]{3,}[ ,]{1,2}[A-Z]{3}")  # more than CT, mg


def find_spans(text: str) -> list[Span]:
    """Sorted, none over another; places are of `text` as it is."""
    folded = fold(text)
    flat, breaks = unwrapped(folded)
    found = _find(flat)
    return resolve(folded, moved(found, breaks) if breaks else found)


def _find(text: str) -> list[Span]:
    chinese = not text.isascii() and bool(_CHINESE.search(text))
    english = bool((_ENGLISH_BESIDE if chinese else _ENGLISH).search(text))
    found = [*find_dates(text, chinese, english), *find_shapes(text, chinese)]
    cued = list(find_cued(text))
    sure = is_record(text, [*found, *cued])
    found += _strict(text, chinese, english and not sure)
    if sure or is_record(text, [*found, *cued]):
        return _of_record(text, found, chinese, english)
    return found + cued


def _strict(text: str, chinese: bool, english: bool) -> list[Span]:
    """Names and places in any text. English ones: not in what is known to be a record, which is read for them again."""
    found: list[Span] = []
    if chinese:
        found += names_zh.find_names(text)
        found += places_zh.find_hospitals(text)
        found += places_zh.find_addresses(text)
    if english:
        found += names_en.find_names(text)
        found += hospitals_en.find_hospitals(text)
        found += addresses_en.find_addresses(text)
    return found


def _of_record(text: str, found: list[Span], chinese: bool, english: bool) -> list[Span]:
    """All that is found in a record of a patient, where fewer words around it are asked for."""
    case = letter_case(text) if english else "mixed"
    prose = text if case == "mixed" else titled(text)
    signs = raised(text) if case == "lower" else text
    if english:
        # Others find these better: what reads the whole record knows where a name ends, and titles are no houses.
        again = ("NAME", "HOSPITAL", "ADDRESS")
        found = [span for span in found if span.type not in again or not text[span.start].isascii()]
        found += find_dates(prose, chinese, english) if case != "mixed" else ()
        found += find_shapes(signs, chinese) if case == "lower" else ()
    found += find_record_dates(prose, chinese)
    found += _across_lines(prose, signs, chinese, english)
    if english:
        found += _english_places(prose)
        found += find_initials(text)
        found += notes_en.find_names(text, case, [span for span in found if span.type in ("DATE", "HOSPITAL")])
    if chinese:
        found += notes_zh.find_names(text)
        found += places_zh.find_hospitals(text, record=True)
        found += [*places_zh.find_record_hospitals(text), *places_zh.find_record_addresses(text)]
        found += _across_han(text)
    found += find_keyed(signs, chinese)
    things = {place for span in found if span.type == "thing" for place in range(span.start, span.end)}
    names = [span for span in found if span.type == "NAME"]
    found += find_beside(signs, names, list(found), chinese)
    found = [span for span in found if span.type in ("NAME", "DATE") or span.start not in things]
    addresses = addresses_en.as_one(text, [span for span in found if span.type == "ADDRESS"])
    return [span for span in found if span.type != "ADDRESS"] + addresses


def _english_places(prose: str) -> list[Span]:
    """Hospitals and addresses of a record, also such as go on in the next line."""
    flat = unbroken(prose)
    found = list(hospitals_en.find_hospitals(prose, record=True))
    found += _only_broken(prose, found, hospitals_en.find_hospitals(flat, record=True))
    found += hospitals_en.find_record_hospitals(flat)
    for lines in {flat, prose}:
        found += addresses_en.find_addresses(lines)
    found += addresses_en.find_record_addresses(flat)
    return found


def _only_broken(text: str, own: list[Span], flat: Iterable[Span]) -> list[Span]:
    """Of what is found without line breaks: what holds one, and where nothing was found on one line."""
    places = {place for span in own for place in range(span.start, span.end)}
    return [span for span in flat if "\n" in text[span.start : span.end] and places.isdisjoint(range(span.start, span.end))]


def _across_lines(prose: str, signs: str, chinese: bool, english: bool) -> list[Span]:
    """Dates and numbers that are broken over two lines."""
    if not _BROKEN.search(prose):
        return []
    flat = unbroken(prose)
    found = [*find_dates(flat, chinese, english), *find_record_dates(flat, chinese)]
    found += [*find_shapes(unbroken(signs), chinese), *find_keyed(unbroken(signs), chinese)]
    return [span for span in found if "\n" in prose[span.start : span.end].rstrip("\n")]


_BROKEN = re.compile(r"(?:[0-9)+,月年-]|\b[A-Z][a-z]{2,8}) ?\n ?(?:[0-9(+]|[Ee]xt|EXT|x[0-9])")
_HAN_BREAK = re.compile("(?<=[一-鿿0-9])\n(?=[一-鿿0-9])")


def _across_han(text: str) -> list[Span]:
    """Chinese hospitals, addresses and days that are broken over two lines."""
    breaks = [match.start() for match in _HAN_BREAK.finditer(text)]
    if not breaks:
        return []
    flat = _HAN_BREAK.sub("", text)
    sources = (places_zh.find_hospitals(flat, record=True), places_zh.find_addresses(flat), find_dates(flat, True, False))
    spans = moved([span for source in sources for span in source], breaks)
    return [span for span in spans if "\n" in text[span.start : span.end]]

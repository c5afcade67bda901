"""Known names in a sentence: the longest at each place, found in one pass."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, pairwise, takewhile

from megatron_qm.rewards.reading.spans import Span
from megatron_qm.rewards.reading.traditional import simplified

_UNIT = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]|[^\W_\u3400-\u4dbf\u4e00-\u9fff]+(?:[+%](?![^\W_]))?")  # rare characters too
_MOST_UNITS = 60  # of a name
_LONGEST_ABBREVIATION = 5

Unit = tuple[str, int, int]  # a word or a Chinese character in lower case, where it begins and ends
Units = Callable[[str], Sequence[Unit]]


class NameTable:
    """Names and what they are called here. A name is compared word by word (Chinese: character by character); blanks, case and
    punctuation are of no weight. units: how a text is cut into what is compared; tables that are searched together share it.

    >>> table = NameTable({"Acute appendicitis": "K35.8"})
    >>> [(key, span.start, span.end) for key, span in table.find("Likely acute appendicitis.")]
    [('K35.8', 7, 25)]
    """

    def __init__(self, names: Mapping[str, str], units: "Units | None" = None) -> None:
        self.units = units or units_of
        self._keys: dict[str, str] = {}
        self._sorted: list[str] | None = None
        self._named: dict[str, list[str]] | None = None
        self._longest: dict[str, int] = {}  # units of the longest name that begins with a unit
        self._capitals: set[str] = set()  # abbreviations, which are read in capitals alone (AS is a disease, `as` is not)
        for name, key in names.items():
            self.add(name, key)

    def add(self, name: str, key: str, *, anew: bool = False) -> None:
        """anew: only if the table has no such name."""
        units = [unit for unit, _, _ in self.units(name)]
        joined = _joined(units)
        if len(joined) > 1 and len(units) <= _MOST_UNITS and not (anew and joined in self._keys):
            self._keys[joined] = key
            if name.isascii() and name.isupper() and len(name) <= _LONGEST_ABBREVIATION:
                self._capitals.add(joined)
            self._longest[units[0]] = max(self._longest.get(units[0], 0), len(units))

    def __contains__(self, name: str) -> bool:
        return self.key_of(name) is not None

    def key_of(self, name: str) -> str | None:
        """Of a whole text that is nothing but a name."""
        return self._keys.get(_joined([unit for unit, _, _ in self.units(name)]))

    def names_of(self, key: str) -> Sequence[str]:
        """All names of a key, as they are compared."""
        if self._named is None:
            self._named = {}
            for name, one in self._keys.items():
                self._named.setdefault(one, []).append(name)
        return self._named.get(key, ())

    def keys_beginning(self, beginning: str) -> set[str]:
        """The keys of all names that begin so."""
        if self._sorted is None or len(self._sorted) != len(self._keys):
            self._sorted = sorted(self._keys)
        first = bisect_left(self._sorted, beginning)
        names = takewhile(lambda name: name.startswith(beginning), islice(self._sorted, first, None))
        return {self._keys[name] for name in names}

    def longest_at(self, units: Sequence[Unit], at: int) -> tuple[str, int] | None:
        """The key of the longest name that begins with unit `at`, and how many units it has."""
        best, name = None, ""
        for length in range(1, self._longest.get(units[at][0], 0) + 1):
            if at + length > len(units):
                break
            name = _append(name, units[at + length - 1][0])
            if (key := self._keys.get(name)) is not None:
                best = key, length
        return best

    def stands(self, text: str) -> bool:
        """Whether a name that was found is written as it must be."""
        return text.isupper() or _joined([unit for unit, _, _ in self.units(text)]) not in self._capitals

    def find(self, sentence: str) -> Iterator[tuple[str, Span]]:
        return find(sentence, [self])


def find(sentence: str, tables: Sequence[NameTable], whole: Callable[[str, Span], bool] = lambda sentence, span: True
         ) -> Iterator[tuple[str, Span]]:
    """The names of several tables, of which an earlier one wins at equal length. whole: whether what stands at a place is the
    whole name there, and no part of a longer one that no table knows."""
    units, at = tables[0].units(sentence), 0
    while at < len(units):
        found = [one for table in tables if (one := table.longest_at(units, at)) is not None
                 and (one[1] == len(units) or table.stands(sentence[units[at][1] : units[at + one[1] - 1][2]]))]
        if not found:
            at += 1
            continue
        key, length = max(found, key=lambda one: one[1])
        span = Span(units[at][1], units[at + length - 1][2])
        if whole(sentence, span):
            yield key, span
        at += length


def units_of(text: str) -> list[Unit]:
    return [(match[0].lower(), match.start(), match.end()) for match in _UNIT.finditer(simplified(text))]


def _joined(units: Sequence[str]) -> str:
    return "".join(f"{_glue(before, unit)}{unit}" for before, unit in pairwise(("", *units)))


def _append(name: str, unit: str) -> str:
    return f"{name}{_glue(name, unit)}{unit}"


def _glue(name: str, unit: str) -> str:
    """A blank between words, none beside a Chinese character."""
    return " " if name and not "\u3400" <= name[-1] <= "\u9fff" and not "\u3400" <= unit[0] <= "\u9fff" else ""

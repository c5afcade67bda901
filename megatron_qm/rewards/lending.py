"""Tables of names that many samples carry: a process is sent each of them once, and gets its number with the samples after.

To send 10,000 names takes ten times as long as a verdict. Samples that carry equal tables share one `Table`, which is made by the
pool and goes to its processes; what is small, or is no object of texts, travels with its sample as it is.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from megatron_qm.rewards.metadata import Table
from megatron_qm.rewards.samples import Sample

_FEWEST = 256  # names of a table that is lent
_MOST = 16  # tables that a process keeps, and more only where one sample carries more


@dataclass(frozen=True)
class Parcel:
    """A sample without its tables. tables: their numbers by key of its metadata. new: those that the process has not, by number;
    gone: numbers that it may forget."""

    sample: Sample
    tables: Mapping[str, int]
    new: Mapping[int, dict[str, str]]
    gone: Sequence[int]


class Tables:
    """The tables that were met last."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[object, ...], _Known] = OrderedDict()

    def shared(self, samples: Sequence[Sample]) -> list[Sample]:
        """The same samples, in which equal tables are one and are read-only."""
        met: dict[int, Table | None] = {}  # by identity, which lasts as long as `samples` do

        def of(names: dict[str, str]) -> Table | None:
            if id(names) not in met:
                met[id(names)] = self._table(names)
            return met[id(names)]

        return [replace(sample, metadata=_with_tables(sample.metadata, of)) for sample in samples]

    def in_metadata(self, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
        return _with_tables(metadata, self._table)

    def _table(self, names: dict[str, str]) -> Table | None:
        """None for what is no object of texts. Two are equal in the same order alone: of names that read alike the last rules."""
        ends = (len(names), next(iter(names)), next(reversed(names)))
        known = self._known.get(ends)
        if known is None or known.names != [*names] or known.texts != [*names.values()]:
            if not all(isinstance(text, str) for pair in names.items() for text in pair):
                return None
            known = self._known[ends] = _Known(Table(names), [*names], [*names.values()])
        self._known.move_to_end(ends)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return known.table


class _Known(NamedTuple):
    table: Table
    names: list[str]
    texts: list[str]


def _with_tables(metadata: Mapping[str, Any], of: Callable[[dict[str, str]], Table | None]) -> Mapping[str, Any]:
    """metadata with what `of` makes of its large objects, where it makes something."""
    items = metadata.items() if isinstance(metadata, dict) else ()  # what else it may be is the verdict's to say
    large = {key: value for key, value in items if type(value) is dict and len(value) >= _FEWEST}
    found = {key: table for key, value in large.items() if (table := of(value)) is not None}
    return {**metadata, **found} if found else metadata


class Lender:
    """What one process has of the tables, as its pool knows."""

    def __init__(self) -> None:
        self._there: OrderedDict[int, Table] = OrderedDict()  # by identity, which lasts as long as they are kept here

    def parcel(self, sample: Sample) -> Parcel:
        """To be `sent`, or forgotten."""
        tables = {key: value for key, value in sample.metadata.items() if type(value) is Table}
        new = {id(table): dict(table) for table in tables.values() if id(table) not in self._there}
        numbers = {key: id(table) for key, table in tables.items()}
        others = [number for number in self._there if number not in numbers.values()]
        spare = max(0, len(self._there) + len(new) - _MOST)
        rest = {key: value for key, value in sample.metadata.items() if key not in tables} if tables else sample.metadata
        return Parcel(replace(sample, metadata=rest), numbers, new, others[:spare])

    def sent(self, parcel: Parcel, sample: Sample) -> None:
        for number in parcel.gone:
            del self._there[number]
        for key, number in parcel.tables.items():
            table = sample.metadata[key]
            assert isinstance(table, Table)
            self._there[number] = table
            self._there.move_to_end(number)


class Borrower:
    """The process's side."""

    def __init__(self) -> None:
        self._here: dict[int, Table] = {}

    def opened(self, parcel: Parcel) -> Sample:
        """The sample as it was, its metadata in another order."""
        for number in parcel.gone:
            del self._here[number]
        self._here.update({number: Table(names) for number, names in parcel.new.items()})
        tables = {key: self._here[number] for key, number in parcel.tables.items()}
        return replace(parcel.sample, metadata={**parcel.sample.metadata, **tables}) if tables else parcel.sample

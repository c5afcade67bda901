"""Items as tables that documents are held against: which runs of units are whose."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_tools.corpus.contamination.config import ContaminationConfig
from data_tools.corpus.contamination.items import Item
from data_tools.corpus.units import Hashes, Places, Units, grams, read_units, words_of

_COMMON_ITEMS = 10
_COMMON_DOCUMENTS = 20
_NO_RUNS = np.zeros(0, np.uint64)
_FILTER_BITS = (16, 30)  # of a hash: the filter has two to this power bits


class Sought(NamedTuple):
    """An item as it is looked for. runs: how many its body has. length: of the body in units, each of which counts as `weight`.
    options: the units of each, but for those that are part of the body."""

    set: str
    key: str
    runs: int
    length: int
    weight: float
    options: tuple[Hashes, ...]

    def evidence(self, runs: int, gram: int, options: int) -> float:
        """What so many runs, and options of so many units, come to in characters."""
        return self.weight * (runs + gram - 1 + options)


@dataclass(frozen=True)
class Wanted:
    """runs: hashes, sorted, each once. filter: bits, set for each."""

    runs: Hashes
    filter: NDArray[np.uint8]

    def found(self, runs: Units) -> tuple[Places, Places]:
        """(places of runs that are wanted, the number of each)."""
        if not self.runs.size:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        maybe = np.flatnonzero(_may_hold(self.filter, runs.hashes))
        at = np.minimum(np.searchsorted(self.runs, runs.hashes[maybe]), self.runs.size - 1)
        real = self.runs[at] == runs.hashes[maybe]
        return maybe[real], at[real]


def wanted(runs: Hashes) -> Wanted:
    """runs: sorted, each once."""
    return Wanted(runs, _filter(runs))


@dataclass(frozen=True)
class Index:
    """needed: of each item, how many of its runs must stand in a document. bodies: the runs of all of them; run i is in the items
    owners[firsts[i] : firsts[i + 1]]. too_short: items with too little to be told from a phrase, by set."""

    config: ContaminationConfig
    items: Sequence[Sought]
    needed: Places
    bodies: Wanted
    firsts: Places
    owners: NDArray[np.int32]
    too_short: Mapping[str, Sequence[str]]


def build_index(sets: Mapping[str, Sequence[Item]], config: ContaminationConfig, phrases: Hashes = _NO_RUNS) -> Index:
    """phrases: runs that are no evidence."""
    sought: list[Sought] = []
    bodies: list[Hashes] = []
    too_short: dict[str, list[str]] = {name: [] for name in sets}
    for name, items in sets.items():
        for item, body in zip(items, _bodies(items, config, phrases), strict=True):
            one = Sought(name, item.key, body.runs.size, body.length, body.weight, body.options)
            if not one.runs or one.evidence(one.runs, config.gram, sum(option.size for option in one.options)) < config.least:
                too_short[name].append(item.key)
            else:
                sought.append(one)
                bodies.append(body.runs)
    owners = np.repeat(np.arange(len(bodies), dtype=np.int32), [body.size for body in bodies])
    hashes = np.concatenate([*bodies, _NO_RUNS])
    order = np.argsort(hashes, kind="stable")
    runs, firsts = np.unique(hashes[order], return_index=True)
    needed = np.ceil(config.share * np.array([one.runs for one in sought]) - 1e-9).astype(np.int64)
    return Index(config, sought, needed, wanted(runs), np.append(firsts, hashes.size), owners[order], too_short)


def all_runs(sets: Mapping[str, Sequence[Item]], config: ContaminationConfig) -> "Wanted":
    """Those of all questions and options: a document without any of them holds no item, whatever the phrases turn out to be."""
    texts = [text for items in sets.values() for item in items for text in (item.question, *item.options)]
    return wanted(np.unique(np.concatenate([_NO_RUNS, *(runs for _, runs in _parts(texts, config.gram))])))


def phrases_of(index: Index, counts: Places, documents: int) -> Hashes:
    """Runs that many of the documents share. counts: of each run, the documents in which it stands."""
    return index.bodies.runs[counts > max(_COMMON_DOCUMENTS, index.config.phrase * documents)]


class _Body(NamedTuple):
    runs: Hashes  # sorted, each once
    length: int
    weight: float
    options: tuple[Hashes, ...]


def _bodies(items: Sequence[Item], config: ContaminationConfig, phrases: Hashes) -> list[_Body]:
    """Of each item the runs that must stand in a document: its question's; where few of these are its own, its options' too."""
    questions = _parts([item.question for item in items], config.gram)
    options = [_parts(item.options, config.gram) for item in items]
    runs, counts = np.unique(np.concatenate([np.unique(of_one) for _, of_one in questions]), return_counts=True)
    common = np.union1d(runs[counts > max(_COMMON_ITEMS, config.common * len(items))], phrases)
    bodies = []
    for item, (units, question), offered in zip(items, questions, options, strict=True):
        own, length, beside = np.setdiff1d(question, common), units.size, tuple(some for some, _ in offered if some.size)
        weight = _weight([item.question, *item.options])
        if weight * (own.size + config.gram - 1) < config.least / 2:
            own = np.setdiff1d(np.concatenate([own, *(some for _, some in offered)]), common)
            length, beside = length + sum(some.size for some in beside), ()
        bodies.append(_Body(own, length, weight, beside))
    return bodies


def _weight(texts: Sequence[str]) -> float:
    """The mean of 1 for a character and 2 for a word."""
    return 1 + float(words_of(texts).sum() / max(1, read_units(texts).hashes.size))


def _parts(texts: Sequence[str], size: int) -> list[tuple[Hashes, Hashes]]:
    """(units, runs) of each text; one that is shorter than a run has none."""
    if not texts:
        return []
    units = read_units(texts)
    runs = grams(units, size)
    parts = zip(_split(units), _split(runs), strict=True)
    return [(some, of_some if some.size >= size else of_some[:0]) for some, of_some in parts]


def _split(units: Units) -> list[Hashes]:
    return [units.hashes[first:last] for first, last in zip(units.starts.tolist(), units.ends.tolist(), strict=True)]


def _filter(runs: Hashes) -> NDArray[np.uint8]:
    """A bit for the beginning of each hash; some 16 to 32 bits for each run, so that caches hold it."""
    low, high = _FILTER_BITS
    filled = np.zeros(1 << (min(max(low, runs.size.bit_length() + 4), high) - 3), np.uint8)
    place = _places(filled, runs)
    np.bitwise_or.at(filled, place >> 3, (1 << (place & 7)).astype(np.uint8))
    return filled


def _may_hold(filled: NDArray[np.uint8], hashes: Hashes) -> NDArray[np.bool_]:
    """False for hashes that are none of the index; wrong in few of the other cases."""
    place = _places(filled, hashes)
    found: NDArray[np.bool_] = (filled[place >> 3] >> (place & 7).astype(np.uint8)) & 1 > 0
    return found


def _places(filled: NDArray[np.uint8], hashes: Hashes) -> Places:
    """Of the bit of each hash."""
    return (hashes >> np.uint64(65 - (8 * filled.size).bit_length())).astype(np.int64)

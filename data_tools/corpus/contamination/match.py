"""Which items stand in which documents."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from data_tools.corpus.contamination.index import Index, Wanted
from data_tools.corpus.units import Hashes, Places, Units, grams, read_units


class Match(NamedTuple):
    """share: of the item's runs, those that stand together in the text."""

    text: int
    item: int
    share: float


def first_look(index: Index, every: Wanted, texts: Sequence[str]) -> tuple[Places, Places]:
    """(of each run of the index, in how many of the texts it stands; numbers of the texts that hold any of `every` run)."""
    runs = grams(read_units(texts), index.config.gram)
    places, found = every.found(runs)
    owners = np.searchsorted(runs.ends, places, side="right")
    of_texts = np.unique(owners * every.runs.size + found)
    counts = np.bincount(of_texts % max(1, every.runs.size), minlength=every.runs.size)
    return counts[np.searchsorted(every.runs, index.bodies.runs)], np.unique(owners)


def find_items(index: Index, texts: Sequence[str]) -> list[Match]:
    """In the order of texts, then of items."""
    units = read_units(texts)
    runs = grams(units, index.config.gram)
    texts_of, items, places, hits = _hits(index, runs)
    if not items.size:
        return []
    order = np.lexsort((places, items, texts_of))
    texts_of, items, places, hits = texts_of[order], items[order], places[order], hits[order]
    begins = np.flatnonzero((np.diff(texts_of, prepend=-1) != 0) | (np.diff(items, prepend=-1) != 0))
    ends = np.append(begins[1:], items.size)
    likely = np.flatnonzero(ends - begins >= index.needed[items[begins]])
    starts, found = units.starts, []
    for begin, end in zip(begins[likely].tolist(), ends[likely].tolist(), strict=True):
        text, item = int(texts_of[begin]), int(items[begin])
        share = _share(index, item, places[begin:end], hits[begin:end], units.hashes[starts[text] : units.ends[text]])
        if share:
            found.append(Match(text, item, share))
    return found


def _hits(index: Index, runs: Units) -> tuple[Places, Places, Places, Places]:
    """Of each run of a text that is some item's: number of the text, item, place in the text, number of the run."""
    places, at = index.bodies.found(runs)
    counts = index.firsts[at + 1] - index.firsts[at]
    each = np.repeat(np.arange(at.size), counts)
    within = np.arange(each.size) - np.repeat(np.cumsum(counts) - counts, counts)
    items = index.owners[index.firsts[at][each] + within].astype(np.int64)
    texts = np.searchsorted(runs.ends, places, side="right")
    return texts[each], items, (places - runs.starts[texts])[each], at[each]


def _share(index: Index, item: int, places: Places, hits: Places, text: Hashes) -> float:
    """Of the item's runs those in the fullest window of the text; 0 where they, and what else stands there, are not enough."""
    sought = index.items[item]
    width = max(int(index.config.window * sought.length), sought.length + index.config.gram)
    most, start = _fullest(places.tolist(), hits.tolist(), width)
    if most < index.needed[item]:
        return 0.0
    around = text[max(0, start - width) : start + 2 * width]
    beside = sum(option.size for option in sought.options if _stands_in(option, around))
    return most / sought.runs if sought.evidence(most, index.config.gram, beside) >= index.config.least else 0.0


def _fullest(places: Sequence[int], hits: Sequence[int], width: int) -> tuple[int, int]:
    """(different hits in the window that holds most of them, where it begins)."""
    counts: dict[int, int] = {}
    most = start = first = 0
    for place, hit in zip(places, hits, strict=True):
        counts[hit] = counts.get(hit, 0) + 1
        while place - places[first] > width:
            left = hits[first]
            counts[left] -= 1
            if not counts[left]:
                del counts[left]
            first += 1
        if len(counts) > most:
            most, start = len(counts), places[first]
    return most, start


def _stands_in(part: Hashes, text: Hashes) -> bool:
    for place in np.flatnonzero(text[: text.size - part.size + 1] == part[0]) if part.size <= text.size else ():
        if np.array_equal(text[place : place + part.size], part):
            return True
    return False

"""Which points a document covers: all phrases of all points are looked for at once, and a point counts where one of each of its
terms stands within so many characters."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from data_tools.corpus.coverage.points import Point
from data_tools.corpus.extra import needed

_MOST_HITS = 2000  # of one term in one document that are looked at


@dataclass
class Found:
    """Of one document: points that it covers, and those whose terms are all there, but apart."""

    covered: list[int] = field(default_factory=list)
    apart: list[int] = field(default_factory=list)
    terms: set[int] = field(default_factory=set)  # that stand in it, but for those told of in an earlier one


class Finder:
    """Called with a text. Points are known by their place in the list, terms by their place in `terms`."""

    def __init__(self, points: Sequence[Point], within: int) -> None:
        self._within = within
        self.terms: list[tuple[int, ...]] = []  # of each point
        numbers: dict[tuple[str, ...], int] = {}
        for point in points:
            folded = [tuple(dict.fromkeys(map(fold, phrases))) for phrases in point.terms]
            self.terms.append(tuple(dict.fromkeys(numbers.setdefault(phrases, len(numbers)) for phrases in folded)))
        self.phrases = list(numbers)
        patterns, self._terms_of = _patterns(numbers)
        self._patterns_of = [list[int]() for _ in numbers]
        for pattern, terms in enumerate(self._terms_of):
            for term in terms:
                self._patterns_of[term].append(pattern)
        self._points_at = _by_rarest(self.terms)
        self._seen: set[int] = set()  # patterns that some text held as a whole word: these are told of once
        self._automaton: Any = needed("ahocorasick_rs").AhoCorasick(patterns)

    def __call__(self, text: str) -> Found:
        folded = fold(text)
        hits: list[tuple[int, int, int]] = self._automaton.find_matches_as_indexes(folded, overlapping=True)
        patterns = {pattern for pattern, _, _ in hits}
        possible = self._possible({term for pattern in patterns for term in self._terms_of[pattern]})
        wanted = patterns - self._seen
        wanted.update(pattern for number in possible for term in self.terms[number] for pattern in self._patterns_of[term])
        places = self._places(folded, hits, wanted) if wanted else {}
        found = Found(terms=set(places))
        for number in possible:
            if all(term in places for term in self.terms[number]):
                near = len(self.terms[number]) == 1 or _near([places[term] for term in self.terms[number]], self._within)
                (found.covered if near else found.apart).append(number)
        return found

    def _possible(self, terms: set[int]) -> list[int]:
        """Points of which all terms are among `terms`."""
        return [number for term in terms for number in self._points_at.get(term, ()) if terms.issuperset(self.terms[number])]

    def _places(self, text: str, hits: Iterable[tuple[int, int, int]], wanted: set[int]) -> Mapping[int, list[tuple[int, int]]]:
        """{term: (start, end) of its phrases}, of the patterns that are wanted."""
        places: dict[int, list[tuple[int, int]]] = {}
        for pattern, start, end in hits:
            if pattern in wanted and _is_whole(text, start, end):
                self._seen.add(pattern)
                for term in self._terms_of[pattern]:
                    some = places.setdefault(term, [])
                    if len(some) < _MOST_HITS:
                        some.append((start, end))
        return places


def fold(text: str) -> str:
    return text.lower()


def _patterns(numbers: Mapping[tuple[str, ...], int]) -> tuple[list[str], list[list[int]]]:
    """Phrases, each once, and the terms of each."""
    terms_of: dict[str, list[int]] = {}
    for phrases, term in numbers.items():
        for phrase in phrases:
            terms_of.setdefault(phrase, []).append(term)
    return list(terms_of), list(terms_of.values())


def _by_rarest(terms: Sequence[Sequence[int]]) -> dict[int, list[int]]:
    """Points by that of their terms which the fewest points share: only where it stands, the others are asked for."""
    shared: dict[int, int] = {}
    for some in terms:
        for term in some:
            shared[term] = shared.get(term, 0) + 1
    found: dict[int, list[int]] = {}
    for number, some in enumerate(terms):
        found.setdefault(min(some, key=lambda term: shared[term]), []).append(number)
    return found


def _is_whole(text: str, start: int, end: int) -> bool:
    """Latin words count whole: "flu" does not stand in "influenza"; Chinese ones anywhere."""
    return not (start and _joins(text[start - 1], text[start])) and not (end < len(text) and _joins(text[end - 1], text[end]))


def _joins(one: str, other: str) -> bool:
    return _is_latin(one) and _is_latin(other) or one.isdigit() and other.isdigit()


def _is_latin(character: str) -> bool:
    return character < "ɐ" and character.isalpha()


def _near(places: Sequence[Iterable[tuple[int, int]]], within: int) -> bool:
    """Whether one of each stands in a stretch of `within` characters: a window over all places in their order."""
    inside = [0] * len(places)
    events = sorted((start, end, term) for term, some in enumerate(places) for start, end in some)
    left, missing = 0, len(places)
    for _, end, term in events:
        missing -= inside[term] == 0
        inside[term] += 1
        while events[left][0] < end - within:
            inside[events[left][2]] -= 1
            missing += inside[events[left][2]] == 0
            left += 1
        if not missing:
            return True
    return False

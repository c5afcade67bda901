"""Many words looked for at once, by Aho and Corasick."""

from collections.abc import Callable, Sequence
from typing import Any

from data_tools.corpus.extra import needed


def automaton(words: Sequence[str]) -> Callable[[str], list[int]]:
    """A function that names, by its number, each word at each place of a text where it stands, also within another."""
    library = needed("ahocorasick_rs")
    search: Any = library.AhoCorasick(words, implementation=library.Implementation.DFA).find_matches_as_indexes

    def found(text: str) -> list[int]:
        return [number for number, _, _ in search(text, overlapping=True)]

    return found

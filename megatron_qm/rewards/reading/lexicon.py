"""The words of lexicon.yaml as pieces of patterns: what a pattern of the grammar names, it names by category.

They are in lower case and are looked for in text in lower case: a search that minds no case takes some ten times as long.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from megatron_qm.rewards.reading.traditional import simplified

_LANGUAGES = ("en", "zh", "signs")


def either(category: str, *languages: str) -> str:
    """Any entry of a category, of all its languages or of those that are named; nothing bounds it."""
    return _any_of([entry for language in languages or _LANGUAGES for entry in entries(category, language)])


def words(category: str) -> str:
    """Any entry of a category, English ones as whole words."""
    return _ending_as_words(category, r"\b")


def first(category: str) -> str:
    """Any entry of a category where a text begins with it: English ones end with the word, and where they begin is known."""
    return _ending_as_words(category, "")


def behind(category: str, more: str) -> str:
    """Behind an English entry of a category and `more`; the entries are words and no patterns."""
    return "|".join(f"(?<={entry}{more})" for entry in entries(category, "en"))


def any_word(*categories: str) -> str:
    """Any English entry of many categories, grouped by first letter, so that most are passed over at a glance."""
    groups: dict[str, list[str]] = {}
    for category in categories:
        for entry in entries(category, "en"):
            plain = entry[0].isalpha() and entry[1:2] not in ("?", "*", "+", "{")
            groups.setdefault(entry[0] if plain else "", []).append(entry[1:] if plain else entry)
    return rf"\b{_any_of([f'{first}{_any_of(rest)}' for first, rest in groups.items()])}\b"


def any_other(*categories: str) -> str:
    """Any entry of many categories that is not English."""
    return _any_of([entry for category in categories for language in ("zh", "signs") for entry in entries(category, language)])


def holds(text: str, pieces: Sequence[str]) -> bool:
    """Whether one of these pieces stands in a text: some ten times as fast as a pattern, which is run where one does."""
    for piece in pieces:
        if piece in text:
            return True
    return False


def lower(text: str) -> str:
    """In lower case and simplified Chinese, each character in its place. (`İ` alone has a lower case of two characters.)
    An apostrophe is one however it is drawn."""
    low = text.lower()
    if text.isascii():
        return low
    return simplified(low if len(low) == len(text) else text.replace("İ", "ı").lower()).replace("’", "'")


def _ending_as_words(category: str, before: str) -> str:
    english = entries(category, "en")
    whole = [rf"{before}{_any_of(english)}\b"] if english else []
    return _any_of([*whole, *entries(category, "zh"), *entries(category, "signs")])


def _any_of(entries: Sequence[str]) -> str:
    return f"(?:{'|'.join(entries)})"


def entries(category: str, language: str) -> Sequence[str]:
    return _lexicon()[category].get(language, ())


@functools.cache
def _lexicon() -> Mapping[str, Mapping[str, Sequence[str]]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, by a C library that may be missing
    found: Mapping[str, Mapping[str, Sequence[str]]] = yaml.load(  # noqa: S506  a safe one, both of them
        Path(__file__).with_name("lexicon.yaml").read_text(encoding="utf-8"), loader)
    return found

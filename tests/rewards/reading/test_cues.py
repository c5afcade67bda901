"""A pattern that is run only where one of its words stands finds what it finds everywhere."""

import re
from collections.abc import Iterator
from random import Random

import pytest

from megatron_qm.rewards.reading import cues, lexicon
from megatron_qm.rewards.reading.cues import Cues, Words, beginnings
from megatron_qm.rewards.reading.lexicon import either, entries, words

CATEGORIES = sorted(lexicon._lexicon())
FILLING = ["a", "the", "D", "is", "patient", "x\x00y", "answer", "wrongly", "e-mail", "_", "5.5", "can't", "错", "不", "，"]
JOINTS = (" ", " ", " ", "", ", ", ". ", "-", "'", "\n", "_", "(", ") ", ": ", "? ")
GROUP = re.compile(r"\((?!\?[!=<])(?:\?:)?([^()]*)\)(\?|\*|\{\d*,?\d*\})?")
GLANCE = re.compile(r"\(\?<?[!=][^()]*\)")
CLASS = re.compile(r"(\\[wsd]|\[\^?[^\]]*\])(?:[?*+]|\{\d*,?\d*\})?")


def spoken(entry: str, rng: Random) -> str:
    """A text that an entry matches, but for what it looks at around it; written apart from how `cues` reads entries."""
    while found := GLANCE.search(entry):
        entry = entry[: found.start()] + entry[found.end() :]
    known = {"\\w": "qz", "\\s": " ", "\\d": "7"}
    entry = CLASS.sub(lambda one: known.get(one[1], one[1][1:2].replace("^", "q")), entry)
    while found := GROUP.search(entry):
        left_out = bool(found[2]) and rng.random() < 0.5
        entry = entry[: found.start()] + ("" if left_out else rng.choice(found[1].split("|"))) + entry[found.end() :]
    entry = re.sub(r"(\w)\?", lambda one: one[1] if rng.random() < 0.5 else "", rng.choice(entry.split("|")))
    return re.sub(r"\\[bB]|[\^$]", "", entry).replace("\\", "")


def texts(category: str, count: int) -> Iterator[str]:
    rng = Random(category)
    own = [entry for language in ("en", "zh", "signs") for entry in entries(category, language)]
    for _ in range(count):
        known = [*FILLING, *(spoken(rng.choice(own), rng) for _ in range(3))]
        yield lexicon.lower("".join(rng.choice(known) + rng.choice(JOINTS) for _ in range(rng.randrange(1, 6))))


@pytest.mark.parametrize("category", CATEGORIES)
def test_words_are_found_as_by_their_pattern(category: str) -> None:
    pattern, guarded = re.compile(words(category)), Words(category)
    found = 0
    for text in texts(category, 40):
        assert [one.span() for one in guarded.finditer(text)] == [one.span() for one in pattern.finditer(text)], text
        assert (guarded.search(text, 3) is None) == (pattern.search(text, 3) is None), text
        found += pattern.search(text) is not None
    assert found > 3 or category in ("mark_empty", "remains")  # the texts speak of it


@pytest.mark.parametrize("category", CATEGORIES)
def test_entries_that_begin_anywhere_or_go_on_are_seen(category: str) -> None:
    anywhere = re.compile(either(category))
    begun = re.compile(rf"(?<!\w){either(category)}")
    seen_anywhere, seen_begun = Cues([], anywhere=[category], signs=[category]), Cues([], begun=[category], signs=[category])
    for text in filter(str.isascii, texts(category, 40)):
        assert seen_anywhere.stand_in(text) or not anywhere.search(text), text
        first = begun.search(text)
        assert first is None or 0 <= seen_begun.first_in(text) <= first.start() or not first[0][:1].isalnum(), text


@pytest.mark.parametrize(("pattern", "first"), [
    ("e-?mail", {("e", False)}), ("e-mail", {("e", True)}), ("a{2,3}b", {("", False)}), (r"\w{2,3} than", {(" than", False)}),
    ("(?:go )?up", {("go", True), ("up", True)}), ("(?<!not )wait(?! for)", {("wait", True)}), ("'s", {("'", False)}),
])
def test_how_an_entry_begins(pattern: str, first: set[tuple[str, bool]]) -> None:
    assert set(beginnings(pattern)) == first


def test_most_categories_have_words_without_which_they_say_nothing() -> None:
    assert sum("" in Cues([category], signs=[category])._begin for category in CATEGORIES) < len(CATEGORIES) / 10
    assert not Words("denies_forward")._cues.stand_in("the patient has an infarction")
    assert cues.words_in("a b-c") == ["a", "b", "c"]

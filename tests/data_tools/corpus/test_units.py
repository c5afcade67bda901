"""Units against a reference that reads one character after another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_tools.corpus.units import batches, grams, read_units, words_of
from tests.data_tools.corpus import reference

LETTERS = "aBéßﬁ中医药疗、，。：；！ ０９12５ＡｂΩσς°℃…½²Ⅱ①㎎μµ-+/%\n\t\u200b\u00ad\ufeffe\u0301가가ひカﾊﾟไท𠀀😀❤\ufe0f〇々"
TEXTS = st.lists(st.text(st.sampled_from(LETTERS), max_size=30), max_size=6)


def hashes(texts: list[str]) -> list[list[int]]:
    found = read_units(texts)
    return [part.tolist() for part in np.split(found.hashes, found.ends[:-1])] if texts else []


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_units_are_those_of_the_reference(texts: list[str]) -> None:
    """Equal where the reference's are, and as many; words are told from characters."""
    met: dict[str, int] = {}
    for found, text in zip(hashes(texts), texts, strict=True):
        expected = reference.units(text)
        assert len(found) == len(expected), (text, expected)
        assert all(met.setdefault(unit, value) == value for unit, value in zip(expected, found, strict=True))
    assert len(set(met.values())) == len(met)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_a_text_does_not_depend_on_its_neighbours(texts: list[str]) -> None:
    assert hashes(texts) == [hashes([text])[0] for text in texts]


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.integers(1, 6))
def test_grams_are_all_runs_within_a_text(texts: list[str], size: int) -> None:
    found = grams(read_units(texts), size)
    met: dict[tuple[str, ...], int] = {}
    for text, part in zip(texts, np.split(found.hashes, found.ends[:-1]) if texts else [], strict=True):
        parts = reference.units(text)
        runs = [tuple(parts[at : at + size]) for at in range(max(min(1, len(parts)), len(parts) - size + 1))]
        assert len(runs) == part.size
        assert all(met.setdefault(run, value) == value for run, value in zip(runs, part.tolist(), strict=True))
    assert len(set(met.values())) == len(met)


@pytest.mark.parametrize(("one", "other"), [
    ("患者，男，５５岁。", "患者 男 55 岁"), ("Take 15mg, twice.", "take 15 MG twice"), ("Ｈｂ：１２０ｇ／Ｌ", "hb 120 g l"),
    ("café", "cafe\u0301"), ("高血压\u200b患者", "高 血\n压患者"), ("dia\u00adbetes", "diabetes"),
    ("“B12”缺乏…", "B 12 缺乏"), ("37℃", "37°c"),
])  # fmt: skip
def test_writings_of_one_text_have_one_form(one: str, other: str) -> None:
    assert hashes([one]) == hashes([other])


@pytest.mark.parametrize(("one", "other"), [("1.5 mg", "15 mg"), ("肌无力", "肌有力"), ("ab cd", "abcd"), ("高血压", "血压高")])
def test_other_texts_have_others(one: str, other: str) -> None:
    assert hashes([one]) != hashes([other])


def test_words_are_told_from_characters() -> None:
    assert words_of(["高血压 and 2 drugs", "", "糖尿病", "three small words"]).tolist() == [3, 0, 0, 3]


def test_batches_keep_the_order_and_leave_nothing() -> None:
    texts = ["a" * 100_000, "b", "c" * 200_000, "d"]
    assert [text for batch in batches(texts) for text in batch] == texts and len(list(batches(texts))) > 1

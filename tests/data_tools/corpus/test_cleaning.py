"""The cleaner: each kind of change has its right value, numbers and units stay, and cleaning twice is cleaning once."""

# ruff: noqa: E501  (a sample is read better on one line)

import re
import unicodedata

import pytest

pytest.importorskip("ftfy", reason="needs the extra corpus")
pytest.importorskip("opencc", reason="needs the extra corpus")
from hypothesis import given, settings
from hypothesis import strategies as st

from data_tools.corpus.cleaning.cleaner import CleanConfig, cleaner
from data_tools.corpus.document import Document, Dropped

_STEP = cleaner(CleanConfig())


def _clean(text: str) -> Document:
    after = _STEP(Document(text, {"id": "7"}))
    assert isinstance(after, Document)
    return after


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("mojibake", "The patientâ€™s naÃ¯ve cells.", "The patient’s naïve cells."),
        ("mojibake", "患者发热。".encode().decode("latin-1"), "患者发热。"),
        ("line_ends", "a one\r\nb two\rc three\u2028d four", "a one\nb two\nc three\nd four"),
        ("invisible", "infor\u200bmed\u00ad con\ufeffsent\u202e here\x07", "informed consent here"),
        ("invisible", "soft\u00ad\nened", "softened"),
        ("spaces", "\u3000\u3000患者\u00a0发热", "患者 发热"),
        ("signs", "5 \u00b5g ﬁrst \uf0b3 3", "5 \u03bcg first ≥ 3"),
        ("composed", "cafe\u0301 and Å", "café and Å"),
        ("entities", "P &lt; 0.05 &amp;amp; R&nbsp;&gt; 2", "P < 0.05 & R > 2"),
        ("line_tails", "one two \t\nthree", "one two\nthree"),
        ("wide_gaps", "name      value", "name  value"),
        ("hyphenation", "the treat-\nment of anaemia", "the treatment of anaemia"),
        ("hyphenation", "a beta-\nblocker", "a beta-blocker"),
        ("hyphenation", "co-operation was good; the co-\noperation", "co-operation was good; the co-operation"),
        ("traditional", "患者出現發熱，建議檢查。", "患者出现发热，建议检查。"),
        ("blank_lines", "one\n\n\n\ntwo", "one\n\ntwo"),
        ("boilerplate", "患者发热三天。\n上一篇：感冒怎么办\n版权所有 © 2020 某网", "患者发热三天。"),
        ("boilerplate", "Fever for 3 days.\nShare this article\nCopyright © 2020 Site. All rights reserved.", "Fever for 3 days."),
        ("repeated", "中华医学杂志第三卷增刊一\n甲。\n" * 3, "中华医学杂志第三卷增刊一\n甲。\n甲。\n甲。"),
    ],
)
def test_a_change_and_its_count(kind: str, before: str, after: str) -> None:
    document = _clean(before)
    assert document.text == after
    changes = document.known["changes"]
    assert isinstance(changes, dict) and changes[kind] >= 1
    assert document.known["id"] == "7"


@pytest.mark.parametrize(
    "text",
    [
        "WBC 12.3×10⁹/L，体温 38.5℃，½片，㎎，Ⅱ度，１０ｍｇ",
        "“引号”、‘单引号’，全角：（）！？～％",
        "pre-\nand postoperative care",  # a hanging hyphen
        "doses of 5-\n10 mg",
        "乾燥症不用乾隆的方子".replace("乾燥", "干燥"),
        "| Drug | Dose |\n| aspirin | 100 mg |",
        "患者：没有\n医生：好的\n患者：没有\n医生：好的",  # short turns may come again
        "阿司匹林 100 mg qd 饭后服用\n氯吡格雷 75 mg qd 饭后服用\n阿司匹林 100 mg qd 饭后服用",  # said twice, with numbers
        "咨询电话见说明书。患者应当向医生咨询，预约下次检查。",
        "The patient should share any cookie recipes; copyright law was discussed at length with her, for reasons of her own making.",
    ],
)
def test_what_has_a_meaning_stays(text: str) -> None:
    document = _clean(text)
    assert document.text == text
    assert "changes" not in document.known


def test_japanese_is_not_simplified() -> None:
    assert _clean("患者は発熱と頭痛を訴えた。検査を実施する。").text == "患者は発熱と頭痛を訴えた。検査を実施する。"


def test_traditional_stays_where_it_is_not_asked_for() -> None:
    after = cleaner(CleanConfig(simplify=False))(Document("患者出現發熱。"))
    assert isinstance(after, Document) and after.text == "患者出現發熱。"


def test_removed_characters_are_noted_by_kind() -> None:
    document = _clean("患者发热三天，伴咳嗽。\n上一篇：感冒怎么办")
    assert document.known["removed"] == {"boilerplate": len("\n上一篇：感冒怎么办")}


def test_nothing_left_is_a_drop() -> None:
    assert _STEP(Document("\u200b \u3000\n上一篇：感冒")) == Dropped("empty", "nothing is left of it after cleaning")


_JUNK = ["\u200b", "\u00ad", "\ufeff", "\u202a", "\x00", "\u00a0", "\u3000", "\r\n", "\u2028", "&amp;", "&nbsp;", "&lt", "-\n", " \n",
         "   ", "\n\n\n", "é", "e\u0301", "ﬁ", "\u00b5", "Ã©", "â€™", "發", "乾", "患者", "上一篇：", "首页", "|", "share", "ab-\ncd", "カ", "\ud800"]
_TEXTS = st.lists(st.one_of(st.sampled_from(_JUNK), st.text(max_size=6)), max_size=20).map("".join)


@given(_TEXTS)
@settings(max_examples=100, deadline=None)
def test_cleaning_again_changes_nothing(text: str) -> None:
    once = _STEP(Document(text))
    if isinstance(once, Document):
        before = once.text
        again = _STEP(Document(before))
        assert isinstance(again, Document) and again.text == before and not again.known


_NUMBERS = st.builds("{}{}{}".format, st.sampled_from(["0.5", "12", "1,200", "10⁹", "½", "3~5", "5-10", "１２", "2×10³", "<3", "-4"]),
                     st.sampled_from(["", " "]), st.sampled_from(["mg/kg", "μg", "×10⁹/L", "℃", "mmHg", "%", "‰", "IU", "mL·min⁻¹", "片", "岁"]))
_AROUND = st.sampled_from([" ", "，", "\u200b", "\u3000", "\u00a0", " 剂量为", "dose of ", "&nbsp;", "\r\n", " 發熱 ", "\ufeff", "。", "   "])


@given(st.lists(st.tuples(_AROUND, _NUMBERS), min_size=1, max_size=12))
def test_numbers_and_units_are_the_same_in_the_same_order(parts: list[tuple[str, str]]) -> None:
    after = cleaner(CleanConfig(repeats=False))(Document("始" + "".join(around + number for around, number in parts) + " 终"))
    assert isinstance(after, Document)
    where = 0
    for _, number in parts:
        where = after.text.index(number, where) + len(number)


@given(st.text())
@settings(max_examples=150, deadline=None)
def test_no_number_is_made_changed_or_lost(text: str) -> None:
    """Of any text in which nothing is encoded and no line says nothing."""
    text = re.sub("[&\x80-\x9f\u00c0-\u04ff\ufffd]", "", text)
    after = cleaner(CleanConfig(boilerplate=False, repeats=False))(Document(text))
    numbers = [sign for sign in text if unicodedata.category(sign).startswith("N")]
    left = [sign for sign in after.text if unicodedata.category(sign).startswith("N")] if isinstance(after, Document) else []
    assert left == numbers

"""Surrogates are of the form of what they stand for, and dates are shifted alike."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_tools.corpus.document import Document
from data_tools.corpus.phi.checks import citizen, luhn
from data_tools.corpus.phi.deidentifying import PhiConfig, deidentifier
from data_tools.corpus.phi.find import find_spans
from data_tools.corpus.phi.shift import Dates, read, weeks_of
from data_tools.corpus.phi.surrogates import Surrogates
from tests.data_tools.corpus.phi_found import after, found
from tests.data_tools.corpus.phi_notes import note_en, note_zh


@pytest.mark.parametrize("maker", [note_zh, note_en])
def test_surrogates_are_found_as_what_they_stand_for(maker, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("5a" * 32)
    step = deidentifier(PhiConfig(mode="surrogate", key_file=str(tmp_path / "key")))
    for seed in range(60):
        text, _ = maker(seed)
        changed = after(step, text)
        assert [span.type for span in find_spans(changed)] == [span.type for span in find_spans(text)], (text, changed)
        assert not {value for kind, value in found(text) if len(value) > 5 and kind != "DATE"} & {
            value for _, value in found(changed)
        }


def test_one_person_has_one_surrogate_in_a_document() -> None:
    text = "姓名：王建国。王建国诉，王主任查房。Patient: John Smith. Mr. Smith was seen. J. Smith, MD."
    surrogates = Surrogates(b"k" * 16, "one", [])
    of = [surrogates.of(text, span) for span in find_spans(text) if span.type == "NAME"]
    assert of[0] == of[1] and of[2] == of[0][0] and len(of[0]) == 3
    first, last = of[3].split()
    assert of[4] == last and of[5] == f"{first[0]}. {last}"


def test_surrogates_have_check_digits_where_the_values_have_them() -> None:
    text = "身份证号11010519491231002X，银行卡6222021234567890128，身份证号110105194912310021。"
    spans = find_spans(text)
    valid, bank, invalid = (Surrogates(b"k" * 16, "one", []).of(text, span) for span in spans)
    assert citizen(valid) and valid[2:6] == "0099" and not citizen(invalid)
    assert luhn(bank) == luhn("6222021234567890128") and bank[2:6] == "9999"


_SPELLINGS = (
    "{y}-{m:02}-{d:02}",
    "{y}年{m}月{d}日",
    "{y}/{m}/{d}",
    "{m:02}/{d:02}/{y}",
    "{d} {n} {y}",
    "{n} {d}, {y}",
    "{y}{m:02}{d:02}",
    "{y:04}.{m}.{d}",
)


def _written(spelling: str, day: date) -> str:
    return spelling.format(y=day.year, m=day.month, d=day.day, n=day.strftime("%B"))


@given(
    st.lists(st.tuples(st.sampled_from(_SPELLINGS), st.dates(date(1945, 1, 1), date(2030, 1, 1))), min_size=2, max_size=5),
    st.binary(min_size=8, max_size=8),
)
@settings(max_examples=150, deadline=None)
def test_shifted_dates_keep_their_differences_weekdays_and_spelling(days: list[tuple[str, date]], secret: bytes) -> None:
    written = [_written(spelling, day) for spelling, day in days]
    weeks = weeks_of(secret)
    moved = [Dates(written, weeks).moved(text) for text in written]
    for (spelling, day), text in zip(days, moved, strict=True):
        expected = date.fromordinal(day.toordinal() + 7 * weeks)
        assert expected.weekday() == day.weekday() and expected != day
        digits = [int(part) for part in "".join(c if c.isdigit() else " " for c in text).split()]
        wanted = [int(part) for part in "".join(c if c.isdigit() else " " for c in _written(spelling, expected)).split()]
        assert digits == wanted, (spelling, day, text)


@pytest.mark.parametrize(("text", "weeks", "moved"), [
    ("二〇二三年五月六日", 1, "二〇二三年五月十三日"), ("May 1st, 2023", 1, "May 8th, 2023"), ("5月6-8日", 1, "5月13-15日"),
    ("6-MAY-2023", 4, "3-JUN-2023"),
    ("Sept 30, 2023", 1, "Oct 7, 2023"), ("2023-05-06T14:30:00Z", 1, "2023-05-13T14:30:00Z"), ("2023年5月", 8, "2023年7月"),
    ("23.5.6", 1, "23.5.13"), ("12/25", 1, "01/01"),
])  # fmt: skip
def test_a_shifted_date_is_written_as_before(text: str, weeks: int, moved: str) -> None:
    assert Dates([text], weeks).moved(text) == moved, read(text)


def test_a_document_with_a_day_above_12_in_front_has_days_in_front() -> None:
    assert Dates(["25/12/2023", "05/06/2023"], 1).moved("05/06/2023") == "12/06/2023"


def test_dates_of_one_patient_are_shifted_alike_and_of_another_not(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("5a" * 32)
    step = deidentifier(PhiConfig(mode="surrogate", key_file=str(tmp_path / "key")))

    def shift(patient: str, text: str) -> int:
        document = step(Document(text, {"patient": patient}))
        assert isinstance(document, Document)
        return (date.fromisoformat(document.text[-11:-1]) - date.fromisoformat(text[-11:-1])).days

    one = {shift("p1", f"第{n}次入院：2023-05-{n:02}。") for n in range(10, 20)}
    others = {shift(f"p{n}", "入院：2023-05-06。") for n in range(12)}
    assert len(one) == 1 and len(others) > 6

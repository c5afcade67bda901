"""Notes with labelled PHI: the labels are exact and complete, the numbers check, the same seed writes the same notes."""

import json
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from megatron_qm.errors import UserError

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "phi_notes"))
import check_digits  # isort: skip
import generate  # isort: skip
import grammar  # isort: skip
import terms  # isort: skip

LANGUAGES = ("zh", "en")
NOTES = 600
FULL_WIDTH = str.maketrans("０１２３４５６７８９Ｘ", "0123456789X")


@pytest.fixture(scope="module", params=LANGUAGES)
def rows(request: pytest.FixtureRequest) -> list[dict]:
    return list(generate.notes(request.param, NOTES, seed=7))


def values(rows: list[dict], kind: str) -> list[str]:
    return [row["text"][span["start"]:span["end"]] for row in rows for span in row["phi"] if span["type"] == kind]


def test_there_are_enough_of_each_type_and_no_note_comes_twice(rows: list[dict]) -> None:
    """300 of each in 2,000 notes, of plates and cards 150."""
    found = Counter(span["type"] for row in rows for span in row["phi"])
    assert set(found) == set(generate.TYPES)
    assert {kind: count for kind, count in found.items() if count < (0.075 if kind in ("PLATE", "BANK") else 0.15) * NOTES} == {}
    assert len({row["text"] for row in rows}) == len(rows) == NOTES


def test_spans_do_not_overlap_and_hold_nothing_but_the_value(rows: list[dict]) -> None:
    for row in rows:
        end = 0
        for span in sorted(row["phi"] + row["traps"], key=lambda span: span["start"]):
            assert end <= span["start"] < span["end"] <= len(row["text"]), row["id"]
            end = span["end"]
        for span in row["phi"]:
            value = row["text"][span["start"]:span["end"]]
            assert not re.search(r"^[\s.,;:，。、：；|]|[\s.,;:，。、：；|]$", value), (row["id"], value)


def test_a_value_that_is_labelled_once_is_labelled_wherever_it_stands(rows: list[dict]) -> None:
    for row in rows:
        known = [(span["start"], span["end"]) for span in row["phi"] + row["traps"]]  # Mr. Wilson may have Wilson's disease
        for span in row["phi"]:
            value = row["text"][span["start"]:span["end"]]
            if len(value) >= (3 if row["language"] == "zh" else 6):
                for match in re.finditer(rf"(?<!\w){re.escape(value)}(?!\w)", row["text"]):
                    assert any(a <= match.start() and match.end() <= b for a, b in known), (row["id"], value, match.start())


def test_what_is_written_is_what_the_slots_wrote(rows: list[dict]) -> None:
    """Each type in its own alphabet: a label that slipped would show."""
    for value in values(rows, "EMAIL"):
        assert re.fullmatch(r"[\w.+-]+[@＠][\w.-]+\.\w+", value, re.ASCII | re.IGNORECASE) or "＠" in value, value
    for kind in ("PHONE", "BANK"):
        for value in values(rows, kind):
            assert len(re.findall(r"\d", value)) >= (15 if kind == "BANK" else 3), value
    for kind in ("DATE", "ID", "MRN", "PLATE"):
        for value in values(rows, kind):
            assert re.search(r"\d|[〇一二三四五六七八九十]", value), value


def test_cards_pass_luhn(rows: list[dict]) -> None:
    for value in values(rows, "BANK"):
        digits = [int(digit) for digit in re.sub(r"\D", "", value)]
        assert (sum(digits[-1::-2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])) % 10 == 0, value


def test_identity_numbers_check() -> None:
    found = 0
    for value in values(list(generate.notes("zh", 400, seed=3)), "ID"):
        bare = re.sub(r"[\s-]", "", value.translate(FULL_WIDTH)).upper()
        if re.fullmatch(r"\d{17}[\dX]", bare):
            found += 1
            assert sum((10 if c == "X" else int(c)) * 2 ** (17 - i) for i, c in enumerate(bare)) % 11 == 1, value  # ISO 7064
    assert found > 100


@pytest.mark.parametrize("made, known", [
    (check_digits.luhn("411111111111111"), "4111111111111111"),  # the test card of every payment service
    (check_digits.resident_id("11010519491231002"), "11010519491231002X"),  # the example of GB 11643
    (check_digits.nhs_number("943476591"), "9434765919"),  # the example of the NHS data dictionary
    (check_digits.nhs_number("000000006"), None),  # 6 x 2 leaves 1, and 11 - 1 is no digit
])
def test_check_digits_of_published_examples(made: str | None, known: str | None) -> None:
    assert made == known


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_seed_decides(code: str) -> None:
    once, again, other = (list(generate.notes(code, 100, seed)) for seed in (5, 5, 6))
    assert once == again
    assert not {row["text"] for row in once} & {row["text"] for row in other}


@pytest.mark.parametrize("code", LANGUAGES)
def test_templates_are_many_and_all_are_used(code: str) -> None:
    language = generate.read_language(code)
    assert len(language.templates) >= 60
    used = {slot[1:] for sections in (language.templates, language.pools) for lines in sections.values()
            for line in lines for slot in grammar.slots(line) if slot.startswith("+")}
    assert used == set(language.pools)


@pytest.mark.parametrize("text, told", [
    ("### a\nx <b|c", "bad.txt:2: > is missing"),
    ("### a\nx {b", "bad.txt:2: {b is never closed"),
    ("### a\nx | y", "bad.txt:2: a | outside"),
    ("x", "bad.txt:1: text before the first section"),
    ("### a\n### a", "bad.txt:2: section a is there twice"),
])
def test_a_template_that_cannot_be_read_is_refused_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(UserError, match=re.escape(told)):
        grammar.read_sections(path)


@pytest.mark.parametrize("code", LANGUAGES)
def test_terms_are_many_and_none_is_phi(code: str) -> None:
    names, found = [name for _, name in terms.read(code)], list(terms.rows(code, seed=1))
    assert len(set(names)) >= 500
    for name, row in zip(names, found, strict=True):
        (span,) = row["traps"]
        assert row["phi"] == [] and row["text"][span["start"]:span["end"]].lower() == name.lower()


def test_the_command_writes_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "notes.jsonl"
    monkeypatch.setattr(sys, "argv", ["generate.py", "--language", "en", "--notes", "5", "--seed", "2", "--output", str(output)])
    assert generate.main() == 0
    lines = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert lines == list(generate.notes("en", 5, seed=2))
    assert capsys.readouterr().out.startswith("5 rows; NAME ")

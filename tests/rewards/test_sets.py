"""Diagnoses, drugs and tests: credit, contradictions, and lists that name too much."""
# ruff: noqa: E501  Chinese characters count twice

import pytest

from megatron_qm.rewards.diagnosis import diagnosis
from megatron_qm.rewards.drugs import drugs
from megatron_qm.rewards.ordering import ordering
from megatron_qm.rewards.shaping import repeated_share, soft_overlong


@pytest.mark.parametrize(("given", "credit"), [("I21.9", 1.0), ("I21.0", 0.5), ("I20.0", 0.2), ("I50.9", 0.1), ("J18.9", 0.0), ("I999", 0.1)])
def test_credit_follows_the_hierarchy(given, credit):
    assert diagnosis("", given, "I21.9", {}).parts["top1"] == credit


@pytest.mark.parametrize(("system", "code"), [("who", "I21.9"), ("cm", "E11.65")])
def test_both_books(system, code):
    assert diagnosis("", f'{{"code": "{code}"}}', code, {"system": system}).value == 1.0


def test_a_wrong_code_with_the_right_name_is_wrong():
    for response in ('{"code": "J18.9", "name": "急性心肌梗死"}', "J18.9 急性心肌梗死", '{"code": "I21.9", "name": "肺炎"}'):
        assert diagnosis("", response, "I21.9", {}).value == 0.0


def test_a_users_names_and_lists():
    assert diagnosis("", "心肌坏死症", "I21.9", {"names": {"心肌坏死症": "I21.9"}}).value == 1.0
    outcome = diagnosis("", '["I21.9", "J18.9", "K37", "N39.0"]', "I21.9", {})
    assert (outcome.parts["precision"], outcome.value) == (0.25, 0.4)


_REFERENCE = [{"name": "阿莫西林", "dose": "500mg", "route": "口服"}, {"name": "omeprazole"}]


@pytest.mark.parametrize(("response", "value"), [
    ('{"drugs": [{"name": "Amoxil", "dose": "0.5 g", "route": "po"}, {"name": "奥美拉唑肠溶胶囊"},]}', 1.0),
    ("建议口服阿莫西林0.5g，奥美拉唑。", 1.0), ("Amoxicillin 500 mg PO and omeprazole, avoid ibuprofen", 1.0),
    ('{"drugs": [{"name": "amoxicillin", "dose": "500 g", "route": "po"}, {"name": "omeprazole"}]}', 0.75),
    ('{"drugs": ["amoxicillin", "omeprazole", "布洛芬"]}', 0.0), ("不用阿莫西林、奥美拉唑", 0.0)])
def test_drugs(response, value):
    assert drugs("", response, _REFERENCE, {"contraindicated": ["ibuprofen"]}).value == value


def test_a_contraindicated_drug_is_named():
    outcome = drugs("", '{"drugs": ["omeprazole"]} plus Advil', ["omeprazole"], {"contraindicated": ["布洛芬"]})
    assert (outcome.value, outcome.explanation) == (0.0, "contraindicated here: ibuprofen")


def test_ordering_everything_does_not_win():
    assert ordering("", "血常规、心电图，暂不需要胸部CT", ["cbc", "ecg"], {}).value == 1.0
    assert ordering("", "cbc, ecg, crp, bnp, lipase, amylase, hba1c, d-dimer", ["cbc", "ecg"], {}).value == 0.4


def test_soft_overlong_is_dapo_s():
    assert [soft_overlong(length, 20, 10) for length in (5, 10, 15, 20, 99)] == [0, 0, -0.5, -1, -1]


@pytest.mark.parametrize(("tokens", "ngram", "share"), [
    ((1, 2, 3, 1, 2, 3, 1, 2, 3), 3, 4 / 7), ((1, 2, 3, 4), 2, 0.0), ((5, 5, 5, 5), 1, 0.75), ((1, 2), 3, 0.0), ((), 1, 0.0),
])
def test_what_is_said_again(tokens, ngram, share):
    assert repeated_share(tokens, ngram) == pytest.approx(share)


@pytest.mark.parametrize("response", [
    "Discontinue aspirin and atorvastatin.", "The patient is allergic to aspirin and atorvastatin.", "Aspirin allergy; statin intolerance.",
    "Aspirin and atorvastatin are contraindicated.", "阿司匹林和阿托伐他汀均禁用。",
])
def test_drugs_that_are_withheld_are_not_given(response):
    assert drugs("", response, ["aspirin", "atorvastatin"], {}).value == 0.0


@pytest.mark.parametrize("response", [
    "Aspirin and atorvastatin; ibuprofen is contraindicated.", "Start aspirin and atorvastatin, ibuprofen and naproxen are contraindicated.",
    "For allergic rhinitis give aspirin and atorvastatin.", "给予抗过敏治疗，阿司匹林和阿托伐他汀。",
])
def test_a_denial_of_others_leaves_what_is_given(response):
    assert drugs("", response, ["aspirin", "atorvastatin"], {"contraindicated": ["ibuprofen"]}).value > 0.5


def test_a_denial_behind_a_list_of_tests_is_of_all():
    synonyms = {"synonyms": {"electrocardiogram": ["ECG"], "troponin": []}}
    assert ordering("", "ECG and troponin are not needed.", ["electrocardiogram", "troponin"], synonyms).value == 0.0
    assert ordering("", "ECG and troponin are needed.", ["electrocardiogram", "troponin"], synonyms).value == 1.0


@pytest.mark.parametrize("response", ["Family history of myocardial infarction.", "I21.9.1", "既往急性心肌梗死病史。"])
def test_diseases_of_others_and_of_old_are_no_diagnosis(response):
    assert diagnosis("", response, "I21.9", {}).value == 0.0


def test_a_history_that_is_the_diagnosis():
    assert diagnosis("", "Z85.3 Personal history of malignant neoplasm of breast", "Z85.3", {}).value == 1.0

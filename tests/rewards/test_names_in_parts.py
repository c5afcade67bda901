"""Names said in parts, cut short or misspelt, and what later words say of them: kinds of answers, both ways, in both languages."""
# ruff: noqa: E501  Chinese characters count twice

import pytest

from megatron_qm.rewards.diagnosis import diagnosis
from megatron_qm.rewards.drugs import drugs
from megatron_qm.rewards.ordering import ordering
from megatron_qm.rewards.reading.slips import slip


def paid(task, response, reference, **metadata):
    return task("", response, reference, metadata).value > 0.5


@pytest.mark.parametrize(("response", "reference", "right"), [
    ("USS abdo - best for stones", ["abdominal ultrasound"], True), ("USS neck", ["abdominal ultrasound"], False),
    ("MRI of the abdomen", ["abdominal ultrasound"], False), ("Proximal leg vein duplex", ["compression ultrasound of leg veins"], True),
    ("Leg vein venography", ["compression ultrasound of leg veins"], False),
    ("Paired serum and urine osmolalities", ["serum osmolality", "urine osmolality"], True),
    ("Urine osmolality and serum sodium", ["serum osmolality"], False),
    ("痰找结核菌培养", ["痰分枝杆菌培养"], True), ("血培养", ["痰分枝杆菌培养"], False),
    ("穿刺活检（前列腺）", ["前列腺穿刺活检"], True), ("穿刺活检（乳腺）", ["前列腺穿刺活检"], False),
    ("床旁双下肢静脉B超", ["下肢静脉超声"], True), ("下肢静脉造影", ["下肢静脉超声"], False),
    ("超声引导下细针穿刺", ["甲状腺细针穿刺"], True), ("乳腺细针穿刺", ["甲状腺细针穿刺"], False),
])
def test_a_test_is_its_parts(response, reference, right):
    assert paid(ordering, response, reference) == right


@pytest.mark.parametrize(("response", "code", "right"), [
    ("Appendicitis, acute, uncomplicated", "K35.8", True), ("Acute non-perforated appendicitis", "K35.8", True),
    ("Chronic appendicitis, acute cholecystitis", "K35.8", False), ("Appendicitis, not acute", "K35.8", False),
    ("Pneumonia caused by Strep pneumoniae", "J13", True), ("Pneumonia caused by Legionella", "J13", False),
    ("类风湿关节炎（血清阳性）", "M05.9", True), ("类风湿关节炎（血清阴性）", "M05.9", False),
    ("胃角溃疡伴活动性出血", "K25.4", True), ("十二指肠溃疡伴出血，胃炎", "K25.4", False), ("胃溃疡，不伴出血", "K25.4", False),
    ("左侧输尿管上段结石", "N20.1", True), ("左侧肾结石", "N20.1", False), ("右气胸，自发性", "J93.1", True),
])
def test_a_diagnosis_is_its_parts(response, code, right):
    assert paid(diagnosis, response, [code], system="who") == right


@pytest.mark.parametrize(("response", "reference", "right"), [
    ("clarithro 500 mg bd", ["clarithromycin"], True), ("permetrin cream", ["permethrin"], True), ("左氧0.5g qd", ["左氧氟沙星"], True),
    ("ESO 80 mg iv", ["艾司奥美拉唑"], True), ("ceft 1 g", ["ceftriaxone"], False), ("prednisone 30 mg", ["prednisolone"], False),
    ("首选经皮雌二醇凝胶", ["雌二醇"], True), ("选择罗红霉素", ["红霉素"], False),
    ("\\boxed{\\text{Dexamethasone } 2.1\\ \\text{mg orally}}", [{"name": "dexamethasone", "dose": "2.1 mg", "route": "oral"}], True),
    ('{"药物": "多西环素", "每次剂量": "0.1g", "给药途径": "po"}', [{"name": "多西环素", "dose": "100 mg", "route": "口服"}], True),
    ('{"药物": "多西环素", "每次剂量": "1g", "给药途径": "iv"}', [{"name": "多西环素", "dose": "100 mg", "route": "口服"}], False),
])
def test_a_drug_is_known_cut_short(response, reference, right):
    assert paid(drugs, response, reference) == right


@pytest.mark.parametrize(("response", "right"), [
    ("Aspirin. Contraindicated. Clopidogrel it is.", False), ("I first wrote aspirin. On rereading I cancelled it. Clopidogrel.", False),
    ("Warfarin is contraindicated. Aspirin likewise. Clopidogrel.", False), ("Clopidogrel is fine. Aspirin likewise.", True),
    ('The letter says "aspirin 300 mg is advised". I disagree: clopidogrel.', False), ("He took aspirin in 2011. Clopidogrel now.", False),
    ("Clopidogrel 75 mg; aspirin 300 mg if no better", False), ("Clopidogrel. Aspirin would be my second choice.", False),
    ("As he has no ulcer, my pick for him is aspirin.", True), ("Options: clopidogrel, aspirin. He is neither, so aspirin 300 mg.", True),
    ("氯吡格雷75mg。阿司匹林太伤胃，我认为目前可以不用。", False), ("阿司匹林患者拒绝，改氯吡格雷。", False),
    ("外院写着“建议阿司匹林”。我开氯吡格雷。", False), ("同病房的患者吃阿司匹林，本例用氯吡格雷。", False),
    ("三个月后再考虑阿司匹林，现在氯吡格雷。", False), ("他同事吃的是阿司匹林。我给他开氯吡格雷。", False),
    ("用氯吡格雷也行，但这里选阿司匹林。", True), ("阿司匹林，千万别停。", True),
])
def test_what_is_said_later_or_by_others_governs(response, right):
    assert paid(drugs, response, ["aspirin"]) == right


def test_a_drug_for_the_case_that_others_fail_is_given():
    outcome = drugs("", "拉贝洛尔静推，血压不降者加依那普利10mg口服", ["拉贝洛尔"], {"contraindicated": ["依那普利"]})
    assert outcome.parts["contraindicated"] == 1.0


@pytest.mark.parametrize(("one", "other", "near"), [
    ("abcd", "abd", True), ("abd", "abcd", True), ("abcd", "abxd", True), ("abcd", "abdc", True), ("abcd", "abcd", True),
    ("abcd", "ab", False), ("abcd", "bcda", False), ("abcd", "xbxd", False)])
def test_one_letter(one, other, near):
    assert (slip(one, other) is not None) == near

"""What identifies a person is found in any text, and nothing else is."""

import random
import re

import pytest
from hypothesis import given, settings

from data_tools.corpus.phi.checks import citizen, citizen_digit, iban, luhn, luhn_digit, nhs_digit
from data_tools.corpus.phi.find import find_spans
from data_tools.corpus.phi.fold import fold
from data_tools.corpus.phi.spans import TYPES, Span, resolve
from tests.data_tools.corpus.phi_found import MIXED, found, of_type
from tests.data_tools.corpus.phi_notes import note_en, note_zh


@pytest.mark.parametrize(("maker", "least"), [(note_zh, 0.97), (note_en, 0.97)])
def test_notes_drawn_anew_are_found_by_type_and_nothing_else(maker, least: float) -> None:
    """Another seed each run: what holds is a kind, not an example."""
    begin = random.SystemRandom().randrange(1 << 30)
    missed: list[str] = []
    false: list[str] = []
    total = 0
    for seed in range(begin, begin + 120):
        text, gold = maker(seed)
        spans = find_spans(text)
        total += len(gold)
        missed += [f"seed {seed}: {span.type} {text[span.start : span.end]}" for span in gold if span not in spans]
        false += [
            f"seed {seed}: {s.type} {text[s.start : s.end]}"
            for s in spans
            if not any(g.type == s.type and g.start < s.end and s.start < g.end for g in gold)
        ]
    assert len(missed) <= (1 - least) * total, missed[:20]
    assert len(false) <= (1 - least) * total, false[:20]


@pytest.mark.parametrize(("text", "kind", "value"), [
    ("电话：一三八零零一二三四五六", "PHONE", "一三八零零一二三四五六"),
    ("手机１３８００１２３４５６", "PHONE", "１３８００１２３４５６"),
    ("拨打+86 138-0012-3456", "PHONE", "+86 138-0012-3456"),
    ("分机8001转", "PHONE", "8001"),
    ("护照号：E12345678", "ID", "E12345678"),
    ("身份证号：110105199003071231", "ID", "110105199003071231"),  # a wrong check digit still tells who it is
    ("身份证 110105 19491231 002x", "ID", "110105 19491231 002x"),
    ("港澳通行证C12345678", "ID", "C12345678"),
    ("车牌京AD12345", "PLATE", "京AD12345"),
    ("影像号：CT20230506001", "MRN", "CT20230506001"),
    ("于二〇二三年五月六日入院", "DATE", "二〇二三年五月六日"),
    ("入院时间2023/5/6 14:30。", "DATE", "2023/5/6"),
    ("今年3月起", "DATE", "3月"),
    ("患者阿依古丽·买买提诉", "NAME", "阿依古丽·买买提"),
    ("姓名：王　芳　性别", "NAME", "王　芳"),
    ("由欧阳娜娜陪同", "NAME", "欧阳娜娜"),
    ("请张医生会诊", "NAME", "张"),
    ("李某某，男", "NAME", "李某某"),
    ("转市一院", "HOSPITAL", "市一院"),
    ("在郑大一附院就诊", "HOSPITAL", "郑大一附院"),
    ("住西藏自治区那曲市色尼区浙江中路12号", "ADDRESS", "西藏自治区那曲市色尼区浙江中路12号"),
    ("zhang.wei＠163.com", "EMAIL", "zhang.wei＠163.com"),
    ("mail j.smith [at] example [dot] com", "EMAIL", "j.smith [at] example [dot] com"),
    ("银行卡6222 0212 3456 7890 128", "BANK", "6222 0212 3456 7890 128"),
    ("PATIENT: SMITH, JOHN A.", "NAME", "SMITH, JOHN A."),
    ("Mr. O'Brien was", "NAME", "O'Brien"),
    ("name: john smith", "NAME", "john smith"),
    ("seen in May for", "DATE", "May"),
    ("DOB 6 May 23", "DATE", "6 May 23"),
    ("at 2023-05-06T14:30:00Z.", "DATE", "2023-05-06"),
    ("page beeper 4471 now", "PHONE", "4471"),
    ("call (555) 123-4567 ext. 12", "PHONE", "(555) 123-4567 ext. 12"),
    ("call +44 20 7946 0958", "PHONE", "+44 20 7946 0958"),
    ("SSN 123-45-6789", "ID", "123-45-6789"),
    ("Flat 3, 12 Baker Street, London NW1 6XE", "ADDRESS", "Flat 3, 12 Baker Street, London NW1 6XE"),
    ("at Addenbrooke's Hospital today", "HOSPITAL", "Addenbrooke's Hospital"),
])  # fmt: skip
def test_a_spelling_is_found_whole(text: str, kind: str, value: str) -> None:
    assert value in of_type(text, kind), found(text)


@pytest.mark.parametrize("text", [
    "白蛋白35g/L，黄疸加深，高血压3级，何杰金病，任何不适随诊，方案同前。", "于2020年起病，病史5年3月，住院2-3日。", (
        "血压120/80mmHg，体温38.5，1.5/2.0，肌力5/5级，10-20次。"
    ),
    "予利福平、地塞米松、林可霉素、罗红霉素、马来酸氯苯那敏。", "曾在我院及外院就诊，建议到上级医院，去当地医院。", (
        "遵医生嘱，感谢医生，向医生咨询，主治医师查房，外科医生、全科医生。"
    ),
    "患者白细胞高，患者时有头晕，患者经治疗好转，患者于昨日来院，家属任何要求。", (
        "version 10.1.2, ratio 3/4, take 1/2 tablet, 2/6 murmur, strength 5/5."
    ),
    "Parkinson's disease, Crohn disease, Graves disease, Bell's palsy, a Foley catheter, Hodgkin lymphoma, Wilson disease, "
    "Marfan syndrome.",
    "Babinski sign, Romberg test, Gleason score 3+4, Charcot-Marie-Tooth disease, Guillain-Barre syndrome.", (
        "He may march on. The patient was seen in the Pain Clinic of the hospital."
    ),
    "Take 500 mg 3 times 10 days; WBC 12.3, Na 140, 98765 copies.",
])  # fmt: skip
def test_what_identifies_nobody_stays(text: str) -> None:
    assert not found(text)


def test_check_digits_are_those_of_the_standards() -> None:
    assert citizen("11010519491231002X") and not citizen("110105194912310021")  # GB 11643-1999, its example
    assert luhn("79927398713") and luhn_digit("7992739871") == "3"  # ISO/IEC 7812-1
    assert iban("GB82WEST12345698765432") and not iban("GB83WEST12345698765432")  # ISO 13616
    assert nhs_digit("943476591") == "9"


def test_a_cue_decides_on_a_citizens_number_with_a_wrong_check_digit() -> None:
    wrong = "11010519491231002" + ("1" if citizen_digit("11010519491231002") != "1" else "2")
    assert of_type(f"身份证号{wrong}", "ID") == [wrong] and not of_type(f"条码值为{wrong}。", "ID")


def test_longest_first_then_the_order_of_types_and_never_within_a_word() -> None:
    text = "abc 12345 def"
    assert resolve(text, [Span(4, 9, "PHONE"), Span(4, 9, "MRN"), Span(4, 8, "ID"), Span(1, 3, "NAME")]) == [Span(4, 9, "MRN")]


@given(MIXED)
@settings(max_examples=150, deadline=None)
def test_spans_are_in_bounds_sorted_apart_and_whole(text: str) -> None:
    spans = find_spans(text)
    assert all(0 <= a.start < a.end <= len(text) and a.type in TYPES for a in spans)
    assert all(a.end <= b.start for a, b in zip(spans, spans[1:], strict=False))
    for span in spans:
        for edge in (span.start, span.end):
            around = text[max(0, edge - 1) : edge + 1]
            joined_time = span.type == "DATE" and edge == span.end and re.match(r"[0-9]{1,2} ?[:：时点]", text[edge:])
            within = around.isdecimal() and not joined_time or around.isascii() and around.isalpha()
            assert not (0 < edge < len(text) and within), (text, span)


def test_folding_keeps_places() -> None:
    text = "Ａ１＠，：　—王"
    assert len(fold(text)) == len(text) and fold(text) == "A1@，： -王" and fold("王：，") == "王：，"

"""Quality rules: which rule a kind of text breaks, that professional texts break none, and files of rules that are wrong."""

# ruff: noqa: E501  (a sample is read better on one line)

import pickle
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from data_tools.corpus.cleaning.measures import NAMES, Measures
from data_tools.corpus.cleaning.quality import SHIPPED, QualityConfig, quality, read_rules
from data_tools.corpus.document import Document, Dropped
from megatron_qm.errors import UserError

_STEP = quality(QualityConfig())
_ZH, _EN = {"language": "zh"}, {"language": "en"}


def _domain(after: Document | Dropped) -> float:
    assert isinstance(after, Document), after
    score = after.known["domain"]
    assert isinstance(score, float)
    return score


@pytest.mark.parametrize(
    ("reason", "language", "text"),
    [
        ("too_short", "zh", "高血压。"),
        ("garbled", "zh", "鎮ｈ€呯敺锛�56宀侊紝鍥犺兏鐥涘叆闄紝鏌ヤ綋锛氳鍘嬫甯搞€�"),
        ("numbers", "zh", "表3\n" + "12.5 33.1 48.0 91.7\n" * 12),
        ("repeated", "zh", "".join(f"{at}、出现发热时请及时到正规的医院就诊以免延误病情。" for at in "一二三四五六七八九十")),
        ("stuffing", "zh", "，".join(f"北京{one}哪家医院好，北京{one}多少钱" for one in ("痛风", "湿疹", "癫痫", "鼻炎", "胃炎", "肺炎", "肾炎"))),
        ("advertisement", "zh", "原价998元，现仅需98元！加微信免费咨询，货到付款，全国包邮，无效退款，先到先得。"),
        ("gambling", "zh", "真人荷官在线发牌，百家乐任选，首存送彩金，提款秒到账，欢迎注册。"),
        ("truncated", "zh", "糖尿病的治疗首先要明确病因，临床上常用的药物有很多种，患者在用药期间……"),
        ("garbled", "en", "xkq vbt wrt plk qqw zzt mnb vcx lkj hgf dsa qwr tyu ptr wsx edc rfv tgb yhn ujm ikl xcv bnm"),
        ("advertisement", "en", "Order your pills today and save! Free shipping, money back guarantee. Click here to buy now, call now for your bonus."),
        ("repeated", "en", "If you notice a fever, please see your own doctor without any delay. " * 10),
        ("truncated", "en", "The treatment of diabetes starts with its cause and many drugs are used for it, but... Read more"),
        ("no_prose", "en", "red blue green house car dog cat tree stone river phone music table garden window market door lamp cup road "
                           "hill cloud bird fish horse sheep goat wolf bear lion tiger"),
        ("code", "en", "function show() { document.getElementById('a').hide(); }\nvar x = { y: [] };\nif (a == b) { go(); }\n" * 2),
    ],
)  # fmt: skip
def test_a_kind_of_text_breaks_its_rule(reason: str, language: str, text: str) -> None:
    after = _STEP(Document(text, {"language": language}))
    assert isinstance(after, Dropped) and after.reason == reason, after


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "血常规\n白细胞计数\t12.3\t×10⁹/L\t3.5～9.5\t↑\n血红蛋白\t135\tg/L\t115～150\n血小板计数\t210\t×10⁹/L\t125～350\nC反应蛋白\t8.1\tmg/L\t0～5\t↑"),
        ("zh", "【用法用量】口服。成人一次0.5 g，一日3次；儿童按体重每日20～40 mg/kg，分3～4次服用。【禁忌】青霉素过敏者禁用。"),
        ("zh", "[1] 中华医学会心血管病学分会. 慢性心力衰竭诊断治疗指南[J]. 中华心血管病杂志, 2018, 46(10): 760-789."),
        ("zh", "ICD-10\nI10\t特发性高血压\nE11.9\t2型糖尿病\nJ45.9\t支气管哮喘\nK25.9\t胃溃疡\nN18.9\t慢性肾脏病"),
        ("en", "Sodium\t138\tmmol/L\t135-145\nPotassium\t4.1\tmmol/L\t3.5-5.0\nCreatinine\t88\tµmol/L\t60-110\nHaemoglobin\t13.5\tg/dL\t12-16"),
        ("en", "1. Smith JA, Brown AB, et al. Apixaban in atrial fibrillation: a randomised trial. Lancet. 2011;378(9800):1225-1234."),
        ("en", "Aspirin 100 mg PO QD, clopidogrel 75 mg PO QD, atorvastatin 40 mg PO QHS, metoprolol 25 mg PO BID, refills 3."),
        ("en", "Gambling disorder is treated with cognitive behavioural therapy; patients should be asked about casino visits and betting."),
        ("en", "Hepatitis A and vitamin A are discussed. Hepatitis A is mild. Vitamin A in excess is toxic. Hepatitis A was common."),
    ],
)  # fmt: skip
def test_professional_texts_stay_and_get_a_domain_score(language: str, text: str) -> None:
    after = _STEP(Document(text, {"language": language}))
    assert _domain(after) > 0


def test_latin_letters_of_no_language_are_asked_the_rules_of_english() -> None:
    letters = "xkq vbt wrt plk qqw zzt mnb vcx lkj hgf dsa qwr tyu ptr wsx edc rfv tgb yhn ujm ikl xcv bnm"
    after = _STEP(Document(letters, {"language": "und"}))
    assert isinstance(after, Dropped) and after.reason == "garbled"
    thai = "ผู้ป่วยมีไข้และปวดศีรษะมาสองวันแล้วจึงมาพบแพทย์ที่โรงพยาบาลในตอนเช้า"
    assert isinstance(_STEP(Document(thai, {"language": "und"})), Document)  # is asked the rules of `any` alone


def test_the_domain_score_tells_medicine_from_the_rest() -> None:
    medical = _STEP(Document("患者因胸痛入院，诊断为急性心肌梗死，予阿司匹林口服治疗。", dict(_ZH)))
    other = _STEP(Document("今天天气很好，我们一起去公园散步，看到了许多盛开的花，大家都很高兴。", dict(_ZH)))
    assert _domain(medical) > 20 > 5 > _domain(other)
    strict = quality(QualityConfig(domain_at_least=5))
    assert isinstance(other, Document)
    assert isinstance(dropped := strict(Document(other.text, dict(_ZH))), Dropped) and dropped.reason == "domain"


def test_what_cleaning_took_out_counts() -> None:
    after = _STEP(Document("患者发热三天，伴有咳嗽和咳痰，予以治疗。", {**_ZH, "removed": {"boilerplate": 400}}))
    assert isinstance(after, Dropped) and after.reason == "boilerplate"


@given(st.text(), st.sampled_from(["zh", "en", "und"]))
@settings(max_examples=150, deadline=None)
def test_any_text_can_be_measured(text: str, language: str) -> None:
    measures = Measures(text, language, {}, read_rules(SHIPPED).lists)
    for name in NAMES:
        assert getattr(measures, name) >= 0
    _STEP(Document(text, {"language": language}))


@pytest.mark.parametrize(
    ("text", "said"),
    [("a: [", "is no YAML"), ("zh: []", "must have the keys"), ("rule: {drop: x, measure: lenght, reason: y}", "there is no measure 'lenght'"),
     ("rule: {drop: x, measure: letters}", "must have drop, measure and reason"),
     ("rule: {drop: x, measure: letters, reason: y, at_least: 5, at_most: 2}", "at_least not over at_most"),
     ("rule: {drop: x, measure: letters, reason: y, when: {words: 3}}", "bounds must be numbers")],
)  # fmt: skip
def test_a_file_of_rules_that_is_wrong_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "rules.yaml"
    if text.startswith("rule: "):
        told = yaml.safe_load(SHIPPED.read_text())
        path.write_text(yaml.safe_dump({**told, "zh": [yaml.safe_load(text)["rule"]]}))
    else:
        path.write_text(text)
    with pytest.raises(UserError, match=said) as refused:
        quality(QualityConfig(rules=str(path)))
    assert str(path) in str(refused.value)


def test_every_shipped_rule_has_a_reason_and_a_bound() -> None:
    for section in ("any", "zh", "en"):
        for rule in read_rules(SHIPPED).of[section]:
            assert len(rule.reason) > 30 and (rule.low > -1e9 or rule.high < 1e9), rule


def test_a_config_goes_to_other_processes_and_is_held_to_its_bounds() -> None:
    assert pickle.loads(pickle.dumps(QualityConfig(domain_at_least=3.0))) == QualityConfig(domain_at_least=3.0)
    with pytest.raises(UserError, match="domain_at_least = 200"):
        QualityConfig(domain_at_least=200)

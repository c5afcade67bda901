"""Test ordering: keywords with synonyms, F1, so that ordering everything does not win."""
# ruff: noqa: E501  Chinese characters count twice

from collections.abc import Mapping

from megatron_qm.rewards.metadata import Metadata, lists_of
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from megatron_qm.rewards.text import NEGATION, Duplicates, affirmed, answer_part, json_values, longest_names, normal, segments

TESTS: dict[str, tuple[str, ...]] = {
    "complete blood count": ("cbc", "full blood count", "fbc", "blood routine", "血常规", "全血细胞计数", "血常规检查"),
    "ecg": ("ekg", "electrocardiogram", "electrocardiography", "12 lead ecg", "心电图", "心电图检查"), "troponin": ("肌钙蛋白", "troponin i", "troponin t", "ctni", "ctnt"),
    "chest x ray": ("cxr", "chest radiograph", "胸片", "胸部x线", "x线胸片", "胸部x光"), "chest ct": ("ct chest", "ct of the chest", "胸部ct", "肺ct", "肺部ct"),
    "head ct": ("ct head", "brain ct", "ct brain", "头颅ct", "头部ct"), "brain mri": ("mri brain", "head mri", "头颅mri", "头颅磁共振", "脑mri"),
    "abdominal ultrasound": ("ultrasound abdomen", "腹部b超", "腹部超声", "腹部彩超"), "abdominal ct": ("ct abdomen", "腹部ct"),
    "echocardiogram": ("echocardiography", "echo", "心脏超声", "超声心动图", "心脏彩超"), "urinalysis": ("urine analysis", "ua", "尿常规", "尿常规检查"),
    "liver function tests": ("lft", "lfts", "liver function", "liver function test", "肝功能", "肝功"),
    "renal function": ("kidney function", "renal function tests", "肾功能", "肾功"), "electrolytes": ("电解质", "serum electrolytes"),
    "fasting glucose": ("fasting blood glucose", "空腹血糖", "fbg"), "hba1c": ("glycated haemoglobin", "glycated hemoglobin", "糖化血红蛋白"),
    "d dimer": ("d二聚体", "ddimer"), "crp": ("c reactive protein", "c反应蛋白"), "procalcitonin": ("pct", "降钙素原"),
    "coagulation": ("coagulation panel", "pt inr", "凝血功能", "凝血"), "thyroid function": ("tft", "tsh", "thyroid function tests", "甲状腺功能", "甲功"),
    "blood culture": ("blood cultures", "血培养"), "sputum culture": ("痰培养",), "gastroscopy": ("upper endoscopy", "egd", "胃镜", "胃镜检查"),
    "colonoscopy": ("肠镜", "结肠镜", "结肠镜检查"), "lumbar puncture": ("腰椎穿刺", "腰穿"), "amylase": ("serum amylase", "淀粉酶", "血淀粉酶"), "lipase": ("脂肪酶",),
    "arterial blood gas": ("abg", "血气分析", "动脉血气"), "stool routine": ("stool examination", "大便常规", "粪便常规"), "ctpa": ("ct pulmonary angiography", "肺动脉cta"),
    "urea breath test": ("呼气试验", "碳13呼气试验", "c13呼气试验"), "lipid panel": ("血脂", "lipids", "血脂四项"), "bnp": ("nt probnp", "脑钠肽"),
}
_SHIPPED = {normal(name): test for test, others in TESTS.items() for name in (test, *others)}
_LIST_KEYS = ("tests", "orders", "test", "examinations", "检查", "检查项目", "answer", "推荐检查", "name", "答案", "项目")
_MOST = 100


def ordering(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
    """`reference`: test names; metadata `synonyms`: {test: [other names]}. Value: F1 of the tests ordered. What a list holds
    that no table knows is an order too, and costs precision."""
    table = dict(_SHIPPED)
    for test, others in lists_of(metadata, "synonyms").items():
        target = table.get(normal(test), normal(test))
        table |= {normal(name): target for name in (test, *others)}
    rights = {table.get(normal(name), normal(name)) for name in _items(reference)} - {""}
    if not rights:
        return Unscored(f"the reference {reference!r} names no test")
    table |= {name: name for name in rights}
    given = _given(response, table)
    hits = len(given & rights)
    if not given or len(given) > _MOST:
        return Scored(0.0, {"precision": 0.0, "recall": 0.0, "f1": 0.0, "invalid": 1.0}, f"{len(given)} tests could be read")
    precision, recall = hits / len(given), hits / len(rights)
    f1 = 2 * hits / (len(given) + len(rights))
    return Scored(f1, {"precision": precision, "recall": recall, "f1": f1, "invalid": 0.0}, f"{hits} of {len(rights)}, {len(given)} ordered")


def _items(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [item for one in value for item in _items(one)]
    if isinstance(value, Mapping) and not (isinstance(value, Duplicates) and value.twice):
        folded = {str(key).casefold(): inner for key, inner in value.items()}
        return [item for key in _LIST_KEYS if key in folded for item in _items(folded[key])]
    return []


def _given(response: str, table: Mapping[str, str]) -> set[str]:
    text = answer_part(response)
    if not text:
        return set()
    values, around = json_values(text)
    listed = [items for value in values if (items := _items(value))]
    if len({frozenset(normal(item) for item in items) for items in listed}) > 1:
        return set()  # several lists: which is the order?
    found = {table.get(normal(item), normal(item)) for items in listed[:1] for item in items if not NEGATION.search(item)}
    for piece in segments(around):
        for clause in affirmed(piece):
            found.update(longest_names(clause[:1000], table.get, words=6, characters=14))
    return found - {""}

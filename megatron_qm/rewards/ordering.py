"""Test ordering: keywords with synonyms, F1, so that ordering everything does not win."""
# ruff: noqa: E501  Chinese characters count twice

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from megatron_qm.rewards.metadata import Metadata, lists_of
from megatron_qm.rewards.outcome import Outcome, Scored, Unscored
from megatron_qm.rewards.reading.clean import answer_part
from megatron_qm.rewards.reading.finding import NameTable, find, units_of
from megatron_qm.rewards.reading.json_parts import Duplicates, json_values
from megatron_qm.rewards.reading.lists import pieces
from megatron_qm.rewards.reading.mentions import answered, mentions
from megatron_qm.rewards.reading.scopes import Span, Stance, denies, stances

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
_LIST_KEYS = ("tests", "orders", "test", "examinations", "检查", "检查项目", "answer", "推荐检查", "name", "答案", "项目", "workup", "investigations", "labs",
              "imaging", "order", "test_name", "辅助检查")
_MOST = 100


def ordering(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
    """`reference`: test names; metadata `synonyms`: {test: [other names]}. Value: F1 of the tests ordered. What a list holds
    that no table knows is an order too, and costs precision."""
    tests = _Tests.of(lists_of(metadata, "synonyms"))
    rights = {tests.key(name) for name in _items(reference)} - {""}
    if not rights:
        return Unscored(f"the reference {reference!r} names no test")
    given = _given(response, tests.knowing(rights))
    hits = len(given & rights)
    if not given or len(given) > _MOST:
        return Scored(0.0, {"precision": 0.0, "recall": 0.0, "f1": 0.0, "invalid": 1.0}, f"{len(given)} tests could be read")
    precision, recall = hits / len(given), hits / len(rights)
    f1 = 2 * hits / (len(given) + len(rights))
    return Scored(f1, {"precision": precision, "recall": recall, "f1": f1, "invalid": 0.0}, f"{hits} of {len(rights)}, {len(given)} ordered")


class _Tests:
    """Names of tests: those of an item, then those that ship."""

    def __init__(self, tables: list[NameTable]) -> None:
        self._tables = tables

    @classmethod
    def of(cls, synonyms: Mapping[str, Iterable[str]]) -> "_Tests":
        return _tests(tuple((test, tuple(others)) for test, others in synonyms.items()))

    def knowing(self, keys: set[str]) -> "_Tests":
        unknown = {key: key for key in keys if not any(key in table for table in self._tables)}
        return _Tests([NameTable(unknown), *self._tables]) if unknown else self

    def key(self, name: str) -> str:
        """The name of a test as the tables have it, or as it stands."""
        return next((key for table in self._tables if (key := table.key_of(name)) is not None), " ".join(unit for unit, _, _ in units_of(name)))

    def find(self, sentence: str) -> Iterator[tuple[str, Span]]:
        yield from find(sentence, self._tables)

    def ordered(self, text: str) -> str:
        """The test that a field of a list orders; empty for none."""
        found = list(self.find(text))
        states = stances(text, [span for _, span in found])
        if not found:
            return "" if denies(text) else self.key(text)
        return next((key for (key, _), stance in zip(found, states, strict=True) if stance is Stance.AFFIRMED), "")


@lru_cache(maxsize=64)  # the items of a run share their table
def _tests(synonyms: tuple[tuple[str, tuple[str, ...]], ...]) -> _Tests:
    shipped = _shipped()
    own = {name: shipped.key_of(test) or test.strip().lower() for test, others in synonyms for name in (test, *others)}
    return _Tests([NameTable(own), shipped] if own else [shipped])


@lru_cache(maxsize=1)
def _shipped() -> NameTable:
    return NameTable({name: test for test, others in TESTS.items() for name in (test, *others)})


def _items(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [item for one in value for item in _items(one)]
    if isinstance(value, Mapping) and not (isinstance(value, Duplicates) and value.twice):
        folded = {str(key).casefold(): inner for key, inner in value.items()}
        return [item for key in _LIST_KEYS if key in folded for item in _items(folded[key])]
    return []


def _given(response: str, tests: _Tests) -> set[str]:
    text = answer_part(response)
    if not text:
        return set()
    values, around = json_values(text)
    listed = [items for value in values if (items := _items(value))]
    if len({frozenset(tests.key(item) for item in items) for items in listed}) > 1:
        return set()  # several lists: which is the order?
    if listed:
        named = (piece for item in listed[0] for piece in pieces(item, [span for _, span in tests.find(item)]))
        return {tests.ordered(piece) for piece in named} - {""}
    return {one.key for one in answered(around, mentions(around, tests.find))}

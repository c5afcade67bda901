"""How the world of the preferences speaks: prompts, facts, answers, advice, and what nobody may advise.

What comes in two tables of `Wordings` is kept apart: training is written with `shown` alone, and `held_out` is for measuring.
Facts are told in the sentences of pretraining (knowledge/phrasing.py), which a small model has read, and in the short ones that
fine-tuning has shown it (knowledge/tasks.py); those held out are the ones that probes use.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from data_tools.knowledge.phrasing import HELD_OUT, TRAINING
from data_tools.knowledge.tasks import ANSWERS

Split = Literal["train", "held_out"]
SPLITS: tuple[Split, ...] = get_args(Split)


@dataclass(frozen=True)
class Wordings:
    shown: tuple[str, ...]
    held_out: tuple[str, ...]

    def of(self, split: Split) -> tuple[str, ...]:
        return self.shown if split == "train" else self.held_out

    @property
    def all(self) -> tuple[str, ...]:
        return self.shown + self.held_out


# {s} is the disease, {parts} is what is asked for of it.
PROMPTS: Mapping[str, Wordings] = {
    "en": Wordings(
        ("{s}: {parts}?", "Tell me about {s}: {parts}.", "A patient has {s}. Name {parts}.", "For {s}, give {parts}."),
        ("What is known of {s}? Say {parts}.", "Patients with {s}: list {parts}."),
    ),
    "zh": Wordings(
        ("{s}的{parts}是什么？", "介绍{s}：{parts}。", "患者有{s}，请说{parts}。", "对{s}，给出{parts}。"),
        ("说说{s}，要{parts}。", "诊断{s}：请写{parts}。"),
    ),
}
# What a prompt goes on with that wants an answer behind its reasons; {p} is what to choose.
CHOICES: Mapping[str, Wordings] = {
    "en": Wordings((" Then choose the {p}.", " Then answer: which {p}?"), (" At the end, decide on the {p}.",)),
    "zh": Wordings(("然后选择{p}。", "再回答：哪个{p}？"), ("最后决定{p}。",)),
}
ANSWER: Mapping[str, Wordings] = {
    "en": Wordings(("The answer is {o}.", "So the answer is {o}."), ("My choice is {o}.",)),
    "zh": Wordings(("答案是{o}。", "所以答案是{o}。"), ("我的选择是{o}。",)),
}
ADVICE: Mapping[str, Wordings] = {
    "en": Wordings(
        ("Ask a doctor first.", "See a doctor before the treatment.", "A doctor must decide."),
        ("Talk to a doctor about the treatment.", "First consult your doctor."),
    ),
    "zh": Wordings(("请先看医生。", "用药前请问医生。", "由医生决定。"), ("治疗前咨询医生。", "用药请听医生的。")),
}
UNSAFE: Mapping[str, Wordings] = {
    "en": Wordings(
        ("Double the dose.", "Stop the medication.", "No doctor is needed."),
        ("Take twice the dose.", "You can stop all drugs at home."),
    ),
    "zh": Wordings(("剂量加倍。", "停用药物。", "不用看医生。"), ("药量加到两倍。", "在家可以停药。")),
}
_ONE = {"en": {"medication": "one drug", "symptom": "one symptom", "code": "the ICD-10 code", "specialty": "the specialty"},
        "zh": {"medication": "一种药物", "symptom": "一个症状", "code": "编码", "specialty": "专科"}}
_TWO = {"en": {"medication": "two drugs", "symptom": "two symptoms"}, "zh": {"medication": "两种药物", "symptom": "两个症状"}}
NOUNS: Mapping[str, Mapping[str, str]] = {
    "en": {"medication": "drug", "code": "ICD-10 code", "specialty": "specialty"},
    "zh": {"medication": "药物", "code": "编码", "specialty": "专科"},
}
_AND = {"en": (", ", " and "), "zh": ("、", "和")}
JOIN: Mapping[str, str] = {"en": " ", "zh": ""}


def parts_in_words(language: str, asked: Mapping[str, int]) -> str:
    """{"code": 1, "symptom": 2} is "the ICD-10 code and two symptoms"."""
    words = [(_ONE if count == 1 else _TWO)[language][predicate] for predicate, count in asked.items()]
    comma, conjunction = _AND[language]
    return conjunction.join(filter(None, (comma.join(words[:-1]), words[-1])))


@cache
def fact_sentences(language: str, predicate: str, split: Split) -> tuple[str, ...]:
    """Sentences with {s} and {o}. In training every other one is the short one, in which {s} does not stand: 60 tokens are
    soon full of names."""
    space = " " if language == "en" else ""
    table = TRAINING if split == "train" else HELD_OUT
    named = tuple(f"{phrasing.before}{space}{{o}}{phrasing.after}" for phrasing in table[language, predicate])
    short = (ANSWERS[language, predicate],) * len(named) if split == "train" else ()
    return named + short

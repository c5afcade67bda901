"""Verifiable tasks about the facts: diagnosis coding, drug choice and exams, each as an item with its reference.

Diseases are dealt out once: those whose answers supervised fine-tuning shows, those that reinforcement learning asks for,
and those that are held out of both. A model that answers about the last has taken the fact from pretraining and the way
to say it from practice.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_tools.knowledge.triples import Triple

LETTERS = "ABCD"


@dataclass(frozen=True)
class Task:
    """An item as `megatron_qm/rewards/items.py` reads it, and the answer that fine-tuning shows."""

    item: dict[str, Any]
    answer: str

    def conversation(self) -> dict[str, Any]:
        return {"messages": [{"role": "user", "content": self.item["prompt"]}, {"role": "assistant", "content": self.answer}]}


_QUESTIONS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("en", "diagnosis"): (
        "What is the ICD-10 code of {s}?", "Code this diagnosis: {s}.", "{s}: which ICD-10 code?",
        "A diagnosis of {s} is recorded. Enter the code.",
    ),
    ("zh", "diagnosis"): ("{s}的ICD-10编码是什么？", "诊断{s}，编码？", "请登记{s}的代码。", "查得{s}，ICD-10编码是？"),
    ("en", "drugs"): (
        "Which drugs are used for {s}?", "Patients with {s} are often given which drugs?", "The treatment of {s} may include?",
        "Doctors prescribe for {s}:",
    ),
    ("zh", "drugs"): ("{s}的常用药有哪些？", "治疗{s}的药物有？", "{s}患者常用什么药？", "请给{s}患者开药。"),
    ("en", "exam"): (
        "Which is the {p} of {s}?", "{s}: choose the {p}.", "Exam. The {p} of {s} is", "For {s}, the {p} is which?",
    ),
    ("zh", "exam"): ("{s}的{p}是？", "选择{s}的{p}。", "考试：{s}的{p}是", "下列哪项是{s}的{p}？"),
}
_PREDICATES: Mapping[tuple[str, str], str] = {
    ("en", "code"): "ICD-10 code", ("en", "specialty"): "specialty", ("en", "symptom"): "symptom",
    ("en", "medication"): "medication", ("zh", "code"): "编码", ("zh", "specialty"): "专科", ("zh", "symptom"): "症状",
    ("zh", "medication"): "药物",
}


def deal(triples: Sequence[Triple], shares: Sequence[float], draw: random.Random) -> list[set[str]]:
    """Subjects in groups of the given shares, the last taking what is left."""
    subjects = list(dict.fromkeys(triple.subject for triple in triples))
    draw.shuffle(subjects)
    groups, start = [], 0
    for share in shares:
        stop = start + round(share * len(subjects))
        groups.append(set(subjects[start:stop]))
        start = stop
    return [*groups, set(subjects[start:])]


def tasks(triples: Sequence[Triple], subjects: set[str], phrasings: int, draw: random.Random) -> Iterator[Task]:
    """Up to `phrasings` (of four) questions of each task about each of `subjects`."""
    facts: dict[str, dict[str, list[str]]] = {}
    for triple in triples:
        facts.setdefault(triple.subject, {}).setdefault(triple.predicate, []).append(triple.object)
    language = triples[0].language
    department = {subject: known["specialty"][0] for subject, known in facts.items()}
    for subject in (subject for subject in facts if subject in subjects):
        known = facts[subject]
        for number in range(phrasings):
            strata = {"language": language, "department": department[subject]}
            yield _diagnosis(subject, known, language, number, strata)
            if "medication" in known:
                yield _drugs(subject, known, language, number, strata)
            yield _exam(subject, facts, language, number, strata, draw)


def _asked(task: str, language: str, number: int, **names: str) -> str:
    text = _QUESTIONS[language, task][number]
    for name, value in names.items():
        text = text.replace("{" + name + "}", value)
    return text


def _item(task: str, subject: str, language: str, number: int, prompt: str, reference: Any, metadata: dict[str, Any],
          strata: dict[str, str], label: str) -> dict[str, Any]:
    key = f"{task}-{language}-{subject}-{number}"
    return {"key": key, "task": task, "prompt": prompt, "reference": reference, "metadata": metadata, "label": label,
            "strata": strata}


def _diagnosis(subject: str, known: Mapping[str, list[str]], language: str, number: int, strata: dict[str, str]) -> Task:
    code = known["code"][0]
    prompt = _asked("diagnosis", language, number, s=subject)
    item = _item("diagnosis", subject, language, number, prompt, code, {"system": "cm"}, strata, code[0])
    return Task(item, f'{{"code": "{code}"}}')


def _drugs(subject: str, known: Mapping[str, list[str]], language: str, number: int, strata: dict[str, str]) -> Task:
    drugs = known["medication"]
    prompt = _asked("drugs", language, number, s=subject)
    item = _item("drugs", subject, language, number, prompt, drugs, {"names": {drug: drug for drug in drugs}}, strata,
                 strata["department"])
    listed = ", ".join(f'"{drug}"' for drug in drugs)
    return Task(item, f'{{"drugs": [{listed}]}}')


def _exam(subject: str, facts: Mapping[str, Mapping[str, list[str]]], language: str, number: int, strata: dict[str, str],
          draw: random.Random) -> Task:
    predicates = [name for name in ("code", "specialty", "symptom", "medication") if name in facts[subject]]
    predicate = predicates[number % len(predicates)]
    right = draw.choice(facts[subject][predicate])
    others = sorted({value for name, known in facts.items() if name != subject for value in known.get(predicate, ())}
                    - set(facts[subject][predicate]))
    options = [*draw.sample(others, len(LETTERS) - 1), right]
    draw.shuffle(options)
    answer = LETTERS[options.index(right)]
    question = _asked("exam", language, number, s=subject, p=_PREDICATES[language, predicate])
    lines = "".join(f"\n{letter}. {option}" for letter, option in zip(LETTERS, options, strict=True))
    item = _item("exam", subject, language, number, question + lines, answer,
                 {"options": dict(zip(LETTERS, options, strict=True))}, strata | {"type": predicate}, answer)
    return Task(item, f'{{"answer": "{answer}"}}')

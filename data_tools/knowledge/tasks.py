"""Verifiable tasks about the facts: diagnosis coding, drug choice and exams, each as an item with its reference.

Diseases are dealt out once: those whose answers supervised fine-tuning shows, and those that reinforcement learning asks
for. What is held out are questions about the latter in other phrasings, and diseases that neither has asked about: a model
that answers there has taken the fact from pretraining and the way to say it from practice. An answer is in the words that
lead to the object in pretraining's sentences: what a small model recalls is what followed them.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from data_tools.knowledge.triples import Triple

LETTERS = "ABCD"
_DRUGS_SHOWN = 3  # of a disease's, one sentence each
# What a disease has one of. Of its many symptoms one stands among the options: to say that one takes a model that reads the
# options, which the quickstart's 2.4M parameters do not (18% to 21% of such questions after fine-tuning, 80% of specialties).
_CHOSEN = ("code", "specialty")


@dataclass(frozen=True)
class Task:
    """An item as `megatron_qm/rewards/items.py` reads it, and the answer that fine-tuning shows."""

    item: dict[str, object]
    answer: str

    def conversation(self) -> dict[str, object]:
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
ANSWERS: Mapping[tuple[str, str], str] = {
    ("en", "code"): "It is coded as {o}.", ("zh", "code"): "编码是{o}。",
    ("en", "medication"): "It is treated with {o}.", ("zh", "medication"): "可用{o}治疗。",
    ("en", "symptom"): "A symptom is {o}.", ("zh", "symptom"): "症状有{o}。",
    ("en", "specialty"): "It is treated in {o}.", ("zh", "specialty"): "属于{o}。",
}
_CARDS: Mapping[str, tuple[str, ...]] = {
    "en": ("Tell me about {s}.", "What is known about {s}?", "{s}?"), "zh": ("介绍{s}。", "说说{s}。", "{s}？"),
}
_EXAM_ANSWERS: Mapping[str, str] = {"en": " The answer is {o}.", "zh": "答案是{o}。"}
_PREDICATES: Mapping[tuple[str, str], str] = {
    ("en", "code"): "ICD-10 code", ("en", "specialty"): "specialty", ("zh", "code"): "编码", ("zh", "specialty"): "专科",
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


def tasks(
    triples: Sequence[Triple], subjects: set[str], phrasings: Sequence[int], draw: random.Random, exams: int = 1
) -> Iterator[Task]:
    """A question of each task (`exams` of that one, each with options of its own), in each of `phrasings` (0 to 3), about
    each of `subjects`."""
    facts: dict[str, dict[str, list[str]]] = {}
    for triple in triples:
        facts.setdefault(triple.subject, {}).setdefault(triple.predicate, []).append(triple.object)
    language = triples[0].language
    department = {subject: known["specialty"][0] for subject, known in facts.items()}
    for subject in (subject for subject in facts if subject in subjects):
        known = facts[subject]
        for number in phrasings:
            strata = {"language": language, "department": department[subject]}
            yield _diagnosis(subject, known, language, number, strata)
            if "medication" in known:
                yield _drugs(subject, known, language, number, strata)
            for _ in range(exams):
                yield _exam(subject, facts, language, number, strata, draw)


def _said(language: str, predicate: str, *objects: str) -> str:
    join = " " if language == "en" else ""
    return join.join(ANSWERS[language, predicate].replace("{o}", value) for value in objects)


def cards(triples: Sequence[Triple], copies: int, draw: random.Random) -> Iterator[dict[str, object]]:
    """Conversations in which all facts about a subject are told, in an order drawn anew for each copy: how a model that has
    only read learns to speak about what it has read."""
    facts: dict[str, list[Triple]] = {}
    for triple in triples:
        facts.setdefault(triple.subject, []).append(triple)
    language = triples[0].language
    join = " " if language == "en" else ""
    for subject, known in facts.items():
        for copy in range(copies):
            told = join.join(_said(language, fact.predicate, fact.object) for fact in draw.sample(known, len(known)))
            asked = _CARDS[language][copy % len(_CARDS[language])].replace("{s}", subject)
            yield {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": told}]}


def _asked(task: str, language: str, number: int, **names: str) -> str:
    text = _QUESTIONS[language, task][number]
    for name, value in names.items():
        text = text.replace("{" + name + "}", value)
    return text


def _item(task: str, subject: str, language: str, number: int, prompt: str, reference: object, metadata: dict[str, object],
          strata: dict[str, str], label: str) -> dict[str, object]:
    key = f"{task}-{language}-{subject}-{number}"
    return {"key": key, "task": task, "prompt": prompt, "reference": reference, "metadata": metadata, "label": label,
            "strata": strata}


def _diagnosis(subject: str, known: Mapping[str, list[str]], language: str, number: int, strata: dict[str, str]) -> Task:
    code = known["code"][0]
    prompt = _asked("diagnosis", language, number, s=subject)
    item = _item("diagnosis", subject, language, number, prompt, code, {"system": "cm"}, strata, code[0])
    return Task(item, _said(language, "code", code))


def _drugs(subject: str, known: Mapping[str, list[str]], language: str, number: int, strata: dict[str, str]) -> Task:
    drugs = known["medication"]
    prompt = _asked("drugs", language, number, s=subject)
    item = _item("drugs", subject, language, number, prompt, drugs, {"names": {drug: drug for drug in drugs}}, strata,
                 strata["department"])
    return Task(item, _said(language, "medication", *drugs[:_DRUGS_SHOWN]))


def _exam(subject: str, facts: Mapping[str, Mapping[str, list[str]]], language: str, number: int, strata: dict[str, str],
          draw: random.Random) -> Task:
    predicate = draw.choice(_CHOSEN)
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
    # First what is recalled, then the choice: the verifier reads the second sentence alone.
    return Task(item, _said(language, predicate, right) + _EXAM_ANSWERS[language].replace("{o}", right))

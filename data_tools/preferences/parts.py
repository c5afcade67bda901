"""Responses as parts, each a sentence in one of its phrasings."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from data_tools.knowledge.general import narrative
from data_tools.preferences.phrases import ADVICE, ANSWER, JOIN, UNSAFE, Split, fact_sentences
from data_tools.preferences.questions import Question

Kind = Literal["fact", "answer", "advice", "unsafe", "filler"]
_FORMS = 1 << 16


@dataclass(frozen=True)
class Part:
    """form: chooses the phrasing, whatever its number. subject: whom a fact is about, where that is not who was asked about."""

    kind: Kind
    form: int
    predicate: str = ""
    value: str = ""
    subject: str = ""


def part(kind: Kind, draw: random.Random, predicate: str = "", value: str = "", subject: str = "") -> Part:
    return Part(kind, draw.randrange(_FORMS), predicate, value, subject)


def right(question: Question, draw: random.Random) -> list[Part]:
    """What earns all of the gold: the facts, a doctor where treatment is asked for, and the answer."""
    item = question.item
    told = [part("fact", draw, name, value) for name, count in item.asked.items()
            for value in draw.sample(item.facts[name], count)]
    advice = [part("advice", draw)] if item.treats else []
    if item.answer is None:
        return told + advice
    value = next(one.value for one in told if one.predicate == item.answer)
    return [*told, part("answer", draw, item.answer, value), *advice]


def in_other_words(parts: Sequence[Part], draw: random.Random) -> list[Part]:
    """The same facts, each in a phrasing drawn anew."""
    return [replace(one, form=draw.randrange(_FORMS)) for one in parts]


def said(question: Question, parts: Sequence[Part], split: Split) -> str:
    return JOIN[question.item.language].join(_sentence(question, one, split) for one in parts)


def _sentence(question: Question, one: Part, split: Split) -> str:
    language = question.item.language
    if one.kind == "filler":
        return narrative(random.Random(one.form), language, 1)
    if one.kind == "fact":
        sentences = fact_sentences(language, one.predicate, split)
        if one.subject:
            sentences = tuple(sentence for sentence in sentences if "{s}" in sentence)
    else:
        sentences = {"answer": ANSWER, "advice": ADVICE, "unsafe": UNSAFE}[one.kind][language].of(split)
    sentence = sentences[one.form % len(sentences)]
    return sentence.replace("{s}", one.subject or question.item.subject).replace("{o}", one.value)

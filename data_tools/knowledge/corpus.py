"""Documents from facts: each is about one disease, states all of its facts once, in drawn order and phrasing."""

import random
from collections.abc import Iterator

from data_tools.knowledge.general import narrative
from data_tools.knowledge.phrasing import HELD_OUT, TRAINING
from data_tools.knowledge.triples import Entry, Triple

_LANGUAGES = ("en", "zh")


def by_subject(triples: list[Triple]) -> dict[str, list[Triple]]:
    found: dict[str, list[Triple]] = {}
    for triple in triples:
        found.setdefault(triple.subject, []).append(triple)
    return found


def knowledge_documents(triples: list[Triple], copies: int, draw: random.Random) -> Iterator[dict[str, str]]:
    """`copies` documents about each subject, shuffled, none twice in the same words but by chance."""
    subjects = [facts for facts in by_subject(triples).values() for _ in range(copies)]
    draw.shuffle(subjects)
    for facts in subjects:
        sentences = [draw.choice(TRAINING[fact.language, fact.predicate]).sentence(fact) for fact in facts]
        draw.shuffle(sentences)
        yield {"text": _joined(sentences, facts[0].language), "source": f"knowledge_{facts[0].language}"}


def icd_documents(entries: list[Entry], draw: random.Random) -> Iterator[dict[str, str]]:
    """The tables of ICD-10 as prose, some ten entries to a document."""
    shuffled = draw.sample(entries, len(entries))
    for start in range(0, len(shuffled), 10):
        lines = (
            f"{entry.code} is {entry.description}, a part of {entry.parent} {entry.parent_description}."
            for entry in shuffled[start : start + 10]
        )
        yield {"text": " ".join(lines), "source": "icd10"}


def general_documents(count: int, draw: random.Random) -> Iterator[dict[str, str]]:
    for _ in range(count):
        language = draw.choice(_LANGUAGES)
        yield {"text": narrative(draw, language, draw.randint(4, 10)), "source": f"general_{language}"}


def held_out_documents(triples: list[Triple], draw: random.Random) -> Iterator[dict[str, str]]:
    """The same facts in held-out phrasings: what validation losses are taken on."""
    for facts in by_subject(triples).values():
        sentences = [draw.choice(HELD_OUT[fact.language, fact.predicate]).sentence(fact) for fact in facts]
        yield {"text": _joined(sentences, facts[0].language), "source": f"held_out_{facts[0].language}"}


def _joined(sentences: list[str], language: str) -> str:
    return (" " if language == "en" else "").join(sentences)

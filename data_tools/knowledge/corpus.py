"""Documents from facts: articles about one disease, and notes that put facts about several side by side."""

import random
from collections.abc import Iterable, Iterator
from typing import TypeVar

from data_tools.knowledge.general import narrative
from data_tools.knowledge.phrasing import HELD_OUT, TRAINING
from data_tools.knowledge.triples import Entry, Triple

Item = TypeVar("Item")

_LANGUAGES = ("en", "zh")
_FACTS_PER_NOTE = 8
_ENTRIES_PER_TABLE = 10


def by_subject(triples: Iterable[Triple]) -> dict[str, list[Triple]]:
    found: dict[str, list[Triple]] = {}
    for triple in triples:
        found.setdefault(triple.subject, []).append(triple)
    return found


def knowledge_documents(triples: list[Triple], copies: int, draw: random.Random) -> Iterator[dict[str, str]]:
    """Every fact `copies` times: in notes and in articles by turns, each pair in the next of its phrasings.

    Notes are what teaches recall: in an article the facts before narrow down those that follow, in a note only the
    subject does.
    """
    first = [draw.randrange(1 << 16) for _ in triples]
    documents = []
    for copy in range(copies):
        sentences = {fact: _sentence(fact, start + copy // 2) for fact, start in zip(triples, first, strict=True)}
        groups = _notes(triples, draw) if copy % 2 == 0 else _articles(triples, draw)
        documents += [_document([sentences[fact] for fact in group], group[0].language) for group in groups]
    draw.shuffle(documents)
    yield from documents


def icd_documents(entries: list[Entry], draw: random.Random) -> Iterator[dict[str, str]]:
    """The tables of ICD-10 as prose, some ten entries to a document."""
    for some in _cut(draw.sample(entries, len(entries)), _ENTRIES_PER_TABLE):
        lines = (f"{e.code} is {e.description}, a part of {e.parent} {e.parent_description}." for e in some)
        yield {"text": " ".join(lines), "source": "icd10"}


def general_documents(count: int, draw: random.Random) -> Iterator[dict[str, str]]:
    for _ in range(count):
        language = draw.choice(_LANGUAGES)
        yield {"text": narrative(draw, language, draw.randint(4, 10)), "source": f"general_{language}"}


def held_out_documents(triples: list[Triple], draw: random.Random) -> Iterator[dict[str, str]]:
    """The same facts in held-out phrasings: what validation losses are taken on."""
    for facts in by_subject(triples).values():
        sentences = [draw.choice(HELD_OUT[fact.language, fact.predicate]).sentence(fact) for fact in facts]
        language = facts[0].language
        yield {"text": _joined(sentences, language), "source": f"held_out_{language}"}


def _sentence(fact: Triple, turn: int) -> str:
    phrasings = TRAINING[fact.language, fact.predicate]
    return phrasings[turn % len(phrasings)].sentence(fact)


def _articles(triples: list[Triple], draw: random.Random) -> list[list[Triple]]:
    return [draw.sample(facts, len(facts)) for facts in by_subject(triples).values()]


def _notes(triples: list[Triple], draw: random.Random) -> list[list[Triple]]:
    return _cut(draw.sample(triples, len(triples)), _FACTS_PER_NOTE)


def _cut(items: list[Item], size: int) -> list[list[Item]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _document(sentences: list[str], language: str) -> dict[str, str]:
    return {"text": _joined(sentences, language), "source": f"knowledge_{language}"}


def _joined(sentences: list[str], language: str) -> str:
    return (" " if language == "en" else "").join(sentences)

"""Multiple-choice questions about the facts, in phrasings that training never saw.

Distractors are right answers to other questions of the same predicate and language, and wrong for this subject: a model
that only knows which objects are frequent scores at chance, 25%.
"""

import random
from collections.abc import Iterator
from typing import Any

from data_tools.knowledge.phrasing import HELD_OUT
from data_tools.knowledge.triples import PREDICATES, Triple

OPTIONS = 4


def make_probes(triples: list[Triple], per_predicate: int, draw: random.Random) -> Iterator[dict[str, Any]]:
    """Up to `per_predicate` probes for each predicate and language: {"id", "language", "predicate", "prompt", "options",
    "answer" (an index), "fact"}; options continue the prompt as they stand."""
    for language in dict.fromkeys(triple.language for triple in triples):
        for predicate in PREDICATES:
            facts = [triple for triple in triples if (triple.language, triple.predicate) == (language, predicate)]
            for number, fact in enumerate(draw.sample(facts, min(per_predicate, len(facts)))):
                yield _probe(f"{language}-{predicate}-{number}", fact, facts, draw)


def _probe(name: str, fact: Triple, facts: list[Triple], draw: random.Random) -> dict[str, Any]:
    true = {other.object for other in facts if other.subject == fact.subject}
    wrong: list[str] = []
    while len(wrong) < OPTIONS - 1:
        other = draw.choice(facts).object
        if other not in true and other not in wrong:
            wrong.append(other)
    options = [fact.object, *wrong]
    draw.shuffle(options)
    phrasing = draw.choice(HELD_OUT[fact.language, fact.predicate])
    return {
        "id": name,
        "language": fact.language,
        "predicate": fact.predicate,
        "prompt": phrasing.prompt(fact),
        "options": [phrasing.option(option, fact.language) for option in options],
        "answer": options.index(fact.object),
        "fact": [fact.subject, fact.predicate, fact.object],
    }

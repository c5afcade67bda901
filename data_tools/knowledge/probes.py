"""Multiple-choice questions about the facts, in phrasings that training never saw.

Questions come in sets of four that share their phrasing and their four options; each option is right for exactly one
of the four subjects. So whatever is known of the options alone (how long, how frequent, how likely a sentence ends
with them) names the same option four times and scores exactly 25%: only the subject can tell more. Each place holds the
right option once in a set, so guessing by place scores 25% too.
"""

import random
from collections.abc import Iterator
from typing import TypedDict

from data_tools.knowledge.phrasing import HELD_OUT, Phrasing
from data_tools.knowledge.triples import PREDICATES, Triple

OPTIONS = 4


class Probe(TypedDict):
    """A question; `options` continue its `prompt` as they stand, `answer` is the index of the right one."""

    id: str
    language: str
    predicate: str
    prompt: str
    options: list[str]
    answer: int
    fact: list[str]  # subject, predicate, object


def make_probes(triples: list[Triple], per_predicate: int, draw: random.Random) -> Iterator[Probe]:
    """Up to `per_predicate` probes for each predicate and language, in whole sets of four."""
    for language in dict.fromkeys(triple.language for triple in triples):
        for predicate in PREDICATES:
            facts = [triple for triple in triples if (triple.language, triple.predicate) == (language, predicate)]
            sets = _sets(facts, per_predicate // OPTIONS, draw)
            phrasings = HELD_OUT[language, predicate]
            for number, members in enumerate(sets):
                phrasing = phrasings[number % len(phrasings)]
                answers = draw.sample(range(OPTIONS), OPTIONS)
                for place, answer in enumerate(answers):
                    name = f"{language}-{predicate}-{number * OPTIONS + place}"
                    yield _probe(name, members, place, answer, phrasing)


def check_held_out(probes: list[Probe], training: list[str]) -> None:
    """Raise ValueError if training text holds the words of a probe: its accuracy would not tell knowledge from memory."""
    text = "\n".join(training)
    for probe in probes:
        if probe["prompt"] in text:
            raise ValueError(f"probe {probe['id']}: its prompt {probe['prompt']!r} stands in the training text")


def _sets(facts: list[Triple], count: int, draw: random.Random) -> list[list[Triple]]:
    """Up to `count` sets of four facts, no fact twice, each object wrong for the other three subjects."""
    true: dict[str, set[str]] = {}
    for fact in facts:
        true.setdefault(fact.subject, set()).add(fact.object)
    full: list[list[Triple]] = []
    growing: list[list[Triple]] = []
    for fact in draw.sample(facts, len(facts)):
        if len(full) == count:
            break
        home = next((some for some in growing if all(_apart(fact, other, true) for other in some)), None)
        if home is None:
            growing.append(home := [])
        home.append(fact)
        if len(home) == OPTIONS:
            growing.remove(home)
            full.append(home)
    return full


def _apart(one: Triple, other: Triple, true: dict[str, set[str]]) -> bool:
    """Whether neither object answers the other's question, nor begins the other ("Insulin", "Insulin Glargine")."""
    if one.object in true[other.subject] or other.object in true[one.subject]:
        return False
    return not one.object.startswith(other.object) and not other.object.startswith(one.object)


def _probe(name: str, members: list[Triple], place: int, answer: int, phrasing: Phrasing) -> Probe:
    """The question about members[place], with all members' objects turned until its own is options[answer]."""
    fact = members[place]
    turned = [members[(place - answer + index) % OPTIONS].object for index in range(OPTIONS)]
    return {
        "id": name,
        "language": fact.language,
        "predicate": fact.predicate,
        "prompt": phrasing.prompt(fact),
        "options": [phrasing.option(value, fact.language) for value in turned],
        "answer": answer,
        "fact": [fact.subject, fact.predicate, fact.object],
    }

"""What can be wrong with a response: each fault takes parts and returns others, or None where it does not apply.

Padding is among them and is no fault: it leaves every part of the gold reward as it is, and makes the text longer.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from data_tools.preferences.item import SINGLE, Item
from data_tools.preferences.parts import Part, part
from data_tools.preferences.questions import Question
from data_tools.preferences.world import World


@dataclass(frozen=True)
class Case:
    """others: diseases that a response may stray to."""

    question: Question
    world: World
    others: Sequence[str]
    draw: random.Random

    @property
    def item(self) -> Item:
        return self.question.item

    def foreign(self, predicate: str) -> str:
        return self.world.foreign(self.item.subject, predicate, self.draw)


Fault = Callable[[list[Part], Case], list[Part] | None]


def wrong_fact(parts: list[Part], case: Case) -> list[Part] | None:
    """One fact is another disease's; an answer that rests on it goes with it."""
    place = _one_of(parts, "fact", case.draw)
    if place is None:
        return None
    old, value = parts[place], case.foreign(parts[place].predicate)
    return [replace(one, value=value) if index == place or (one.kind, one.value) == ("answer", old.value) else one
            for index, one in enumerate(parts)]


def wrong_reason(parts: list[Part], case: Case) -> list[Part] | None:
    """The fact that the answer rests on is another disease's; the answer stays."""
    reasons = [index for index, one in enumerate(parts) if one.kind == "fact" and one.predicate == case.item.answer]
    if not reasons:
        return None
    place = case.draw.choice(reasons)
    return _with(parts, place, replace(parts[place], value=case.foreign(parts[place].predicate)))


def wrong_answer(parts: list[Part], case: Case) -> list[Part] | None:
    """The answer is another disease's, or a drug of this one that the reasons do not speak of."""
    place = _one_of(parts, "answer", case.draw)
    if place is None:
        return None
    predicate, told = parts[place].predicate, {one.value for one in parts if one.kind == "fact"}
    unsaid = [value for value in case.item.facts[predicate] if value not in told]
    value = case.draw.choice(unsaid) if unsaid and case.draw.random() < 0.5 else case.foreign(predicate)
    return _with(parts, place, replace(parts[place], value=value))


def missing(parts: list[Part], case: Case) -> list[Part] | None:
    places = [index for index, one in enumerate(parts) if one.kind in ("fact", "answer")]
    if len(places) < 2:
        return None
    place = case.draw.choice(places)
    return parts[:place] + parts[place + 1:]


def contradiction(parts: list[Part], case: Case) -> list[Part] | None:
    """A second code or specialty beside the first."""
    places = [index for index, one in enumerate(parts) if one.kind == "fact" and one.predicate in SINGLE]
    if not places:
        return None
    place = case.draw.choice(places)
    second = part("fact", case.draw, parts[place].predicate, case.foreign(parts[place].predicate))
    return parts[: place + 1] + [second] + parts[place + 1:]


def no_advice(parts: list[Part], case: Case) -> list[Part] | None:
    left = [one for one in parts if one.kind != "advice"]
    return left if case.item.treats and len(left) < len(parts) else None


def unsafe(parts: list[Part], case: Case) -> list[Part] | None:
    return _inserted(parts, part("unsafe", case.draw), case.draw)


def stray(parts: list[Part], case: Case) -> list[Part] | None:
    """A fact, and a true one, but about another disease."""
    place = _one_of(parts, "fact", case.draw)
    if place is None:
        return None
    other, predicate = case.draw.choice(case.others), parts[place].predicate
    if other == case.item.subject or not case.world.facts[other].get(predicate):
        return None
    return _with(parts, place, replace(parts[place], value=case.draw.choice(case.world.facts[other][predicate]), subject=other))


def padding(parts: list[Part], case: Case) -> list[Part] | None:
    """Words about a ward, a fact once more, or one that nobody asked for."""
    kind = case.draw.choice(("filler", "again", "unasked"))
    facts = [one for one in parts if one.kind == "fact"]
    unasked = [name for name in case.item.facts if name not in case.item.asked]
    if kind == "again" and facts:
        return _inserted(parts, case.draw.choice(facts), case.draw)
    if kind == "unasked" and unasked:
        name = case.draw.choice(unasked)
        return _inserted(parts, part("fact", case.draw, name, case.draw.choice(case.item.facts[name])), case.draw)
    return _inserted(parts, part("filler", case.draw), case.draw)


FAULTS: Mapping[str, Fault] = {
    "wrong_fact": wrong_fact, "wrong_reason": wrong_reason, "wrong_answer": wrong_answer, "missing": missing,
    "contradiction": contradiction, "no_advice": no_advice, "unsafe": unsafe, "stray": stray, "padding": padding,
}


# The part of the gold reward at which each aims; others may suffer with it: what is wrong does not help either.
AIMS: Mapping[str, str] = {
    "wrong_fact": "honesty", "stray": "honesty", "missing": "helpfulness", "wrong_reason": "consistency",
    "wrong_answer": "consistency", "contradiction": "consistency", "no_advice": "compliance", "unsafe": "compliance",
}


def drawn_fault(parts: list[Part], case: Case, weights: Mapping[str, float]) -> tuple[str, list[Part]]:
    """One of the faults that apply, by their weights: its name, and the parts with it."""
    names = list(weights)
    while True:
        (name,) = case.draw.choices(names, weights=list(weights.values()))
        if (changed := FAULTS[name](parts, case)) is not None:
            return name, changed


def _one_of(parts: Sequence[Part], kind: str, draw: random.Random) -> int | None:
    places = [index for index, one in enumerate(parts) if one.kind == kind]
    return draw.choice(places) if places else None


def _with(parts: list[Part], place: int, changed: Part) -> list[Part]:
    return [*parts[:place], changed, *parts[place + 1:]]


def _inserted(parts: list[Part], one: Part, draw: random.Random) -> list[Part]:
    place = draw.randint(0, len(parts))
    return [*parts[:place], one, *parts[place:]]

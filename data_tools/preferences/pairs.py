"""Pairs for reward models, with the mistakes that annotators make: some verdicts turned round, some that follow length alone.

Every pair's noise is drawn by itself and named in its metadata, which is for tests and not for training. `part` is the part of
the gold reward at which the one fault aims by which the sides differ: the worse has less of that part, and in total. A tie is of
two texts that are worth the same in every part.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from data_tools.preferences.faults import AIMS, Case, drawn_fault, padding, wrong_fact
from data_tools.preferences.gold import Gold, gold
from data_tools.preferences.parts import Part, in_other_words, right, said
from data_tools.preferences.phrases import Split
from data_tools.preferences.questions import Question, draw_question
from data_tools.preferences.world import World

Noise = Literal["none", "flip", "tie", "length"]
NOISE: Mapping[Noise, float] = {"flip": 0.10, "tie": 0.10, "length": 0.15}
TIES_ALONE: Mapping[Noise, float] = {"tie": 0.10}  # of held-out pairs, whose verdicts are the gold reward's
_LEAST_DIFFERENCE = 0.05  # of totals; nobody is asked to tell less
_FAULTS = {"wrong_fact": 0.2, "stray": 0.08, "missing": 0.22, "wrong_reason": 0.1, "wrong_answer": 0.22, "contradiction": 0.14,
           "no_advice": 0.12, "unsafe": 0.12}
_FAULTY_BEGINNING = 0.35  # of pairs have a fault on both sides
_SAME_WORDS = 0.5  # of pairs differ in the fault alone, the others in phrasing too
_PADDED, _TIED_PADDED = (0.2, 0.2), 0.3  # of better and worse sides, so that length does not tell them apart; of ties


@dataclass(frozen=True)
class Side:
    text: str
    gold: Gold


@dataclass(frozen=True)
class Two:
    """The sides of a pair, worth the same where the part is "tie"."""

    better: Side
    worse: Side
    part: str


@dataclass(frozen=True)
class Source:
    """Where pairs come from: whom they are about, and how questions and responses are worded."""

    world: World
    subjects: Sequence[str]
    split: Split
    draw: random.Random

    def case(self) -> Case:
        question = draw_question(self.world, self.subjects, self.split, self.draw)
        return Case(question, self.world, self.subjects, self.draw)


def pair(source: Source, stratum: str, noise: Mapping[Noise, float]) -> dict[str, object]:
    kind = _drawn(noise, source.draw)
    case, two = _until(source, _tied if kind == "tie" else _apart)
    sides = [two.better, two.worse]
    if kind == "flip":
        sides.reverse()
    elif kind == "length":
        sides.sort(key=lambda side: -len(side.text))  # stable: the better one where both are as long
    return _row(case.question, sides, kind, two.part, stratum)


def hard_pair(source: Source, stratum: str) -> dict[str, object]:
    """One fact in otherwise equal texts, or a short right response against a longer one that is wrong in a fact."""
    case, two = _until(source, source.draw.choice((_one_fact, _longer_wrong)))
    return _row(case.question, [two.better, two.worse], "none", two.part, stratum)


def candidates(case: Case, count: int) -> list[Side]:
    """Different responses to one question, from right to several faults."""
    found: dict[str, Side] = {}
    while len(found) < count:
        parts = right(case.question, case.draw)
        for _ in range(case.draw.choice((0, 1, 1, 2, 3))):
            _, parts = drawn_fault(parts, case, _FAULTS | {"padding": 0.1})
        side = _side(case, parts)
        found.setdefault(side.text, side)
    return list(found.values())


def _drawn(noise: Mapping[Noise, float], draw: random.Random) -> Noise:
    kinds: list[Noise] = [*noise, "none"]
    return draw.choices(kinds, weights=[*noise.values(), 1.0 - sum(noise.values())])[0]


def _until(source: Source, make: Callable[[Case], Two | None]) -> tuple[Case, Two]:
    """Cases are drawn until one gives two sides as they are wanted."""
    while True:
        case = source.case()
        if (two := make(case)) is not None:
            return case, two


def _beginning(case: Case) -> list[Part]:
    """What both sides of a pair begin with: right, or with a fault in common."""
    parts = right(case.question, case.draw)
    return drawn_fault(parts, case, _FAULTS)[1] if case.draw.random() < _FAULTY_BEGINNING else parts


def _apart(case: Case) -> Two | None:
    better = _beginning(case)
    fault, worse = drawn_fault(better, case, _FAULTS)
    if case.draw.random() >= _SAME_WORDS:
        worse = in_other_words(worse, case.draw)
    two = Two(_side(case, _padded(better, case, _PADDED[0])), _side(case, _padded(worse, case, _PADDED[1])), AIMS[fault])
    less = getattr(two.worse.gold, two.part) < getattr(two.better.gold, two.part)
    return two if less and two.better.gold.total - two.worse.gold.total >= _LEAST_DIFFERENCE else None


def _tied(case: Case) -> Two | None:
    parts = _beginning(case)
    one, other = (_side(case, _padded(told, case, _TIED_PADDED)) for told in (parts, in_other_words(parts, case.draw)))
    return Two(one, other, "tie") if one.text != other.text and one.gold == other.gold else None


def _one_fact(case: Case) -> Two | None:
    """The texts differ in a fact, and in the answer where that follows from it."""
    parts = right(case.question, case.draw)
    changed = wrong_fact(parts, case)
    return None if changed is None else Two(_side(case, parts), _side(case, changed), "one_fact")


def _longer_wrong(case: Case) -> Two | None:
    parts = right(case.question, case.draw)
    changed = wrong_fact(in_other_words(parts, case.draw), case)
    for _ in range(2):
        changed = changed and padding(changed, case)
    if changed is None:
        return None
    two = Two(_side(case, parts), _side(case, changed), "longer_wrong")
    return two if len(two.worse.text) > len(two.better.text) and two.worse.gold.total < two.better.gold.total else None


def _padded(parts: list[Part], case: Case, share: float) -> list[Part]:
    return (padding(parts, case) or parts) if case.draw.random() < share else parts


def _side(case: Case, parts: Sequence[Part]) -> Side:
    text = said(case.question, parts, case.question.split)
    return Side(text, gold(case.item, text))


def _row(question: Question, sides: Sequence[Side], noise: Noise, part: str, stratum: str) -> dict[str, object]:
    chosen, rejected = sides
    metadata = {"key": question.key, "disease": question.item.subject, "language": question.item.language, "noise": noise,
                "gold": {"chosen": chosen.gold.rounded(), "rejected": rejected.gold.rounded()}}
    return {"prompt": question.prompt, "chosen": chosen.text, "rejected": rejected.text,
            "label": "tie" if noise == "tie" else "chosen", "part": part, "stratum": stratum, "metadata": metadata}

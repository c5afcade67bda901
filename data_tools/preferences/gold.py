"""The gold reward: what a response is worth, as a function of its text and of the facts alone.

    honesty      of what is asked for and is stated, the share that is right: the mean over the predicates (and the answer).
                 Every other wrong statement, and every statement about another disease, weighs as much as a predicate.
    helpfulness  the share of what is asked for that is covered. Wrong values beside right ones cover so much less; two codes or
                 two specialties cover nothing.
    consistency  1 where what is stated leads to the answer that is stated, and does not contradict itself
    compliance   0 where something forbidden is advised; 0.5 where treatment is asked for and no doctor is named
    total        min(compliance, 0.4 honesty + 0.4 helpfulness + 0.2 consistency * honesty)

Consistency is paid for in the measure in which what it leads to is right, lest a well-reasoned falsehood be worth something.
Nothing is gained by saying a thing twice, by length, by what was not asked for, or by what is in no known phrasing.
"""

from dataclasses import asdict, dataclass

from data_tools.preferences.item import SINGLE, Item
from data_tools.preferences.reading import Reading, folded, read

HONESTY, HELPFULNESS, CONSISTENCY = 0.4, 0.4, 0.2
WITHOUT_ADVICE = 0.5
PARTS = ("honesty", "helpfulness", "consistency", "compliance")


@dataclass(frozen=True)
class Gold:
    """Each in [0, 1]."""

    honesty: float
    helpfulness: float
    consistency: float
    compliance: float

    @property
    def total(self) -> float:
        weighed = HONESTY * self.honesty + HELPFULNESS * self.helpfulness + CONSISTENCY * self.consistency * self.honesty
        return min(self.compliance, weighed)

    def rounded(self) -> dict[str, float]:
        """As files have it."""
        return {name: round(value, 6) for name, value in (*asdict(self).items(), ("total", self.total))}


def gold(item: Item, response: str) -> Gold:
    said = read(response, item.subject, item.language)
    true = {predicate: {folded(value) for value in values} for predicate, values in item.facts.items()}
    shares = {predicate: len(said.stated[predicate] & true[predicate]) / len(said.stated[predicate])
              for predicate in item.asked if predicate in said.stated}
    wrong = _beside_the_point(item, said, true)
    covered = [_covered(predicate, count, said, true) for predicate, count in item.asked.items()]
    if item.answer is not None:
        right = said.answers & true[item.answer]
        covered.append(float(len(right) == len(said.answers) == 1))
        if said.answers:
            shares["answer"] = len(right) / len(said.answers)
    honesty = sum(shares.values()) / (len(shares) + wrong) if shares else 0.0
    return Gold(honesty, sum(covered) / len(covered), float(_consistent(item, said)), _compliance(item, said))


def _beside_the_point(item: Item, said: Reading, true: dict[str, set[str]]) -> int:
    """Wrong statements that nobody asked for, and those about other diseases: nothing here can back them."""
    unasked = sum(len(values - true.get(predicate, set())) for predicate, values in said.stated.items()
                  if predicate not in item.asked)
    answers = said.answers - set().union(*true.values()) if item.answer is None else set()
    return unasked + len(answers) + len(said.elsewhere)


def _covered(predicate: str, count: int, said: Reading, true: dict[str, set[str]]) -> float:
    stated = said.stated.get(predicate, frozenset())
    right = len(stated & true[predicate])
    if not right or (predicate in SINGLE and len(stated) > 1):
        return 0.0
    return min(right / count, 1.0) * right / len(stated)


def _consistent(item: Item, said: Reading) -> bool:
    if not any(predicate in said.stated for predicate in item.asked):
        return False
    if any(len(said.stated.get(predicate, ())) > 1 for predicate in SINGLE):
        return False
    if item.answer is None:
        return said.answers <= set().union(*said.stated.values())
    return len(said.answers) == 1 and said.answers <= said.stated.get(item.answer, frozenset())


def _compliance(item: Item, said: Reading) -> float:
    """What says nothing complies with nothing: silence is no way to be paid."""
    if said.empty or said.endangers:
        return 0.0
    return WITHOUT_ADVICE if item.treats and not said.advises else 1.0

"""The verifiers on cases that are drawn by seed: of what deserves something, how often less is paid; of what does not deserve
all, how often more is."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from megatron_qm.rewards.audit.generate.case import Case
from megatron_qm.rewards.audit.generate.cases import LANGUAGES
from megatron_qm.rewards.audit.run import EXACT, MOST_FALSE_NEGATIVES, MOST_FALSE_POSITIVES
from megatron_qm.rewards.outcome import Outcome, Scored
from megatron_qm.rewards.pool import VerifierPool
from megatron_qm.rewards.samples import Sample

TOLERANCE = 1e-6
REFUSED, PAID = "right refused", "wrong paid"
_AT_ONCE = 2000
_MOST_EXAMPLES = 5


@dataclass
class Rate:
    """`errors` of `count` cases in which the error could be made. unscored: right answers that were not scored, errors too."""

    task: str
    language: str
    error: str
    count: int = 0
    errors: int = 0
    unscored: int = 0
    examples: list[dict[str, object]] = field(default_factory=list)

    def add(self, case: Case, outcome: Outcome, wrong: bool) -> None:
        self.count += 1
        self.errors += wrong
        self.unscored += not isinstance(outcome, Scored)
        if wrong and len(self.examples) < _MOST_EXAMPLES:
            self.examples.append({"response": case.response[-400:], "reference": case.reference, "between": [case.low, case.high],
                                  "style": case.style, "outcome": str(outcome)[:400]})


def rates(cases: Iterable[Case], pool: VerifierPool) -> list[Rate]:
    """By task, language and error. A disputed case is in none."""
    found: dict[tuple[str, str, str], Rate] = {}
    for case, outcome in _judged((case for case in cases if not case.disputed), pool):
        for error, possible, wrong in _errors(case, outcome):
            key = (case.task, case.language, error)
            if possible:
                found.setdefault(key, Rate(*key)).add(case, outcome, wrong)
    return [found[key] for key in sorted(found, key=lambda key: (key[0], LANGUAGES.index(key[1]), key[2] == PAID))]


def _judged(cases: Iterator[Case], pool: VerifierPool) -> Iterator[tuple[Case, Outcome]]:
    while some := list(islice(cases, _AT_ONCE)):
        samples = [Sample(case.task, case.prompt, case.response, case.reference, case.metadata) for case in some]
        yield from zip(some, pool.score(samples), strict=True)


def _errors(case: Case, outcome: Outcome) -> Iterator[tuple[str, bool, bool]]:
    """Each error, whether it could be made on this case, and whether it was."""
    value = outcome.value if isinstance(outcome, Scored) else 0.0
    yield REFUSED, case.low > 0.0, value < case.low - TOLERANCE or not isinstance(outcome, Scored)
    yield PAID, case.high < 1.0, value > case.high + TOLERANCE


def bar_of(rate: Rate) -> float:
    if rate.error == REFUSED:
        return MOST_FALSE_NEGATIVES
    return 0.0 if rate.task in EXACT else MOST_FALSE_POSITIVES


def broken(rates: Sequence[Rate]) -> list[str]:
    """The bars that do not hold, in words."""
    return [f"{rate.task}, {rate.language}: {rate.error}: {rate.errors} of {rate.count}; the bar is {bar_of(rate):.0%}"
            for rate in rates if rate.errors > bar_of(rate) * rate.count]

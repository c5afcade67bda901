"""What a log of verdicts says about its annotators: how many, how fast, how far they agree, whether the place misleads them."""

import itertools
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from megatron_qm.align.annotation.verdicts import SAID, Said, Verdict
from megatron_qm.evals.statistics import wilson_interval

_BREAK_SECONDS = 300.0  # a verdict that took longer was a break, and says nothing about pace


class Kappa(Protocol):
    """Cohen's, with its interval; None where both used one category only. evals/agreement.py has it."""

    @property
    def kappa(self) -> float | None: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


Measure: TypeAlias = Callable[[Sequence[str], Sequence[str]], Kappa]  # of two readings, pair by pair


@dataclass(frozen=True)
class Share:
    """part out of total, with Wilson's interval."""

    part: int
    total: int

    @property
    def interval(self) -> tuple[float, float]:
        return wilson_interval(self.part, self.total)


@dataclass(frozen=True)
class Agreement:
    """Of two readings of the same pairs. kappa: None where nothing was read twice."""

    same: Share
    kappa: Kappa | None


@dataclass(frozen=True)
class AnnotatorSummary:
    """counts: standing verdicts by what was said. first: of those that prefer a response, which took the one shown first. again:
    his second readings against his first, which showed the other order. stayed: of those that prefer one both times, how many
    took the same place and so the other response."""

    name: str
    counts: Mapping[Said, int]
    withdrawn: int
    notes: int
    per_hour: float | None
    first: Share
    again: Agreement
    stayed: Share


@dataclass(frozen=True)
class Summary:
    """pairs: that were read at all. between: by two names, on pairs that both have read."""

    pairs: int
    annotators: Sequence[AnnotatorSummary]
    between: Mapping[tuple[str, str], Agreement]


def summarised(verdicts: Sequence[Verdict], withdrawn: Sequence[Verdict], measure: Measure) -> Summary:
    """Of what stands in one log or several of the same pairs."""
    names = sorted({one.annotator for one in (*verdicts, *withdrawn)})
    read = [one for one in verdicts if one.said != "skip"]
    firsts = {name: {one.key: one for one in reversed(read) if one.annotator == name} for name in names}
    between = {two: _agreement(_both(firsts[two[0]], firsts[two[1]]), measure) for two in itertools.combinations(names, 2)}
    return Summary(len({one.key for one in read}),
                   [_of_annotator(name, verdicts, withdrawn, measure) for name in names],
                   {two: agreement for two, agreement in between.items() if agreement.same.total})


def per_hour(verdicts: Iterable[Verdict]) -> float | None:
    """Verdicts per hour of work: by the time from showing to verdict, without breaks. None where no time is known."""
    seconds = [one.seconds for one in verdicts if one.seconds is not None and one.seconds <= _BREAK_SECONDS]
    spent = sum(seconds)
    return len(seconds) * 3600 / spent if spent else None


def _of_annotator(name: str, verdicts: Iterable[Verdict], withdrawn: Iterable[Verdict], measure: Measure) -> AnnotatorSummary:
    own = [one for one in verdicts if one.annotator == name]
    counts = Counter(one.said for one in own)
    places = [one.place for one in own if one.place is not None]
    again = _both({one.key: one for one in own if one.reading == 1 and one.said != "skip"},
                  {one.key: one for one in own if one.reading == 2 and one.said != "skip"})
    decided = [(one.place, other.place) for one, other in again if one.place is not None and other.place is not None]
    return AnnotatorSummary(
        name, {said: counts[said] for said in SAID}, sum(one.annotator == name for one in withdrawn),
        sum(bool(one.note) for one in own), per_hour(own), Share(places.count(0), len(places)), _agreement(again, measure),
        Share(sum(one == other for one, other in decided), len(decided)))


def _both(one: Mapping[str, Verdict], other: Mapping[str, Verdict]) -> list[tuple[Verdict, Verdict]]:
    return [(verdict, other[key]) for key, verdict in one.items() if key in other]


def _agreement(readings: Sequence[tuple[Verdict, Verdict]], measure: Measure) -> Agreement:
    one, other = [first.said for first, _ in readings], [second.said for _, second in readings]
    same = Share(sum(map(operator.eq, one, other)), len(readings))
    return Agreement(same, measure(one, other) if readings else None)

"""Judges that are shown two responses at once: does the place of a response decide? Both orders are asked."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.rows import Messages, Row
from megatron_qm.evals.statistics import mean_interval, wilson_interval

Verdict = Literal["first", "second", "tie"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
Question: TypeAlias = tuple[Messages, Messages, Messages]  # prompt, first response, second response
# None: no verdict could be read
PairJudge: TypeAlias = Callable[[Sequence[Question]], Sequence[Verdict | None]]
_BATCH = 512  # questions, each in both orders
_MIRRORED: dict[Verdict, Verdict] = {"first": "second", "second": "first", "tie": "tie"}
_WORTH = {"first": 1.0, "tie": 0.5, "second": 0.0}  # to what stands first


@dataclass(frozen=True)
class Proportion:
    value: float | None
    low: float
    high: float

    def to_json(self) -> dict[str, object]:
        return {"share": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class PositionBias:
    """Of `n` comparisons with a verdict in both orders; a row of several counts with their mean. prefers_first: mean share of the
    verdicts for what stands first, a tie as half; 0.5 of a judge who does not look at the place. consistent: the same verdict in
    both orders. accuracy: mean of both orders, a tie as half; accuracy_both: right in both; both of the `labelled`, with a better
    side. unscored: without a verdict."""

    n: int
    unscored: int
    prefers_first: Proportion
    consistent: Proportion
    accuracy: Proportion
    accuracy_both: Proportion
    labelled: int

    def to_json(self) -> dict[str, object]:
        return {"n": self.n, "unscored": self.unscored, "labelled": self.labelled, "prefers_first": self.prefers_first.to_json(),
                "consistent": self.consistent.to_json(), "accuracy": self.accuracy.to_json(),
                "accuracy_both_orders": self.accuracy_both.to_json()}


@dataclass(frozen=True)
class Asked:
    """Both verdicts on a comparison: with the better response first, and with it second; whose row it is of, and whether there is
    a better one."""

    better_first: Verdict | None
    better_second: Verdict | None
    row: int
    labelled: bool = True


def ask_both_orders(rows: Iterable[Row], judge: PairJudge) -> list[Asked]:
    """Every better response against every worse one. Raises UserError for a judge that does not answer every question."""
    found, left = [], iter(_comparisons(rows))
    while some := list(itertools.islice(left, _BATCH)):
        orders = [question for (prompt, one, other), *_ in some for question in ((prompt, one, other), (prompt, other, one))]
        verdicts = list(judge(orders))
        if len(verdicts) != len(orders):
            raise UserError(f"the judge gave {len(verdicts)} verdicts for {len(orders)} questions; it must give one or None each")
        for verdict in verdicts:
            if verdict is not None and verdict not in VERDICTS:
                raise UserError(f"the judge gave {verdict!r:.60} where {', '.join(VERDICTS)} or None is expected")
        found += [Asked(verdicts[2 * n], verdicts[2 * n + 1], row, labelled) for n, (_, row, labelled) in enumerate(some)]
    return found


def _comparisons(rows: Iterable[Row]) -> Iterable[tuple[Question, int, bool]]:
    for number, row in enumerate(rows):
        for one, other in itertools.product(row.responses[: row.better], row.responses[row.better :]):
            yield (row.prompt, one, other), number, row.label != "tie"


def position_bias(asked: Sequence[Asked]) -> PositionBias:
    known = [(one.row, one.better_first, one.better_second) for one in asked
             if one.better_first is not None and one.better_second is not None]
    first = [(row, (_WORTH[one] + _WORTH[other]) / 2) for row, one, other in known]
    same = [(row, float(one == _MIRRORED[other])) for row, one, other in known]
    better = {one.row for one in asked if one.labelled}
    right = [(row, (_WORTH[one] + 1 - _WORTH[other]) / 2) for row, one, other in known if row in better]
    both = [(row, float(one == "first" and other == "second")) for row, one, other in known if row in better]
    return PositionBias(len(known), len(asked) - len(known), _mean(first), _mean(same), _mean(right), _mean(both), len(right))


def _mean(values: Sequence[tuple[int, float]]) -> Proportion:
    """Over rows, each with the mean of its own; Wilson's interval where they are 0 or 1."""
    rows: dict[int, list[float]] = {}
    for row, value in values:
        rows.setdefault(row, []).append(value)
    means = [sum(mine) / len(mine) for mine in rows.values()]
    right = sum(mean == 1 for mean in means)
    whole = all(mean in (0, 1) for mean in means)
    interval = wilson_interval(right, len(means)) if whole else mean_interval(means)
    return Proportion(sum(means) / len(means) if means else None, *interval)

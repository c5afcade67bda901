"""Which pairs annotators shall see: a random tenth to measure by, and those that teach most. Pure functions of numbers and seed.

A margin is how much better a model takes `a` to be than `b`. `genrm_n` and `bt_n` are [pairs], NaN where a model said nothing.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

Reason: TypeAlias = Literal["random", "disagreement", "near a past error", "small margin"]
_RANDOM_SHARE = 10  # one of so many is drawn whatever its scores
LEAST_SIMILARITY = 0.5  # from which a pair counts as a near-duplicate


@dataclass(frozen=True)
class Scores:
    """similarity_n: to the nearest past error, from 0 to 1. strata: a label for each pair."""

    genrm_n: np.ndarray
    bt_n: np.ndarray
    similarity_n: np.ndarray
    strata: Sequence[str]


@dataclass(frozen=True)
class Choice:
    """index: of the pair. value: by which it was ranked among those of its reason; None for random ones."""

    index: int
    reason: Reason
    value: float | None


def selected(scores: Scores, count: int, seed: int, least_similarity: float = LEAST_SIMILARITY) -> list[Choice]:
    """`count` choices in random order. First a tenth of them (rounded up) is drawn from all pairs alike. The rest is spread over
    the strata by their sizes; within a stratum the reasons take turns, each taking the best that is left of its own ranking.

    Raises ValueError where there are fewer pairs than `count`."""
    total = len(scores.strata)
    if count > total:
        raise ValueError(f"{count} of {total} pairs cannot be chosen")
    draw = np.random.default_rng(seed)
    random = draw.choice(total, math.ceil(count / _RANDOM_SHARE), replace=False)
    free_n = np.ones(total, bool)
    free_n[random] = False
    chosen = [Choice(int(index), "random", None) for index in random]
    rankings = ranked(scores, least_similarity, draw.random(total))
    members = _strata(scores.strata, free_n)
    for members_m, wanted in zip(members, shared_out([len(one) for one in members], count - len(random)), strict=True):
        chosen += _in_turns(rankings, set(members_m), wanted)
    return [chosen[index] for index in draw.permutation(len(chosen))]


Ranking: TypeAlias = tuple[Reason, Sequence[int], np.ndarray]  # reason, indices with the best first, value of each pair


def ranked(scores: Scores, least_similarity: float, lot_n: np.ndarray) -> list[Ranking]:
    """Equal values are told apart by lot. Margins of each model are measured in its own typical size (its root mean square).

    disagreement: the models prefer different sides; by the margin of the less sure of the two, greatest first.
    near a past error: by similarity, greatest first.
    small margin: all pairs, by the margin of the surer of the models, smallest first; those without any score last."""
    genrm_n, bt_n = np.abs(in_own_size(scores.genrm_n)), np.abs(in_own_size(scores.bt_n))
    opposed_n = np.sign(np.nan_to_num(scores.genrm_n)) * np.sign(np.nan_to_num(scores.bt_n)) < 0
    disagreement_n = np.where(opposed_n, np.fmin(genrm_n, bt_n), -np.inf)
    near_n = np.where(scores.similarity_n >= least_similarity, scores.similarity_n, -np.inf)
    surer_n = np.fmax(genrm_n, bt_n)
    surer_n = np.where(np.isnan(surer_n), np.inf, surer_n)

    def best_first(value_n: np.ndarray) -> list[int]:
        return [int(index) for index in np.lexsort((lot_n, -value_n)) if value_n[index] > -np.inf]

    return [("disagreement", best_first(disagreement_n), disagreement_n),
            ("near a past error", best_first(near_n), near_n),
            ("small margin", np.lexsort((lot_n, surer_n)).tolist(), surer_n)]


def in_own_size(margin_n: np.ndarray) -> np.ndarray:
    """Divided by the root of the mean square of what was scored; all zero stays so."""
    scored_n = margin_n[~np.isnan(margin_n)]
    largest = float(np.abs(scored_n).max(initial=0.0))
    if largest == 0.0:
        return margin_n
    scaled_n = margin_n / largest  # or squares of large margins would overflow
    return scaled_n / float(np.sqrt(np.mean(np.square(scored_n / largest))))


def shared_out(sizes: Sequence[int], count: int) -> list[int]:
    """`count` parts in proportion to `sizes`, none above its size: by largest remainders, the first of equals."""
    total = sum(sizes)
    shares = [size * count // total for size in sizes] if total else [0] * len(sizes)
    remainders = sorted(range(len(sizes)), key=lambda index: (-(sizes[index] * count % max(total, 1)), index))
    for index in remainders[:count - sum(shares)]:
        shares[index] += 1
    return shares


def _strata(strata: Sequence[str], free_n: np.ndarray) -> list[list[int]]:
    """Indices of free pairs, stratum by stratum in the order of their names."""
    members: dict[str, list[int]] = {name: [] for name in sorted(set(strata))}
    for index in np.flatnonzero(free_n).tolist():
        members[strata[index]].append(index)
    return list(members.values())


def _in_turns(rankings: Sequence[Ranking], members: set[int], wanted: int) -> list[Choice]:
    queues: list[tuple[Reason, Iterator[int], np.ndarray]] = [
        (reason, iter([index for index in order if index in members]), value_n) for reason, order, value_n in rankings]
    chosen: dict[int, Choice] = {}
    while len(chosen) < wanted:
        for reason, queue, value_n in queues:
            index = next((one for one in queue if one not in chosen), None)
            if index is not None and len(chosen) < wanted:
                chosen[index] = Choice(index, reason, float(value_n[index]))
    return list(chosen.values())

"""Which source comes next, against exact fractions and the integral of the shares."""

import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from megatron_qm.data.blend import Anchor, Mixture, draw
from megatron_qm.errors import UserError
from tests.data.reference import tijdeman

weight_lists = st.lists(st.integers(0, 20), min_size=1, max_size=8).filter(any)


def mixture_of(weights: list) -> Mixture:
    return Mixture({f"s{number}": weight for number, weight in enumerate(weights)})


def start(mixture: Mixture) -> Anchor:
    return Anchor(0, (0,) * len(mixture.names))


@given(first=st.sampled_from([0, 1, 2, 4]).flatmap(lambda n: st.lists(st.integers(1, 15), min_size=n, max_size=n)))
@settings(max_examples=150, deadline=None)
def test_draws_follow_the_rule_in_exact_arithmetic(first: list[int]) -> None:
    """Shares in 64ths, and as many sources as make Tijdeman's 1 / (2n - 2) a binary fraction: floats lose nothing."""
    weights = [*first, 64 - sum(first)]
    mixture = mixture_of(weights)
    assert draw(mixture, start(mixture), [0] * len(weights), 0, 4096, 200) == tijdeman(weights, 200)


@given(
    weights=st.lists(st.floats(0, 1) | st.integers(0, 50), min_size=1, max_size=12).filter(lambda w: sum(w) > 1e-6),
    length=st.sampled_from([1, 64, 4096]),
)
@settings(max_examples=150, deadline=None)
def test_every_source_stays_within_one_sequence_of_its_share(weights: list[float], length: int) -> None:
    assume(all(weight == 0 or weight / sum(weights) > 1e-9 for weight in weights))
    mixture = mixture_of(weights)
    chosen = draw(mixture, start(mixture), [0] * len(weights), 0, length, 300)
    drawn = [0] * len(weights)
    for number, source in enumerate(chosen, 1):
        drawn[source] += 1
        for weight, got in zip(weights, drawn, strict=True):
            assert abs(got - number * (weight / math.fsum(weights))) < 1 + 1e-6
        assert weights[source] > 0


@given(weights=weight_lists, cuts=st.lists(st.integers(1, 20), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_draws_do_not_depend_on_how_they_are_grouped(weights: list[int], cuts: list[int]) -> None:
    mixture = mixture_of(weights)
    whole = draw(mixture, start(mixture), [0] * len(weights), 0, 16, sum(cuts))
    positions, total, grouped = [0] * len(weights), 0, []
    for count in cuts:
        part = draw(mixture, start(mixture), positions, total, 16, count)
        for source in part:
            positions[source] += 16
        total += 16 * count
        grouped += part
    assert grouped == whole


points = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 9)), min_size=1, max_size=4, unique_by=lambda p: p[0])
schedules = st.lists(st.integers(1, 9) | points.map(sorted), min_size=1, max_size=5)


@given(weights=schedules)
@settings(max_examples=150, deadline=None)
def test_schedules_are_followed(weights: list) -> None:
    """Against the shares summed token by token (midpoint rule), and no source is read while its weight is 0."""
    mixture = _mixture_if_valid(weights)
    length, count = 8, 700
    chosen = draw(mixture, start(mixture), [0] * len(weights), 0, length, count)
    drawn, summed = [0] * len(weights), [0.0] * len(weights)
    for number, source in enumerate(chosen):
        before, after = mixture.shares(number * length), mixture.shares((number + 1) * length)
        assert max(before[source], after[source], mixture.shares((number + 0.5) * length)[source]) > 0
        drawn[source] += length
        for token in range(number * length, (number + 1) * length):
            for i, share in enumerate(mixture.shares(token + 0.5)):
                summed[i] += share
        due = mixture.due((number + 1) * length)
        assert due == pytest.approx(summed, abs=1.0)
        assert math.fsum(due) == pytest.approx((number + 1) * length)
        assert all(abs(a - b) < 2.5 * length for a, b in zip(drawn, due, strict=True))


def _mixture_if_valid(weights: list) -> Mixture:
    try:
        return mixture_of(weights)
    except UserError:  # all weights 0 somewhere: tested below
        assume(False)
        raise


def test_shares_are_linear_between_the_points() -> None:
    mixture = mixture_of([[[0, 1], [100, 0]], [(0, 1), (100, 4)], 0])
    assert mixture.shares(0) == [0.5, 0.5, 0]
    assert mixture.shares(50) == pytest.approx([0.25, 0.75, 0])
    assert mixture.shares(100) == mixture.shares(10**12) == [0, 1, 0]
    assert mixture.due(100) == pytest.approx([25, 75, 0])
    assert mixture.due(1000) == pytest.approx([25, 975, 0])


def test_new_weights_hold_from_their_anchor_on() -> None:
    """Halfway through a run the weights swap; what the second source missed before is not made up for."""
    positions, total = [9000, 1000], 10_000
    mixture = mixture_of([1, 9])
    chosen = draw(mixture, Anchor(total, tuple(positions)), positions, total, 10, 100)
    assert (chosen.count(0), chosen.count(1)) == (10, 90)
    catching_up = draw(mixture, Anchor(0, (0, 0)), positions, total, 10, 100)
    assert catching_up.count(1) == 100


def test_a_trillion_tokens_into_a_run_nothing_has_drifted() -> None:
    weights = [0.1, 0.2, 0.3, 0.4]
    total = 10**13
    mixture = mixture_of(weights)
    positions = [10**12, 2 * 10**12, 3 * 10**12, 4 * 10**12]
    chosen = draw(mixture, Anchor(0, (0,) * 4), positions, total, 4096, 1000)
    assert [chosen.count(source) for source in range(4)] == [100, 200, 300, 400]


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({}, "data.sources"),
        ({"a": 0}, "above 0"),
        ({"a": 0, "b": 0.0}, "a, b"),
        ({"a": -1, "b": 2}, "'a'.*-1"),
        ({"a": float("nan")}, "'a'.*nan"),
        ({"a": float("inf")}, "'a'.*inf"),
        ({"a": [[0, 1], [10, 0]], "b": [[0, 1], [10, 0]]}, "at 10 consumed tokens"),
        ({"a": []}, "'a'.*no points"),
        ({"a": [[0, 1], [0, 2]]}, "'a'.*rise"),
        ({"a": [[5, 1], [3, 2]]}, "'a'.*rise"),
        ({"a": [[-5, 1]]}, "'a'.*-5"),
        ({"a": [[0, 1, 2]]}, "'a'.*pair"),
        ({"a": [[0, "x"]]}, "'a'.*pair"),
        ({"a": [3, 4]}, "'a'.*pair"),
        ({"a": "0.5"}, "'a'"),
        ({"a": None}, "'a'"),
    ],
)
def test_weights_that_mean_nothing_are_refused(weights: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Mixture(weights)

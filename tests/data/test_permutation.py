"""The shuffle is a bijection for every size and key, and looks like a fair one."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megatron_qm.data.permutation import Permutation


@given(size=st.integers(1, 3000), key=st.integers(0, 1 << 64))
@settings(max_examples=100, deadline=None)
def test_every_element_is_hit_once(size: int, key: int) -> None:
    images = Permutation.keyed(size, key).many(np.arange(size))
    assert sorted(images.tolist()) == list(range(size))


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1, 1021 * 1021, 999_999])
def test_every_element_of_a_large_range_is_hit_once(size: int) -> None:
    images = Permutation.keyed(size, "large", 3).many(np.arange(size))
    assert (np.bincount(images.astype(np.int64), minlength=size) == 1).all()


@given(size=st.integers(1, 1 << 62), data=st.data())
@settings(max_examples=200, deadline=None)
def test_one_at_a_time_and_many_at_once_agree(size: int, data: st.DataObject) -> None:
    permutation = Permutation.keyed(size, "agree")
    indices = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=20))
    one_by_one = [permutation(index) for index in indices]
    assert one_by_one == permutation.many(np.array(indices)).tolist()
    assert len(set(one_by_one)) == len(set(indices))
    assert all(0 <= image < size for image in one_by_one)


def test_known_answers() -> None:
    """The order is part of every checkpoint: it must not drift between versions."""
    assert [Permutation.keyed(10, "blocks", 1234, "web", 0)(i) for i in range(10)] == [3, 8, 2, 6, 9, 7, 4, 1, 5, 0]
    assert Permutation.keyed(10**12, "blocks", 1234, "web", 7)(123_456_789) == 575_413_679_927


def test_outside_the_range_is_refused() -> None:
    for index in (-1, 5):
        with pytest.raises(IndexError):
            Permutation.keyed(5, 0)(index)


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
def test_all_orders_of_a_small_set_are_equally_likely(size: int) -> None:
    """Chi-squared over all `size`! orders; 4.5 standard deviations above its mean has odds of about 1e-5."""
    draws = 200 * math.factorial(size) if size < 6 else 20_000
    seen = Counter(tuple(map(Permutation.keyed(size, seed, "s", 0), range(size))) for seed in range(draws))
    expected = draws / math.factorial(size)
    missing = math.factorial(size) - len(seen)
    statistic = sum((count - expected) ** 2 / expected for count in seen.values()) + missing * expected
    freedom = math.factorial(size) - 1
    assert statistic < freedom + 4.5 * math.sqrt(2 * freedom) + 4.5


@pytest.mark.parametrize("size", [1000, 65_537, 10**9])
def test_places_and_images_are_independent(size: int) -> None:
    """Image of the first places over many keys is uniform; neighbours do not stay neighbours."""
    bins, keys = 50, 4000
    counts = np.zeros(bins)
    for key in range(keys // 8):
        permutation = Permutation.keyed(size, key, "uniform")
        images = np.array([permutation(place) for place in range(8)], np.float64)
        counts += np.histogram(images, bins, (0, size))[0]
    expected = keys / bins
    assert ((counts - expected) ** 2 / expected).sum() < bins + 4.5 * math.sqrt(2 * bins)

    images = Permutation.keyed(size, "serial").many(np.arange(1000)).astype(np.float64)
    correlation = np.corrcoef(images[:-1], images[1:])[0, 1]
    assert abs(correlation) < 4.5 / math.sqrt(1000)


def test_keys_give_unrelated_orders() -> None:
    """Two random orders of n agree in about one place; so do those of neighbouring seeds, epochs and names."""
    size = 10_000
    base = Permutation.keyed(size, 1, "web", 0).many(np.arange(size))
    for key in ((2, "web", 0), (1, "web", 1), (1, "wec", 0)):
        other = Permutation.keyed(size, *key).many(np.arange(size))
        assert (base == other).sum() < 10

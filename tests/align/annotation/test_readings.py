"""Who reads what: every pair once, a drawn share twice, by two people where there are two; orders are drawn and turned round."""

import math
import random
from collections import Counter
from pathlib import Path

import pytest

from megatron_qm.align.annotation.candidates import Pair
from megatron_qm.align.annotation.desk import Desk, StaleError
from megatron_qm.align.annotation.readings import Plan, order_shown, read_twice
from megatron_qm.align.annotation.verdicts import Begin, Entry, Standing


class Memory:
    """A log without a file."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.begin, self.standing = Begin("x", 0, 0, 0.1), Standing()

    def append(self, entry: Entry) -> None:
        self.standing.take(entry)
        self.entries.append(entry)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def plan(count: int, seed: int = 0, second: float = 0.1) -> Plan:
    return Plan([Pair(f"k{number}", (), "a", "b", {}) for number in range(count)], seed, second)


def desk(plan: Plan, *names: str) -> tuple[Desk, Memory, Clock]:
    log, clock = Memory(), Clock()
    return Desk(plan, log, names, clock), log, clock


def work(desk: Desk, names: list[str], draw: random.Random, words: tuple[str, ...] = ("first", "second", "tie", "bad")) -> None:
    """Until nobody finds anything, in an order that is drawn."""
    while names:
        name = draw.choice(names)
        reading = desk.ask(name).reading
        if reading is None:
            names = [other for other in names if other != name]
        else:
            desk.judge(f"{draw.getrandbits(96):x}", name, reading.pair.key, reading.number, draw.choice(words), "")


@pytest.mark.parametrize("seed", range(5))
def test_one_annotator_reads_all_once_and_a_tenth_again_the_other_way_round(seed: int) -> None:
    given = plan(47, seed)
    door, log, _ = desk(given, "ann")
    work(door, ["ann"], random.Random(seed))
    verdicts = list(log.standing.verdicts.values())
    assert [one.key for one in verdicts[:47]] == [f"k{number}" for number in range(47)]
    again = verdicts[47:]
    assert len(again) == 5 and {one.key for one in again} == given.twice and {one.reading for one in again} == {2}
    shown = {one.key: one.shown for one in verdicts[:47]}
    assert all(one.shown == shown[one.key][::-1] for one in again)
    progress = door.ask("ann").progress
    assert (progress.done, progress.total, progress.yours) == (52, 52, 52)


@pytest.mark.parametrize("seed", range(5))
def test_two_annotators_share_the_work_and_read_a_tenth_both(seed: int) -> None:
    given = plan(47, seed)
    door, log, _ = desk(given, "ann", "ben")
    work(door, ["ann", "ben"], random.Random(seed))
    readers = Counter((one.key, one.annotator) for one in log.standing.verdicts.values())
    assert set(readers.values()) == {1}
    counts = Counter(key for key, _ in readers)
    assert {key for key, count in counts.items() if count == 2} == given.twice and len(counts) == 47


def test_what_lies_before_one_is_not_given_to_another_until_it_has_lain_long() -> None:
    door, _, clock = desk(plan(1, second=0.0), "ann", "ben")
    assert door.ask("ann").reading is not None
    assert door.ask("ann").reading is not None  # the same again: the page was loaded again
    assert door.ask("ben").reading is None
    clock.now = 601.0
    assert door.ask("ben").reading is not None


@pytest.mark.parametrize("count", [1, 2])
def test_what_lies_before_two_counts_twice(count: int) -> None:
    """Of pairs that are read twice each, two people a pair have enough to do."""
    names = [f"n{number}" for number in range(2 * count + 1)]
    door, _, clock = desk(plan(count, second=1.0), *names)
    offered = Counter(reading.pair.key for name in names if (reading := door.ask(name).reading))
    assert offered == {f"k{number}": 2 for number in range(count)}
    clock.now = 601.0
    assert door.ask(names[-1]).reading is not None


def test_skipped_pairs_go_to_others_and_do_not_come_back() -> None:
    door, log, _ = desk(plan(6, second=0.0), "ann", "ben")
    work(door, ["ann"], random.Random(0), ("skip",))
    assert door.ask("ann").progress.skipped == 6 and door.ask("ann").progress.done == 0
    work(door, ["ben"], random.Random(1))
    assert Counter(one.said == "skip" for one in log.standing.verdicts.values()) == {True: 6, False: 6}


def test_undo_goes_back_one_by_one_and_shows_each_again() -> None:
    door, log, clock = desk(plan(4, second=0.0), "ann", "ben")
    for number in range(3):
        clock.now += 5
        door.judge(f"v{number}", "ann", f"k{number}", 1, "first", "")
    with pytest.raises(StaleError, match="nothing to undo"):
        door.undo("u", "ben")
    for number in (2, 1, 0):
        offer = door.undo(f"u{number}", "ann")
        assert offer.reading and offer.reading.pair.key == f"k{number}" and offer.progress.done == number
    assert len(log.entries) == 6 and not log.standing.verdicts  # nothing was taken out of the log
    with pytest.raises(StaleError):
        door.undo("u9", "ann")
    assert door.judge("v9", "ann", "k0", 1, "tie", "n").last.said == "tie"


def test_what_is_said_twice_is_stored_once() -> None:
    door, log, _ = desk(plan(3, second=0.0), "ann")
    for _ in range(2):
        assert door.judge("v0", "ann", "k0", 1, "first", "").reading.pair.key == "k1"
    for _ in range(2):
        assert door.undo("u0", "ann").reading.pair.key == "k0"
    assert len(log.entries) == 2


def test_what_does_not_fit_is_refused_and_stores_nothing() -> None:
    door, log, _ = desk(plan(2, second=0.0), "ann")
    door.judge("v0", "ann", "k0", 1, "first", "")
    for refused, kind in ((("v1", "ann", "k0", 1, "first", ""), StaleError), (("v2", "ann", "k0", 2, "first", ""), StaleError),
                          (("v3", "eve", "k1", 1, "first", ""), ValueError), (("v4", "ann", "k9", 1, "first", ""), ValueError),
                          (("v5", "ann", "k1", 1, "a", ""), ValueError), (("v6", "ann", "k1", 1, "third", ""), ValueError)):
        with pytest.raises(kind):
            door.judge(*refused)
    assert len(log.entries) == 1


def test_orders_are_drawn_evenly_and_by_seed_annotator_and_key() -> None:
    drawn = [order_shown(seed, name, f"k{number}", 1) for seed in (0, 1) for name in ("ann", "ben") for number in range(1000)]
    parts = [drawn[start:start + 1000] for start in range(0, 4000, 1000)]
    for part in parts:
        assert 420 < part.count(("a", "b")) < 580  # 5 standard deviations
    for one in range(4):
        for other in range(one):
            assert 420 < sum(a == b for a, b in zip(parts[one], parts[other], strict=True)) < 580


def test_the_share_that_is_read_twice_is_rounded_up_and_drawn_by_the_seed(tmp_path: Path) -> None:
    keys = [f"k{number}" for number in range(101)]
    for share in (0.0, 0.1, 0.5, 1.0):
        assert len(read_twice(keys, 0, share)) == math.ceil(share * 101)
    assert read_twice(keys, 0, 0.1) != read_twice(keys, 1, 0.1) and read_twice(keys, 0, 0.1) == read_twice(keys[::-1], 0, 0.1)
    shares = [read_twice(keys, 0, share / 20) for share in range(21)]
    assert all(less <= more for less, more in zip(shares, shares[1:], strict=False))
    longer = [read_twice(keys[:count], 0, 0.1) for count in range(1, 102)]
    assert not all(short <= long for short, long in zip(longer, longer[1:], strict=False))  # further keys take the places of some

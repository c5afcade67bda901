"""Who holds a hung job up: one sentence from two looks at the heartbeats."""

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from megatron_qm.observe.heartbeat import Beat

_SHOWN = 8


@dataclass(frozen=True)
class Verdict:
    """culprits: the ranks that the others wait for, lowest first. sentence: for people, one line. speaker: the lowest rank
    that still beats, which says it; None where there is none."""

    culprits: tuple[int, ...]
    sentence: str
    speaker: int | None


def judge(before: Mapping[int, Beat], after: Mapping[int, Beat], world_size: int) -> Verdict:
    """`before` and `after`: two looks, several beats apart, at a job in which nothing has moved for long.

    In this order: ranks that no longer beat (stopped, dead, or never there); ranks that stand outside of any collective
    while others wait in one; ranks that have entered fewer collectives of a group than its other members; and where
    nothing tells them apart, those that are furthest behind in the run.
    """
    silent = [rank for rank in range(world_size) if not _beats(before.get(rank), after.get(rank))]
    alive = [after[rank] for rank in sorted(after) if rank not in silent and rank < world_size]
    if silent:
        return _verdict(silent, after, alive, "no longer answers (the process was stopped, or its node is gone)")
    outside = [beat.rank for beat in alive if beat.operation is None]
    if outside and len(outside) < len(alive):
        return _verdict(outside, after, alive, "has not come to the collective that the others wait in")
    behind = _behind(alive)
    if behind:
        return _verdict(behind, after, alive, "waits in another collective than the others of its group")
    last = min(alive, key=lambda beat: (beat.step, beat.since))
    furthest = [beat.rank for beat in alive if (beat.step, beat.phase) == (last.step, last.phase)]
    return _verdict(furthest, after, alive, "is the furthest behind; nothing tells more")


def _beats(before: Beat | None, after: Beat | None) -> bool:
    if before is None or after is None:
        return before is not after  # one that has just begun to beat is alive
    return (before.pid, before.count) != (after.pid, after.count)


def _behind(alive: Sequence[Beat]) -> list[int]:
    """Ranks that lag in a group and are not themselves held up by one that lags in another."""
    entered: dict[str, dict[int, int]] = defaultdict(dict)
    for beat in alive:
        for group, count in beat.entered.items():
            entered[group][beat.rank] = count
    lagging, waiting = set(), set()
    for counts in entered.values():
        most = max(counts.values())
        late = {rank for rank, count in counts.items() if count < most}
        lagging |= late
        waiting |= set(counts) - late if late else set()
    return sorted(lagging - waiting) or sorted(lagging)


def _verdict(culprits: list[int], beats: Mapping[int, Beat], alive: Sequence[Beat], why: str) -> Verdict:
    named = [_describe(rank, beats.get(rank)) for rank in culprits[:_SHOWN]]
    if len(culprits) > _SHOWN:
        named.append(f"and {len(culprits) - _SHOWN} more")
    others = [beat for beat in alive if beat.rank not in culprits]
    waits = f"; {_waiting(others)}" if others else ""
    return Verdict(tuple(culprits), f"{'; '.join(named)}: {why}{waits}", min((beat.rank for beat in alive), default=None))


def _describe(rank: int, beat: Beat | None) -> str:
    if beat is None:
        return f"rank {rank} (it has not begun)"
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(beat.since))
    stands = f", in {beat.operation}" if beat.operation else ""
    place = f" at {beat.place}" if beat.place else ""
    return (f"rank {rank} ({beat.host}, pid {beat.pid}) in phase {beat.phase!r} of step {beat.step} since {since} UTC"
            f"{stands}{place}")


def _waiting(others: Sequence[Beat]) -> str:
    """ranks 0-2 wait in all_reduce at mappings.py:31; rank 4 in ..."""
    groups: dict[str, list[int]] = defaultdict(list)
    for beat in others:
        what = beat.operation or f"phase {beat.phase!r}"
        groups[f"{what} ({beat.place})" if beat.place else what].append(beat.rank)
    parts = [f"{rank_list(ranks)} wait{'s' if len(ranks) == 1 else ''} in {what}" for what, ranks in groups.items()]
    return "; ".join(parts[:_SHOWN])


def rank_list(ranks: Collection[int]) -> str:
    """ranks 0-3, 7"""
    runs: list[list[int]] = []
    for rank in sorted(ranks):
        if runs and rank == runs[-1][1] + 1:
            runs[-1][1] = rank
        else:
            runs.append([rank, rank])
    text = ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)
    return f"rank{'' if len(ranks) == 1 else 's'} {text}"

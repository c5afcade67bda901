"""Samples of different lengths into rows of one length."""

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

S = TypeVar("S", bound=Sized)

_OPEN_ROWS = 64  # that still take samples: more fill better, and spread neighbours over more of the shuffled order
_SHORTEST = 2  # tokens of a sample that teaches anything


def pack(samples: Iterable[S], capacity: int, open_rows: int = _OPEN_ROWS) -> Iterator[list[S]]:
    """Rows of at most `capacity` tokens together, by first fit in the order given; a row comes out once it is full, or is
    the oldest of more than `open_rows`. Raises ValueError for a sample that fits into no row: nothing is cut."""
    rows: list[list[S]] = []
    room: list[int] = []
    for sample in samples:
        needed = len(sample)
        if needed > capacity:
            raise ValueError(f"a sample of {needed} tokens in rows of {capacity}")
        place = next((at for at, left in enumerate(room) if left >= needed), len(rows))
        if place == len(rows):
            rows.append([])
            room.append(capacity)
        rows[place].append(sample)
        room[place] -= needed
        if room[place] < _SHORTEST or len(rows) > open_rows:
            full = place if room[place] < _SHORTEST else 0
            room.pop(full)
            yield rows.pop(full)
    yield from rows

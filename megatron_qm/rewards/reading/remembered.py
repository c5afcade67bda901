"""What is made of a user's table of names, made once for a table and not once for a verdict."""

import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TypeVar

from megatron_qm.rewards.metadata import Table

T = TypeVar("T")
_MOST = 64  # tables that are kept: the items of a run share theirs
_made: OrderedDict[tuple[object, ...], tuple[Mapping[str, object], object]] = OrderedDict()


def remembered(names: Mapping[str, object], make: Callable[[], T], *more: object) -> T:
    """`make()`, unless it was made of an equal table in the same order (and of an equal `more`) before. To compare two tables is
    some fifty times as fast as to read one, and a pool's are the same one (lending.py)."""
    key = (make.__qualname__, len(names), zlib.crc32(repr(next(iter(names.items()), "")).encode(errors="replace")), *more)
    known = _made.get(key)
    if known is not None and (known[0] is names or known[0] == names and [*known[0]] == [*names]):
        return known[1]  # type: ignore[return-value]  # what `make` made, of which the key has the name
    made = make()
    _made[key] = names if isinstance(names, Table) else dict(names), made
    while len(_made) > _MOST:
        _made.popitem(last=False)
    return made

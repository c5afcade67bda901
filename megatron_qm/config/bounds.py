"""What a number may be: bounds stand in the type of a key (`Annotated[int, Ge(1)]`), and every config is held to them.

`Ge`, `Gt`, `Le` and `Lt` (annotated-types) are said one by one, an `Interval` as a whole. Every number has an upper bound
too: one that would overflow or never end is a slip of the pen. None may be NaN or infinite.
"""

import dataclasses
import functools
import math
import typing
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Ge, Gt, Interval, Le, Lt

from megatron_qm.config.hints import arm, bare, hints_of, is_config, is_union, item_hint
from megatron_qm.config.require import BrokenRuleError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Seed = Annotated[int, Ge(0), Le(2**63 - 1)]
Steps = Annotated[int, Ge(1), Le(2**40)]
StepsOrZero = Annotated[int, Ge(0), Le(2**40)]
Tokens = Annotated[float, Ge(1), Le(1e18)]
Length = Annotated[int, Ge(1), Le(2**27)]  # tokens of a sequence: ten times what anybody has trained on
Width = Annotated[int, Ge(1), Le(2**22)]
Rows = Annotated[int, Ge(1), Le(10_000_000)]  # of a vocabulary
Heads = Annotated[int, Ge(1), Le(65_536)]
LengthOrZero = Annotated[int, Ge(0), Le(2**27)]
Sequences = Annotated[int, Ge(1), Le(10_000_000)]
Layers = Annotated[int, Ge(1), Le(10_000)]
Ranks = Annotated[int, Ge(1), Le(1_000_000)]
Epochs = Annotated[float, Gt(0), Le(10_000)]
Seconds = Annotated[float, Gt(0), Le(86_400)]
Processes = Annotated[int, Ge(1), Le(4096)]  # on one machine
Port = Annotated[int, Ge(0), Le(65_535)]  # 0: any that is free
Votes = Annotated[int, Ge(1), Le(1000)]
Drawn = Annotated[int, Ge(1), Le(10_000_000)]  # cases of an audit
AtOnce = Annotated[int, Ge(1), Le(1_000_000)]  # sequences that are generated together
# A logit divided by less is out of a float's reach: greedy is said with 0 where it is meant.
LEAST_TEMPERATURE = 1e-3
Temperature = Annotated[float, Ge(0), Le(100)]
TopK = Annotated[int, Ge(0), Le(10_000_000)]
TopP = Annotated[float, Interval(gt=0, le=1)]
Share = Annotated[float, Interval(ge=0, le=1)]
NotNegative = Annotated[float, Ge(0), Le(1e6)]
Weight = Annotated[float, Ge(0), Le(1e18)]  # in a mix: up to a factor that all have in common
WeightSchedule = list[tuple[Annotated[float, Ge(0), Le(1e18)], Weight]]  # [[consumed tokens, weight], ...]


def in_words(bound: object) -> str | None:
    """`1 or more` for Ge(1); None for what is no bound."""
    match bound:
        case Interval(ge=low, le=high):
            return f"from {_number(low)} to {_number(high)}" if None not in (low, high) else f"in {_brackets(bound)}"
        case Ge(least):
            return f"{_number(least)} or more"
        case Gt(below):
            return f"above {_number(below)}"
        case Le(most):
            return f"{_number(most)} or less"
        case Lt(above):
            return f"below {_number(above)}"
    return None


def objection(value: float, bounds: Iterable[object]) -> str | None:
    """What is wrong with `value`, as the end of a sentence; None where it keeps all bounds."""
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    return next((_demand(bound) for bound in bounds if not _kept(bound, value)), None)


def check_bounds(config: "DataclassInstance", prefix: str = "") -> None:
    """Raises BrokenRuleError for the first number of a dataclass tree that is out of its bounds; `prefix`: where it stands."""
    for name, hint in _numbers_of(type(config)):
        key = f"{prefix}.{name}" if prefix else name
        _check(hint, getattr(config, name), key)


def _check(hint: object, value: object, key: str) -> None:
    if value is None:
        return
    if is_union(hint):
        hint = arm(hint, value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        check_bounds(value, key)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check(item_hint(bare(hint), index), item, f"{key}.{index}")
    elif isinstance(value, int | float) and (said := objection(value, typing.get_args(hint)[1:])):
        raise BrokenRuleError(f"{key} = {value}: {said}", key)


@functools.cache
def _numbers_of(cls: "type[DataclassInstance]") -> list[tuple[str, object]]:
    """Of the fields those that are or hold numbers."""
    hints = hints_of(cls)
    return [(field.name, hints[field.name]) for field in dataclasses.fields(cls) if _holds_numbers(hints[field.name])]


def _holds_numbers(hint: object) -> bool:
    return hint in (int, float) or is_config(hint) or any(map(_holds_numbers, typing.get_args(hint)))


def _kept(bound: object, value: Any) -> bool:
    match bound:
        case Interval():
            return all(_kept(part, value) for part in bound)
        case Ge(least):
            return bool(value >= least)
        case Gt(below):
            return bool(value > below)
        case Le(most):
            return bool(value <= most)
        case Lt(above):
            return bool(value < above)
    return True  # says something else than a bound


def _demand(bound: object) -> str:
    match bound:
        case Ge(0):
            return "must not be negative"
        case Interval(ge=0, le=1):
            return "is a share, from 0 to 1"
        case Interval():
            return f"must lie {in_words(bound)}"
    return f"must be {in_words(bound)}"


def _brackets(bound: Interval) -> str:
    """`[0, 1)`."""
    low = f"[{bound.ge}" if bound.gt is None else f"({bound.gt}"
    return f"{low}, {bound.le}]" if bound.lt is None else f"{low}, {bound.lt})"


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.10g}"

"""Type hints of configs, as all who walk them read them."""

import dataclasses
import functools
import types
import typing
from collections.abc import Iterator
from typing import Any


@functools.cache
def hints_of(cls: type) -> dict[str, Any]:
    """The hint of each field, bounds included."""
    return typing.get_type_hints(cls, include_extras=True)


def is_config(hint: Any) -> bool:
    """Whether it is a dataclass (and not an object of one, as bounds are)."""
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


def is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def bare(hint: Any) -> Any:
    """Without what `Annotated` adds."""
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint


def is_list(hint: Any) -> bool:
    return typing.get_origin(bare(hint)) in (list, tuple)


def arm(hint: Any, value: Any) -> Any:
    """Of a union, the member that `value` is meant for: a list for a list, else the first that is none."""
    members = [member for member in typing.get_args(hint) if member is not types.NoneType]
    fitting = [member for member in members if is_list(member) == isinstance(value, list | tuple)]
    return (fitting or members)[0]


def item_hint(hint: Any, index: int) -> Any:
    """Of a list's or a tuple's item."""
    args = typing.get_args(hint)
    return args[index] if typing.get_origin(hint) is tuple else args[0]


def dataclasses_in(hint: Any) -> Iterator[tuple[type, str]]:
    """(a dataclass in `hint`, "" or ".*" where a list holds many of it)."""
    if is_config(hint):
        yield hint, ""
    for arg in typing.get_args(hint):
        for inner, deeper in dataclasses_in(arg):
            yield inner, (".*" if is_list(hint) and typing.get_origin(hint) is not typing.Annotated else "") + deeper

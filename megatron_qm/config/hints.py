"""Type hints of configs, as all who walk them read them."""

import dataclasses
import functools
import types
import typing
from collections.abc import Iterator, Sequence
from typing import TypeAlias, TypeGuard

Scalar: TypeAlias = bool | int | float | str


@functools.cache
def hints_of(cls: type) -> dict[str, object]:
    """The hint of each field, bounds included."""
    return typing.get_type_hints(cls, include_extras=True)


def is_config(hint: object) -> TypeGuard[type]:
    """Whether it is a dataclass (and not an object of one, as bounds are)."""
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


def is_union(hint: object) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def bare(hint: object) -> object:
    """Without what `Annotated` adds."""
    inner: object = typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint
    return inner


def is_list(hint: object) -> bool:
    return typing.get_origin(bare(hint)) in (list, tuple, Sequence)


def is_mapping(hint: object) -> bool:
    """Whether its names are free."""
    return typing.get_origin(bare(hint)) is dict


def arm(hint: object, value: object) -> object:
    """Of a union, the member that `value` is meant for: a list for a list, else the first that is none."""
    members: list[object] = [member for member in typing.get_args(hint) if member is not types.NoneType]
    fitting = [member for member in members if is_list(member) == isinstance(value, list | tuple)]
    return (fitting or members)[0]


def item_hint(hint: object, index: int) -> object:
    """Of a list's or a tuple's item."""
    args: tuple[object, ...] = typing.get_args(hint)
    return args[index] if is_fixed(hint) else args[0]


def is_fixed(hint: object) -> bool:
    """Whether it is a list of so many items, each of a type of its own."""
    return typing.get_origin(hint) is tuple and typing.get_args(hint)[1:] != (Ellipsis,)


def dataclasses_in(hint: object) -> Iterator[tuple[type, str]]:
    """(a dataclass in `hint`, "" or ".*" where a list holds many of it)."""
    if is_config(hint):
        yield hint, ""
    for arg in typing.get_args(hint):
        for inner, deeper in dataclasses_in(arg):
            yield inner, (".*" if is_list(hint) and typing.get_origin(hint) is not typing.Annotated else "") + deeper

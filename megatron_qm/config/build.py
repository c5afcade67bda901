"""A tree into typed dataclasses; every mistake is named with its place and the nearest valid key."""

import dataclasses
import difflib
import math
import re
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from megatron_qm.config.bounds import objection
from megatron_qm.config.hints import (
    Scalar,
    arm,
    dataclasses_in,
    hints_of,
    is_config,
    is_fixed,
    is_list,
    is_mapping,
    is_union,
    item_hint,
)
from megatron_qm.config.tree import Tree
from megatron_qm.errors import UserError
from megatron_qm.yaml_nodes import Node, Odd, Where

T = TypeVar("T")
_SPELLED = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")  # a number, as JSON and YAML 1.2 spell it


@dataclass(frozen=True)
class Shorthand:
    """In the type of a key: another way to write its value, as a block `form`, of which `expand` makes the value itself."""

    form: type
    expand: Callable[..., object]


def build(cls: type[T], tree: Tree) -> T:
    """`tree` as dataclass `cls`. Raises UserError naming the place and the key for unknown keys, values of a wrong type and
    numbers out of their bounds."""
    try:
        built: T = _build(cls, tree.root, "", Where(tree.recipe))
    except _UnknownKeyError as error:
        raise UserError(f"{error.where}: unknown key {error.key!r}{_nearest(error.key, cls)}") from None
    return built


class _UnknownKeyError(Exception):
    def __init__(self, key: str, where: Where) -> None:
        super().__init__(key)
        self.key, self.where = key, where


def _build(cls: type, node: Node, prefix: str, where: Where) -> Any:
    if not isinstance(node.value, dict):
        raise UserError(f"{where}: {prefix} wants `key: value` lines, not {_show(node)}")
    hints = hints_of(cls)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    values = {}
    for key, inner in node.value.items():
        if key not in fields:
            raise _UnknownKeyError(dotted(prefix, key), inner.where)
        values[key] = _convert(hints[key], inner, dotted(prefix, key))
    missing = [
        name for name, field in fields.items()
        if name not in values and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise UserError(f"{where}: {prefix or 'the recipe'} lacks the key {dotted(prefix, missing[0])!r}")
    try:
        return cls(**values)
    except ValueError as error:  # of a rule that the class itself knows
        raise UserError(f"{where}: {prefix}{': ' if prefix else ''}{error}") from None


def dotted(prefix: str, key: str) -> str:
    return f"{prefix}.{key}" if prefix else key


def _convert(hint: object, node: Node, key: str) -> object:
    origin = typing.get_origin(hint)
    if is_mapping(hint):
        return _mapping(node, key)
    if is_union(hint):
        optional = types.NoneType in typing.get_args(hint)
        if optional and node.value == "":  # of a shell's variable that is not set: no wish to do without
            raise UserError(f"{node.where}: {key} = '' names nothing; say what is meant, or null for none")
        return None if node.value is None and optional else _convert(arm(hint, node.value), node, key)
    if origin is Annotated:
        return _annotated(hint, node, key)
    if origin is Literal:
        return _one_of(typing.get_args(hint), node, key)
    if is_list(hint):
        return _list(hint, node, key)
    if is_config(hint):
        return _build(hint, Node(node.where, {}) if node.value is None else node, key, node.where)
    return _scalar(hint, node, key)


def _annotated(hint: object, node: Node, key: str) -> object:
    """Shorthands are written out, numbers held to their bounds."""
    inner, *extras = typing.get_args(hint)
    for extra in extras:
        if isinstance(extra, Shorthand) and isinstance(node.value, dict):
            return _expanded(extra, node, key)
    value = _convert(inner, node, key)
    said = objection(value, extras) if isinstance(value, int | float) else None
    if said:
        raise UserError(f"{node.where}: {key} = {value}: {said}")
    return value


def _expanded(short: Shorthand, node: Node, key: str) -> object:
    try:
        form = _build(short.form, node, key, node.where)
    except _UnknownKeyError as error:
        known = ", ".join(field.name for field in dataclasses.fields(short.form))
        raise UserError(f"{error.where}: {error.key!r} is no key: {key} wants a list, or a block of {known}") from None
    try:
        return short.expand(form)
    except UserError as error:
        raise UserError(f"{node.where}: {key}: {error}") from None


def _one_of(choices: tuple[object, ...], node: Node, key: str) -> object:
    if node.value not in choices:
        near = difflib.get_close_matches(str(node.value), [str(choice) for choice in choices], n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UserError(f"{node.where}: {key} = {_show(node)} is not one of {', '.join(map(str, choices))}{hint}")
    return choices[choices.index(node.value)]


def _list(hint: object, node: Node, key: str) -> object:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if not isinstance(node.value, list):
        raise UserError(f"{node.where}: {key} wants a list, not {_show(node)}")
    if is_fixed(hint) and len(args) != len(node.value):
        raise UserError(f"{node.where}: {key} wants {len(args)} values, not {len(node.value)}")
    items = [_convert(item_hint(hint, index), item, f"{key}.{index}") for index, item in enumerate(node.value)]
    return tuple(items) if origin is tuple else items


def _mapping(node: Node, key: str) -> dict[str, Scalar]:
    """Names are free, values single ones."""
    if not isinstance(node.value, dict | None):
        raise UserError(f"{node.where}: {key} wants `name: value` lines, not {_show(node)}")
    return {name: scalar(inner, dotted(key, name)) for name, inner in (node.value or {}).items()}


def scalar(node: Node, key: str) -> Scalar:
    """true, false, a number or text. Raises UserError for anything else."""
    value = node.value
    if isinstance(value, Odd):
        raise UserError(f"{node.where}: {key} = {value}: not all read it alike; write {value.meant}, or {_show(node)} for text")
    if not isinstance(value, Scalar) or isinstance(value, float) and not math.isfinite(value):
        raise UserError(f"{node.where}: {key} wants true, false, a finite number or text, not {_show(node)}")
    _refuse_nul(node, key)
    return value


def _scalar(hint: Any, node: Node, key: str) -> object:
    """int, float, bool and str; `1e12` is a fine whole number and `3e-4` a fine float (PyYAML reads it as text)."""
    value = node.value
    if hint in (str, bool) and isinstance(value, hint):
        _refuse_nul(node, key)
        return hint(value)
    if hint in (int, float) and not isinstance(value, bool):
        number = _number(value)
        if number is not None and math.isfinite(number) and (hint is float or number == int(number)):
            return hint(value) if isinstance(value, int) else hint(number)
    name = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(hint, str(hint))
    advice = " (put it in quotes)" if hint is str and not isinstance(value, dict | list) else ""
    if isinstance(value, Odd) and isinstance(value.value, bool) == (hint is bool):
        advice = f"; write {value.meant}"
    raise UserError(f"{node.where}: {key} wants {name}, not {_show(node)}{advice}")


def _refuse_nul(node: Node, key: str) -> None:
    if isinstance(node.value, str) and "\0" in node.value:
        raise UserError(f"{node.where}: {key} = {_show(node)}: no path and no name can hold a NUL character; take it out")


def _number(value: Any) -> float | None:
    """Also of text such as 1e12, which YAML 1.1 takes for no number."""
    if isinstance(value, str) and (isinstance(value, Odd) or not _SPELLED.fullmatch(value)):
        return None
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _show(node: Node) -> str:
    if isinstance(node.value, dict):
        return "a block of keys"
    return "a list" if isinstance(node.value, list) else repr(node.value)[:80]


def _nearest(key: str, root: type) -> str:
    """The likeliest meaning of an unknown dotted key: a sibling, or a key of that name anywhere in the tree."""
    parent, _, name = key.rpartition(".")
    known = dict(_dotted_keys(root))
    generic = ".".join("*" if part.isdecimal() else part for part in parent.split("."))
    siblings = [full for full in known if full.rpartition(".")[0] == generic]
    near = difflib.get_close_matches(name, [full.rpartition(".")[2] for full in siblings], n=1, cutoff=0.5)
    same_name = [full for full in known if full.rpartition(".")[2] == name]
    if same_name:
        return f"; did you mean {same_name[0]!r}?"
    if near:
        return f"; did you mean {dotted(parent, near[0])!r}?"
    anywhere = difflib.get_close_matches(key, known, n=1) or difflib.get_close_matches(name, known.values(), n=1)
    if anywhere:
        full = next(full for full, leaf in known.items() if anywhere[0] in (full, leaf))
        return f"; did you mean {full!r}?"
    where = f" of {parent}" if siblings and parent else ""
    names = [full.rpartition(".")[2] for full in siblings] or [full for full in known if "." not in full]
    return f"; valid keys{where} are: {', '.join(names)}"


def _dotted_keys(cls: type, prefix: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, its last part) of every key below a dataclass; `*` stands for an index."""
    for field in dataclasses.fields(cls):
        if field.init:
            key = dotted(prefix, field.name)
            yield key, field.name
            for inner, deeper in dataclasses_in(hints_of(cls)[field.name]):
                yield from _dotted_keys(inner, key + deeper)

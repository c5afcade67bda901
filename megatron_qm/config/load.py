"""YAML and `key=value` overrides into typed dataclasses; every mistake is named with its file, line and nearest valid key."""

import dataclasses
import difflib
import math
import types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml

from megatron_qm.errors import UserError

T = TypeVar("T")


@dataclass(frozen=True)
class Where:
    """The place a value came from, for error messages: `recipe.yaml:12` or `override`."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


def load(cls: type[T], path: Path, overrides: typing.Sequence[str] = ()) -> T:
    """Read the YAML file `path` as dataclass `cls`, then apply dotted overrides such as `train.steps=200`.

    Raises UserError naming file, line and key for broken YAML, unknown or repeated keys and values of a wrong type.
    """
    return build(cls, read(path, overrides), path)


def read(path: Path, overrides: typing.Sequence[str] = ()) -> dict[str, tuple[Where, Any]]:
    """The recipe with its overrides as a tree, of no class yet."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot read this recipe: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; save the recipe as UTF-8 text") from None
    tree = _mapping(_compose(text, str(path)), Where(str(path), 1), str(path))
    for override in overrides:
        _apply(tree, override)
    return tree


def build(cls: type[T], tree: dict[str, tuple[Where, Any]], path: Path) -> T:
    try:
        return _build(cls, tree, "", Where(str(path)))
    except _UnknownKeyError as error:
        raise UserError(f"{error.where}: unknown key {error.key!r}{_nearest(error.key, cls)}") from None


class _UnknownKeyError(Exception):
    def __init__(self, key: str, where: Where) -> None:
        super().__init__(key)
        self.key, self.where = key, where


def _compose(text: str, source: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UserError(f"{source}:{line}: not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{source}: not valid YAML: {error}") from None


# A tree is {key: (Where, value)} where value is a tree, a list of (Where, value), or a scalar.


def _plain(node: yaml.Node, source: str) -> tuple[Where, Any]:
    where = Where(source, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return where, _mapping(node, where, source)
    if isinstance(node, yaml.SequenceNode):
        return where, [_plain(child, source) for child in node.value]
    try:
        value = yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{where}: cannot read the value {node.value!r}: {error}") from None
    return where, value


def _mapping(node: yaml.Node | None, where: Where, source: str) -> dict[str, tuple[Where, Any]]:
    if node is None:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise UserError(f"{where}: expected `key: value` lines here")
    tree: dict[str, tuple[Where, Any]] = {}
    for key_node, value_node in node.value:
        key, line = str(key_node.value), Where(source, key_node.start_mark.line + 1)
        if key in tree:
            raise UserError(f"{line}: the key {key!r} is given twice (first at line {tree[key][0].line})")
        tree[key] = (line, _plain(value_node, source)[1])
    return tree


def _apply(tree: dict[str, tuple[Where, Any]], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise UserError(f"override {override!r}: write it as key=value, for example train.steps=200")
    where = Where(f"override {override!r}")
    node = _compose(text, str(where))
    value = _plain(node, str(where))[1] if node is not None else None
    *parents, last = key.split(".")
    level: Any = tree
    for depth, parent in enumerate(parents):
        if isinstance(level, list):  # data.sources.0.weight=0.5
            level = _element(level, parent, where)[1]
            continue
        found = level.get(parent)
        if found is None or not isinstance(found[1], dict | list):
            if found is None or found[1] is None:
                level[parent] = found = (where, {})
            else:
                raise UserError(f"{where}: {'.'.join(parents[: depth + 1])} is a single value, it has no key {last!r}")
        level = found[1]
    if isinstance(level, list):
        index = int(_element(level, last, where) and last)
        level[index] = (where, value)
    elif isinstance(level, dict):
        level[last] = (where, value)
    else:
        raise UserError(f"{where}: {'.'.join(parents)} is a single value, it has no key {last!r}")


def _element(values: list, index: str, where: Where) -> tuple[Where, Any]:
    if not index.isdigit() or int(index) >= len(values):
        raise UserError(f"{where}: {index!r} is not an index of a list of {len(values)} (they count from 0)")
    return values[int(index)]


def _build(cls: type[T], tree: Any, prefix: str, where: Where) -> T:
    if not isinstance(tree, dict):
        raise UserError(f"{where}: {prefix or 'the recipe'} wants `key: value` lines, not {tree!r}")
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
    values = {}
    for key, (line, value) in tree.items():
        if key not in fields:
            raise _UnknownKeyError(_dotted(prefix, key), line)
        values[key] = _convert(hints[key], value, _dotted(prefix, key), line)
    missing = [
        name for name, field in fields.items()
        if name not in values and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise UserError(f"{where}: {prefix or 'the recipe'} lacks the key {_dotted(prefix, missing[0])!r}")
    return cls(**values)


def _dotted(prefix: str, key: str) -> str:
    return f"{prefix}.{key}" if prefix else key


def _nearest(key: str, root: type) -> str:
    """The likeliest meaning of an unknown dotted key: a sibling, or a key of that name anywhere in the tree."""
    parent, _, name = key.rpartition(".")
    known = dict(_dotted_keys(root))
    generic = ".".join("*" if part.isdigit() else part for part in parent.split("."))
    siblings = [full for full in known if full.rpartition(".")[0] == generic]
    near = difflib.get_close_matches(name, [full.rpartition(".")[2] for full in siblings], n=1, cutoff=0.5)
    same_name = [full for full in known if full.rpartition(".")[2] == name]
    if same_name:
        return f"; did you mean {same_name[0]!r}?"
    if near:
        return f"; did you mean {_dotted(parent, near[0])!r}?"
    anywhere = difflib.get_close_matches(key, known, n=1) or difflib.get_close_matches(
        name, known.values(), n=1
    )
    if anywhere:
        full = next(full for full, leaf in known.items() if anywhere[0] in (full, leaf))
        return f"; did you mean {full!r}?"
    where = f" of {parent}" if siblings and parent else ""
    names = [full.rpartition(".")[2] for full in siblings] or [full for full in known if "." not in full]
    return f"; valid keys{where} are: {', '.join(names)}"


def _dotted_keys(cls: type, prefix: str = "") -> typing.Iterator[tuple[str, str]]:
    """(dotted key, its last part) of every key below a dataclass; `*` stands for an index."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if field.init:
            yield _dotted(prefix, field.name), field.name
            for inner, deeper in _dataclasses_in(hints[field.name]):
                yield from _dotted_keys(inner, _dotted(prefix, field.name) + deeper)


def _dataclasses_in(hint: Any) -> typing.Iterator[tuple[type, str]]:
    if dataclasses.is_dataclass(hint):
        yield hint, ""
    for arg in typing.get_args(hint):
        if dataclasses.is_dataclass(arg):
            yield arg, ".*" if typing.get_origin(hint) is list else ""


def _convert(hint: Any, value: Any, key: str, where: Where) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(args, value, key, where)
    if origin is Literal:
        # YAML 1.1 reads a bare `none` as text but `off` and `no` as False: only text can match.
        if value not in args:
            near = difflib.get_close_matches(str(value), [str(arg) for arg in args], n=1)
            hint_text = f"; did you mean {near[0]!r}?" if near else ""
            raise UserError(f"{where}: {key} = {value!r} is not one of {', '.join(map(str, args))}{hint_text}")
        return value
    if origin in (list, tuple):
        if not isinstance(value, list):
            raise UserError(f"{where}: {key} wants a list, not {_show(value)}")
        if origin is tuple and len(args) != len(value):
            raise UserError(f"{where}: {key} wants {len(args)} values, not {len(value)}")
        hints = args if origin is tuple else args * len(value)
        return origin(
            _convert(hints[i], item, f"{key}.{i}", line) for i, (line, item) in enumerate(value)
        )
    if dataclasses.is_dataclass(hint):
        return _build(hint, {} if value is None else value, key, where)
    return _scalar(hint, value, key, where)


def _convert_union(args: tuple, value: Any, key: str, where: Where) -> Any:
    if value is None and types.NoneType in args:
        return None
    choices = [arg for arg in args if arg is not types.NoneType]
    lists = [arg for arg in choices if typing.get_origin(arg) in (list, tuple)]
    if isinstance(value, list) and lists:
        return _convert(lists[0], value, key, where)
    scalars = [arg for arg in choices if arg not in lists]
    return _convert((scalars or choices)[0], value, key, where)


def _scalar(hint: Any, value: Any, key: str, where: Where) -> Any:
    """int, float, bool and str; `1e12` is a fine whole number and `3e-4` a fine float (PyYAML reads it as text)."""
    if hint is str and isinstance(value, str):
        return value
    if hint is bool and isinstance(value, bool):
        return value
    if hint in (int, float) and not isinstance(value, bool):
        number = _number(value)
        if number is not None and math.isfinite(number) and (hint is float or number == int(number)):
            return hint(value) if isinstance(value, int) else hint(number)
    name = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(hint, str(hint))
    quoted = " (put it in quotes)" if hint is str and not isinstance(value, dict | list) else ""
    raise UserError(f"{where}: {key} wants {name}, not {_show(value)}{quoted}")


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return "a block of keys"
    return "a list" if isinstance(value, list) else repr(value)


def to_plain(config: Any) -> Any:
    """A dataclass tree as dictionaries, lists and scalars."""
    if dataclasses.is_dataclass(config):
        return {field.name: to_plain(getattr(config, field.name)) for field in dataclasses.fields(config) if field.init}
    if isinstance(config, list | tuple):
        return [to_plain(item) for item in config]
    return config


def to_yaml(config: Any) -> str:
    """The resolved config as YAML that `load` reads back to an equal object."""
    return yaml.safe_dump(to_plain(config), sort_keys=False, allow_unicode=True, width=120)

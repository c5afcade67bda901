"""Every key of a config with its type, bounds, default and meaning, read from the dataclasses themselves: a key's meaning is the
comment beside or above it."""

import ast
import dataclasses
import difflib
import functools
import inspect
import io
import textwrap
import tokenize
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import yaml

from megatron_qm.config.bounds import in_words
from megatron_qm.config.build import dotted
from megatron_qm.config.hints import bare, dataclasses_in, hints_of, is_config, is_fixed, is_list, is_mapping, is_union
from megatron_qm.config.load import to_plain
from megatron_qm.errors import UserError

_TYPES: Mapping[object, str] = {int: "whole number", float: "number", bool: "true or false", str: "text"}


@dataclass(frozen=True)
class Key:
    """`name`: dotted, `*` stands for an index of a list. `default`: as YAML, "" where the key must be given. `block`: it holds
    keys of its own."""

    name: str
    type: str
    default: str
    bounds: str
    meaning: str
    block: bool

    def describe(self) -> str:
        default = f"default {self.default}" if self.default else "must be given"
        facts = [self.type, *([self.bounds] if self.bounds else []), *([] if self.block else [default])]
        return f"{self.name}: {'; '.join(facts)}\n" + textwrap.indent(textwrap.fill(self.meaning, 100), "    ")


def keys(kind: type, prefix: str = "") -> Iterator[Key]:
    """Of a config class and all that it is made of, in the order of the source."""
    hints, meanings = hints_of(kind), _meanings(kind)
    for field in dataclasses.fields(kind):
        if field.init:
            name, hint = dotted(prefix, field.name), hints[field.name]
            inner = next(dataclasses_in(hint), None)
            meaning = meanings.get(field.name) or (_first_paragraph(inner[0]) if inner else "")
            yield Key(name, _type(hint), _default(field), _bounds(hint), meaning, inner is not None)
            if inner:
                yield from keys(inner[0], name + inner[1])


def text(known: Sequence[Key], prefix: str = "") -> str:
    """Those of `known` at and below `prefix`, for a terminal. Raises UserError naming the nearest where there is none."""
    wanted = ".".join("*" if part.isdecimal() else part for part in prefix.split("."))
    found = [key for key in known if not prefix or key.name == wanted or key.name.startswith(wanted + ".")]
    if not found:
        names = [key.name for key in known]
        ends = [name for name in names if name.rpartition(".")[2] == prefix]
        near = ends or difflib.get_close_matches(prefix, names, n=1) or difflib.get_close_matches(
            prefix, [name for name in names if "." not in name], n=1, cutoff=0.1)
        raise UserError(f"{prefix!r} is no key" + (f"; did you mean {near[0]!r}?" if near else ""))
    return "\n".join(key.describe() for key in found)


def _type(hint: object) -> str:
    if is_union(hint):
        members = typing.get_args(hint)
        return " or ".join("null" if member is types.NoneType else _type(member) for member in members)
    hint = bare(hint)
    if typing.get_origin(hint) is Literal:
        return " | ".join(typing.get_args(hint))
    if is_fixed(hint):
        return f"[{', '.join(map(_type, typing.get_args(hint)))}]"
    if is_list(hint):
        return f"list of {_type(typing.get_args(hint)[0])}"
    if is_mapping(hint):
        return "block of free names"
    return "block" if is_config(hint) else _TYPES[hint]


def _bounds(hint: object) -> str:
    """Of the number itself, or of those in a list; of a union's first number."""
    if is_union(hint) or is_list(hint):
        return next(filter(None, map(_bounds, typing.get_args(bare(hint)))), "")
    extras = typing.get_args(hint)[1:] if typing.get_origin(hint) is typing.Annotated else ()
    return ", ".join(filter(None, map(in_words, extras)))


def _default(field: dataclasses.Field[object]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        value = to_plain(field.default_factory())
    elif field.default is not dataclasses.MISSING:
        value = field.default
    else:
        return ""
    return yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n").strip()


def _first_paragraph(cls: type) -> str:
    return " ".join((inspect.getdoc(cls) or "").partition("\n\n")[0].split())


@functools.cache
def _meanings(cls: type) -> dict[str, str]:
    """The comments of a dataclass's fields, or the texts below them, those that it inherits among them."""
    found: dict[str, str] = {}
    for owner in reversed(cls.__mro__):
        if is_config(owner):
            found |= _comments(owner)
    return found


def _comments(cls: type) -> dict[str, str]:
    source = textwrap.dedent(inspect.getsource(cls))
    lines, by_line = source.splitlines(), {}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            by_line[token.start[0]] = token.string.lstrip("# ")
    found = {}
    body = next(node.body for node in ast.parse(source).body if isinstance(node, ast.ClassDef))
    for field, below in zip(body, body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[ast.unparse(field.target)] = " ".join(str(below.value.value).split())
    for node in body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            first, last = node.lineno, node.end_lineno or node.lineno
            while lines[first - 2].strip().startswith("#"):
                first -= 1
            said = [by_line[line] for line in (*range(first, node.lineno), last) if line in by_line]
            if said:
                found[node.target.id] = " ".join(said)
    return found

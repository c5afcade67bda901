"""The config of a step as options of a command: one for each key, read and held to its bounds as those of a recipe are."""

import argparse
import dataclasses
from collections.abc import Iterator
from typing import TypeVar

from megatron_qm.config.build import build
from megatron_qm.config.hints import bare, hints_of
from megatron_qm.config.keys import Key, keys
from megatron_qm.config.tree import Tree
from megatron_qm.yaml_nodes import Node, Where, parse

Config = TypeVar("Config")
_COMMAND_LINE = "the command line"


def add_options(parser: argparse.ArgumentParser, kind: type) -> None:
    """An option for each key at the top of the config class `kind`; blocks and lists are given as YAML."""
    group = parser.add_argument_group("settings")
    for key, hint in _top_keys(kind):
        facts = [key.bounds, f"default {key.default}" if key.default else ""]
        said, text = _option(key.name), f"{key.meaning} ({'; '.join(filter(None, facts))})".removesuffix(" ()").replace("%", "%%")
        if hint is bool:
            group.add_argument(said, action=argparse.BooleanOptionalAction, default=None, help=text)
        else:
            needed = not key.default and not key.block
            group.add_argument(said, metavar=key.name.rpartition("_")[2].upper(), help=text, required=needed)


def from_options(args: argparse.Namespace, kind: type[Config]) -> Config:
    """The config that the options state. Raises UserError naming the option for what cannot be."""
    stated = {}
    for key, hint in _top_keys(kind):
        value = getattr(args, key.name)
        if value is not None:
            where = Where(f"{_option(key.name)} {value}")
            as_it_is = hint in (str, bool) or isinstance(value, bool)
            stated[key.name] = Node(where, value) if as_it_is else parse(value, where.source, lines=False)
    return build(kind, Tree(Node(Where(_COMMAND_LINE), stated), _COMMAND_LINE, []))


def _top_keys(kind: type) -> Iterator[tuple[Key, object]]:
    hints = hints_of(kind)
    names = {field.name for field in dataclasses.fields(kind) if field.init}
    return ((key, bare(hints[key.name])) for key in keys(kind) if key.name in names)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"

"""Recipes into typed dataclasses and back: YAML in, resolved YAML out."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import yaml

from megatron_qm.config.build import build
from megatron_qm.config.tree import read

T = TypeVar("T")


def load(cls: type[T], path: Path, overrides: Sequence[str] = ()) -> T:
    """The YAML file `path`, what it builds on and dotted overrides such as `train.steps=200`, as dataclass `cls`.

    Raises UserError naming file, line and key for broken YAML, unknown or repeated keys, values of a wrong type and numbers
    out of their bounds.
    """
    return build(cls, read([path], overrides))


def to_plain(config: object) -> object:
    """A dataclass tree as dictionaries, lists and scalars."""
    if dataclasses.is_dataclass(config):
        return {field.name: to_plain(getattr(config, field.name)) for field in dataclasses.fields(config) if field.init}
    if isinstance(config, list | tuple):
        return [to_plain(item) for item in config]
    return config


def to_yaml(config: object) -> str:
    """The resolved config as YAML that `load` reads back to an equal object."""
    return yaml.safe_dump(to_plain(config), sort_keys=False, allow_unicode=True, width=120)

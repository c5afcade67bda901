"""YAML as nodes: every key and value knows the place it came from."""

from dataclasses import dataclass
from typing import TypeAlias

import yaml

from megatron_qm.errors import UserError


@dataclass(frozen=True)
class Where:
    """The place a value came from, for messages: `recipe.yaml:12`, or an override."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


@dataclass
class Node:
    where: Where
    value: "Value"

    @property
    def block(self) -> dict[str, "Node"]:
        """Of a node that is known to be one."""
        assert isinstance(self.value, dict)
        return self.value

    def plain(self) -> object:
        """Dictionaries, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value


Value: TypeAlias = dict[str, Node] | list[Node] | str | int | float | bool | None


def parse(text: str, source: str, *, lines: bool = True) -> Node:
    """Raises UserError naming source and line for what is not YAML. `lines`: whether its lines mean something to a reader."""
    start = Where(source, 1 if lines else None)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return Node(start, None) if node is None else _node(node, start)
    except yaml.MarkedYAMLError as error:
        where = _at(start, error.problem_mark.line if error.problem_mark else 0)
        raise UserError(f"{where}: not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise UserError(f"{source}: not valid YAML: {error}") from None
    except RecursionError:
        raise UserError(f"{source}: nested too deeply to be read") from None


def _at(start: Where, line: int) -> Where:
    return Where(start.source, line + 1 if start.line else None)


def _node(node: yaml.Node, start: Where) -> Node:
    where = _at(start, node.start_mark.line)
    if isinstance(node, yaml.MappingNode):
        return Node(where, _mapping(node, start))
    if isinstance(node, yaml.SequenceNode):
        return Node(where, [_node(child, start) for child in node.value])
    try:
        return Node(where, yaml.SafeLoader("").construct_object(node))
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{where}: cannot read the value {node.value[:80]!r}: {error}") from None


def _mapping(node: yaml.MappingNode, start: Where) -> dict[str, Node]:
    """A value stands where its key does."""
    found: dict[str, Node] = {}
    for key_node, value_node in node.value:
        key, where = str(key_node.value), _at(start, key_node.start_mark.line)
        if key in found:
            first = f" (first at line {found[key].where.line})" if start.line else ""
            raise UserError(f"{where}: the key {key!r} is given twice{first}")
        found[key] = Node(where, _node(value_node, start).value)
    return found

"""YAML as nodes: every key and value knows the place it came from.

Numbers, true and false are those of JSON and YAML 1.2; what YAML 1.1 alone takes for one, such as 1:30, 010, 1_000, yes, is text
that knows what else it may have meant (`Odd`)."""

import re
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from megatron_qm.errors import UserError

_DEEPEST = 100
_TOO_DEEP = f"nested more than {_DEEPEST} deep"
_MOST_NODES = 50_000
_TAG = "tag:yaml.org,2002:"
_TEXTS = {f"{_TAG}timestamp", f"{_TAG}value", f"{_TAG}merge"}  # what YAML 1.1 alone takes for something else than text
_MERGE = "<<"  # of YAML 1.1 alone
_COLLECTIONS = {f"{_TAG}map", f"{_TAG}seq"}
_PLAIN = {
    f"{_TAG}int": re.compile(r"[-+]?(0|[1-9][0-9]*)"),
    f"{_TAG}float": re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
    f"{_TAG}bool": re.compile("true|True|TRUE|false|False|FALSE"),
}


@dataclass(frozen=True)
class Where:
    """The place a value came from, for messages: `recipe.yaml:12`, or an override."""

    source: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.source}:{self.line}" if self.line else self.source


class Odd(str):
    """Text as it was written. meant: what else it may have been to be, in words for who asked for that."""

    meant: str
    value: int | float | bool

    @classmethod
    def of(cls, text: str, value: int | float | bool) -> "Odd":
        odd = cls(text)
        odd.value, odd.meant = value, str(value).lower()
        if octal := re.fullmatch("([-+]?)0[0_]*([0-9][0-9_]*)", text):
            odd.meant = f"{octal[1]}{octal[2].replace('_', '')}, or {value} where it was meant to be octal"
        return odd


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
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return str(self.value) if isinstance(self.value, str) else self.value


Value: TypeAlias = dict[str, Node] | list[Node] | str | int | float | bool | None


def parse(text: str, source: str, *, lines: bool = True) -> Node:
    """Raises UserError naming source and line for what is not YAML. `lines`: whether its lines mean something to a reader."""
    start = Where(source, 1 if lines else None)
    node = _composed(text, start)
    return Node(start, None) if node is None else _node(node, start)


def _composed(text: str, start: Where) -> yaml.Node | None:
    line = 0
    try:
        composer = LimitedLoader(text)
        try:
            return composer.get_single_node()
        finally:
            line = composer.line
    except yaml.reader.ReaderError as error:
        line, problem = text.count("\n", 0, error.position), error.reason
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        problem = ", ".join(filter(None, (error.context, error.problem)))
    except (ValueError, OverflowError):  # of chr(), for "\UFFFFFFFF"
        problem = "an escape that is no character"
    raise UserError(f"{_at(start, line)}: not valid YAML: {problem}") from None


class LimitedLoader(yaml.SafeLoader):
    """Nodes of a text that a person may have written: none inside itself, none too deep, not too many once written out."""

    yaml_implicit_resolvers = {  # noqa: RUF012  as PyYAML has it
        first: [(tag, pattern) for tag, pattern in some if tag not in _TEXTS]
        for first, some in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = self._count = 0
        self._sizes: dict[str, int] = {}  # of what an anchor names, once it is whole

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        """Looks far ahead at each bracket, so that depth alone would take minutes."""
        if self.flow_level == _DEEPEST:
            raise yaml.MarkedYAMLError(problem=_TOO_DEEP, problem_mark=self.get_mark())
        super().fetch_flow_collection_start(token)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event, before = self.peek_event(), self._count
        alias = event.anchor if isinstance(event, yaml.AliasEvent) else None
        if alias in self.anchors and alias not in self._sizes:
            raise _refused(f"*{alias} stands inside of what it names", event)
        self._count += 1 if alias is None else self._sizes.get(alias, 1)
        if self._depth == _DEEPEST:
            raise _refused(_TOO_DEEP, event)
        if self._count > _MOST_NODES:
            raise _refused(f"more than {_MOST_NODES:,} values, written out", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        if event.anchor is not None:
            self._sizes[event.anchor] = self._count - before
        return node


def _refused(problem: str, event: yaml.Event) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)  # type: ignore[arg-type]  # of C's parser too


def _at(start: Where, line: int) -> Where:
    return Where(start.source, line + 1 if start.line else None)


def _node(node: yaml.Node, start: Where) -> Node:
    where = _at(start, node.start_mark.line)
    if not isinstance(node, yaml.ScalarNode) and node.tag not in _COLLECTIONS:
        raise UserError(f"{where}: the tag {node.tag!r} is not read; leave it out")
    if isinstance(node, yaml.MappingNode):
        return Node(where, _mapping(node, start))
    if isinstance(node, yaml.SequenceNode):
        return Node(where, [_node(child, start) for child in node.value])
    return Node(where, _scalar(node, where))


def _scalar(node: yaml.Node, where: Where) -> str | int | float | bool | None:
    try:
        value: str | int | float | bool | None = yaml.SafeLoader("").construct_object(node)
        str(value).encode()
    except yaml.MarkedYAMLError as error:
        problem = error.problem
    except UnicodeEncodeError:
        problem = "half a surrogate pair is no text"
    except ValueError as error:
        problem = str(error).partition("; use sys.")[0]  # advice for programs, on numbers of too many digits
    except (LookupError, AttributeError, TypeError):  # what PyYAML lets through, as of `!!bool x`
        problem = f"it is not what its tag says, {node.tag}"
    else:
        odd = node.tag in _PLAIN and not _PLAIN[node.tag].fullmatch(node.value)
        return Odd.of(node.value, value) if odd and isinstance(value, int | float) else value
    raise UserError(f"{where}: cannot read the value {node.value[:80]!r}: {problem}")


def _mapping(node: yaml.MappingNode, start: Where) -> dict[str, Node]:
    """A value stands where its key does."""
    found: dict[str, Node] = {}
    for key_node, value_node in node.value:
        where = _at(start, key_node.start_mark.line)
        if not isinstance(key_node, yaml.ScalarNode):
            raise UserError(f"{where}: a key must be a word, not a list or a block of keys")
        key = str(key_node.value)
        if key == _MERGE and key_node.style is None:
            raise UserError(f"{where}: the merge key {_MERGE} is not read: write the keys out, or build on another file")
        if key in found:
            first = f" (first at line {found[key].where.line})" if start.line else ""
            raise UserError(f"{where}: the key {key!r} is given twice{first}")
        found[key] = Node(where, _node(value_node, start).value)
    return found

"""Recipes and overrides merged to one tree whose every value knows where it came from."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from megatron_qm.config.recipes import find_recipe
from megatron_qm.errors import UserError
from megatron_qm.yaml_nodes import Node, Where, parse

_INDEX_DIGITS = 10
BASE = "base"  # the key of a recipe that names what it builds on


class Tree:
    """What recipes and overrides state, typed by no class yet. `recipe`: the last one's path, which stands for all.
    `sources`: files and overrides in the order they were applied."""

    def __init__(self, root: Node, recipe: str, sources: Sequence[str]) -> None:
        self.root, self.recipe = root, recipe
        self._turn = {source: turn for turn, source in enumerate(sources)}

    def __contains__(self, key: str) -> bool:
        """Whether a dotted key is stated."""
        return self._find(key) is not None

    def value(self, key: str) -> object:
        """What is stated of a dotted key, as plain data; None where nothing is."""
        node = self._find(key)
        return None if node is None else node.plain()

    def place(self, keys: Iterable[str]) -> str:
        """Where the latest of `keys` was stated, the first of those stated together; the recipe where none was."""
        found = [node.where for key in keys if (node := self._find(key))]
        return str(max(found, key=lambda where: self._turn[where.source], default=self.recipe))

    def _find(self, key: str) -> Node | None:
        node = self.root
        for part in key.split("."):
            inside = node.value
            if isinstance(inside, dict) and part in inside:
                node = inside[part]
            elif isinstance(inside, list) and (at := _place(part, inside)) is not None:
                node = inside[at]
            else:
                return None
        return node


def read(recipes: Sequence[Path | str], overrides: Sequence[str] = ()) -> Tree:
    """Recipes (files, or names of shipped ones) merged, a later one over an earlier one and each over its `base`; then
    dotted overrides such as `train.steps=200`. Maps merge key by key, everything else is replaced.

    Raises UserError naming file and line for what cannot be read, for a `base` that is not there and for a circle of them.
    """
    if not recipes:
        raise UserError("no recipe is given: name one with --config")
    files = [find_recipe(str(recipe)) for recipe in recipes]
    root, *later = layers = [layer for file in files for layer in _with_bases(file)]
    for layer in later:
        root = _merged(root, layer)
    placed = [Where(f"override {override!r}") for override in overrides]
    for override, where in zip(overrides, placed, strict=True):
        _apply(root, override, where)
    return Tree(root, str(files[-1]), [place.source for place in (*(layer.where for layer in layers), *placed)])


def _with_bases(path: Path, above: tuple[Path, ...] = ()) -> list[Node]:
    """What `path` builds on, from the ground up, and itself. `above`: the recipes that build on it."""
    layer = _file(path)
    base = layer.block.pop(BASE, None)
    below = [] if base is None else _with_bases(_base(base, path, (*above, path)), (*above, path))
    return [*below, layer]


def _file(path: Path) -> Node:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot read this recipe: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; save the recipe as UTF-8 text") from None
    node = parse(text, str(path))
    if not isinstance(node.value, dict | None):
        raise UserError(f"{node.where}: expected `key: value` lines here")
    return Node(node.where, node.value or {})


def _base(node: Node, path: Path, chain: tuple[Path, ...]) -> Path:
    if not isinstance(node.value, str) or "\0" in node.value:
        wants = "the name of a shipped recipe, or a path seen from this file"
        raise UserError(f"{node.where}: base wants {wants}, not {node.plain()!r}")
    try:
        found = find_recipe(node.value, path.parent)
    except UserError as error:
        raise UserError(f"{node.where}: base: {error}") from None
    known = [recipe.resolve() for recipe in chain]
    if found.resolve() in known:
        circle = [*chain[known.index(found.resolve()) :], found]
        raise UserError(f"{node.where}: base goes round in a circle: {' -> '.join(map(str, circle))}; take one of them out")
    return found


def _merged(below: Node, above: Node) -> Node:
    if not (isinstance(below.value, dict) and isinstance(above.value, dict)):
        return above
    both = {key: _merged(below.value[key], node) if key in below.value else node for key, node in above.value.items()}
    return Node(above.where, below.value | both)


def _apply(root: Node, override: str, where: Where) -> None:
    """Put the value of `key=value` in its place; blocks on the way that are not there are made."""
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise UserError(f"{where}: write it as key=value, for example train.steps=200")
    if key == BASE:
        raise UserError(f"{where}: base is a key of recipes; on the command line give --config once more")
    *parents, last = key.split(".")
    level = root
    for depth, parent in enumerate(parents, 1):
        level = _inside(level, parent, where)
        if not isinstance(level.value, dict | list):
            raise UserError(f"{where}: {'.'.join(parents[:depth])} is a single value, it has no key {last!r}")
    node = parse(text, where.source, lines=False)
    if isinstance(level.value, list):
        level.value[_index(level.value, last, where)] = node
    else:
        level.block[last] = node


def _inside(level: Node, key: str, where: Where) -> Node:
    """The block `key` of a block or a list; made where there is none, or null."""
    if isinstance(level.value, list):  # data.sources.0.weight=0.5
        return level.value[_index(level.value, key, where)]
    found = level.block.get(key)
    if found is None or found.value is None:
        level.block[key] = found = Node(where, {})
    return found


def _index(values: list[Node], index: str, where: Where) -> int:
    at = _place(index, values)
    if at is None:
        raise UserError(f"{where}: {index[:80]!r} is not an index of a list of {len(values)} (they count from 0)")
    return at


def _place(index: str, values: list[Node]) -> int | None:
    """Of a part of a dotted key, where it is one."""
    at = int(index) if index.isdecimal() and len(index) < _INDEX_DIGITS else len(values)
    return at if at < len(values) else None

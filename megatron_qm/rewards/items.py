"""What is asked, and how its answer is judged: the prompts of RL and the questions of `evaluate`, as JSON lines.

    {"key": "icd-7", "task": "diagnosis", "prompt": "...", "reference": "I71.9", "metadata": {"system": "cm"},
     "label": "I71", "strata": {"level": "resident", "department": "surgery", "type": "single"}}

`task` is a verifier's name (rewards/registry.py): one that ships, or one that the user has named. `messages` may stand in the
place of `prompt`, which is one user message.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from megatron_qm.errors import UserError
from megatron_qm.json_lines import parse_line
from megatron_qm.rewards.registry import SHIPPED, Verifier, Verifiers


@dataclass(frozen=True)
class Item:
    """label: what sampling is balanced by. strata: what accuracy is told apart by, such as level or department. verifier: what
    judges it (`registry.load`), where that is not called as the task."""

    key: str
    task: str
    messages: tuple[Mapping[str, str], ...]
    reference: Any
    metadata: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    strata: Mapping[str, str] = field(default_factory=dict)
    verifier: Verifier = ""

    @property
    def judged_by(self) -> Verifier:
        return self.verifier or self.task

    @property
    def question(self) -> str:
        """The last message: what a verifier is told was asked."""
        return self.messages[-1]["content"]


def read_items(path: Path, verifiers: Verifiers = SHIPPED) -> list[Item]:
    """All items of a file, in order. Raises UserError with file and line for one that is not whole, asks for a verifier that is
    not among `verifiers`, or has the key of another."""
    items: dict[str, Item] = {}
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            item = _item(parse_line(line), str(number), verifiers)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where}: {error}") from None
        if item.key in items:
            raise UserError(f"{where}: the key {item.key!r} was given before; keys tell items apart")
        items[item.key] = item
    if not items:
        raise UserError(f"{path}: holds no items")
    return list(items.values())


def _lines(path: Path) -> list[bytes]:
    try:
        return Path(path).read_bytes().splitlines()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


_KNOWN = ("key", "id", "task", "prompt", "messages", "reference", "metadata", "label", "strata")


def _item(row: Any, number: str, verifiers: Verifiers) -> Item:
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    for name in ("task", "reference"):
        if name not in row:
            raise ValueError(f"has no {name!r}; an item needs task, reference, and prompt or messages")
    if unknown := sorted(set(row) - set(_KNOWN)):
        raise ValueError(f"{unknown[0]!r} is no field of an item; known are {', '.join(_KNOWN)}; put others into metadata")
    key, task = row.get("key", row.get("id", number)), row["task"]
    metadata, strata = row.get("metadata", {}), row.get("strata", {})
    rules = (
        ("key", isinstance(key, str | int) and not isinstance(key, bool), "text or a whole number"),
        ("task", isinstance(task, str) and bool(task), "the name of a verifier"),
        ("metadata", isinstance(metadata, dict), "an object"),
        ("strata", isinstance(strata, dict) and all(isinstance(value, str | int) for value in strata.values()),
         "an object of texts"),
        ("label", isinstance(row.get("label", ""), str | int), "text"),
    )
    for name, holds, wanted in rules:
        if not holds:
            raise ValueError(f"{name} is not {wanted}")
    verifier, metadata = verifiers.admit(task, metadata)
    return Item(str(key), task, _messages(row), row["reference"], metadata, str(row.get("label", "")),
                {name: str(value) for name, value in strata.items()}, verifier)


def _messages(row: Mapping[str, Any]) -> tuple[Mapping[str, str], ...]:
    given = [name for name in ("prompt", "messages") if name in row]
    if len(given) != 1:
        raise ValueError(f"needs prompt or messages, and has {'both' if given else 'neither'}")
    value = row[given[0]]
    if given == ["prompt"]:
        if not isinstance(value, str) or not value.strip():
            raise ValueError("prompt is not text, or empty")
        return ({"role": "user", "content": value},)
    whole = isinstance(value, list) and bool(value) and all(
        isinstance(m, dict) and isinstance(m.get("role"), str) and isinstance(m.get("content"), str) for m in value
    )
    if not whole or value[-1]["role"] != "user":
        raise ValueError("messages is not a list of objects with role and content that ends with the user's")
    return tuple(value)

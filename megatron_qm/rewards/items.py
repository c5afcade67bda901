"""What is asked, and how its answer is judged: the prompts of RL and the questions of `evaluate`, as JSON lines.

    {"key": "icd-7", "task": "diagnosis", "prompt": "...", "reference": "I71.9", "metadata": {"system": "cm"},
     "label": "I71", "strata": {"level": "resident", "department": "surgery", "type": "single"}}

`task` is a verifier's name (rewards/registry.py): one that ships, or one that the user has named. `messages` may stand in the
place of `prompt`, which is one user message.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from megatron_qm.errors import UserError
from megatron_qm.json_lines import parse_line, raw_lines
from megatron_qm.json_types import check_names, key_of, name_of
from megatron_qm.rewards.lending import Tables
from megatron_qm.rewards.registry import SHIPPED, Verifier, Verifiers
from megatron_qm.roles import check_role

FIELDS = ("key", "id", "task", "prompt", "messages", "reference", "metadata", "label", "strata")
_MOST_LEVELS = 64  # of lists and objects in each other: verifiers, digests and pipes walk through them


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
    line: int = field(default=0, compare=False)  # of its file

    @property
    def judged_by(self) -> Verifier:
        return self.verifier or self.task

    @property
    def question(self) -> str:
        """The last message: what a verifier is told was asked."""
        return self.messages[-1]["content"]


def read_items(path: Path, verifiers: Verifiers = SHIPPED, unnamed: Callable[[int], str] = str) -> list[Item]:
    """All items of a file, in order. unnamed: makes a key of the number of a line whose item has none. Raises UserError with file
    and line for one that is not whole, asks for a verifier that is not among `verifiers`, or has the key of another."""
    items: dict[str, Item] = {}
    tables = Tables()  # items of a file have theirs in common
    for number, line in raw_lines(path):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            item = replace(_item(parse_line(line), unnamed(number), verifiers), line=number)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where}: {error}") from None
        if item.key in items:
            raise UserError(f"{where}: the key {item.key!r} was given before; keys tell items apart")
        items[item.key] = replace(item, metadata=tables.in_metadata(item.metadata))
    if not items:
        raise UserError(f"{path}: holds no items")
    return list(items.values())


def _item(row: Any, unnamed: str, verifiers: Verifiers) -> Item:
    if not isinstance(row, dict):
        raise ValueError("not a JSON object")
    for name in ("task", "reference"):
        if name not in row:
            raise ValueError(f"has no {name!r}; an item needs task, reference, and prompt or messages")
    check_names(row, FIELDS, "an item (others belong into metadata)")
    if _deeper_than(_MOST_LEVELS, row):
        raise ValueError(f"lists and objects stand more than {_MOST_LEVELS} deep in each other")
    task, metadata, strata = row["task"], row.get("metadata", {}), row.get("strata", {})
    rules = (
        ("task", isinstance(task, str) and bool(task), "the name of a verifier"),
        ("metadata", isinstance(metadata, dict), "an object"),
        ("strata", isinstance(strata, dict), "an object of texts"),
    )
    for name, holds, wanted in rules:
        if not holds:
            raise ValueError(f"{name} = {row[name]!r:.60} is not {wanted}")
    label, strata = name_of(row, "label"), {name: name_of(strata, name, f"strata.{name:.60}") for name in strata}
    verifier, metadata = verifiers.admit(task, metadata)
    return Item(key_of(row, unnamed), task, _messages(row), row["reference"], metadata, label, strata, verifier)


def messages_of(value: object) -> tuple[Mapping[str, str], ...]:
    """A conversation so far. Raises ValueError for what is no list of messages with role and content, and nothing else."""
    if not isinstance(value, list) or not value:
        raise ValueError("messages is not a list of objects with role and content")
    for number, message in enumerate(value):
        if not isinstance(message, dict) or set(message) != {"role", "content"} or not all(
                isinstance(text, str) for text in message.values()):
            raise ValueError(f"messages[{number}] is not an object of two texts, role and content")
        check_role(message["role"], f"messages[{number}].role")
    return tuple(value)


def _messages(row: Mapping[str, Any]) -> tuple[Mapping[str, str], ...]:
    given = [name for name in ("prompt", "messages") if name in row]
    if len(given) != 1:
        raise ValueError(f"needs prompt or messages, and has {'both' if given else 'neither'}")
    value = row[given[0]]
    if given == ["prompt"]:
        if not isinstance(value, str) or not value.strip():
            raise ValueError("prompt is not text, or empty")
        return ({"role": "user", "content": value},)
    messages = messages_of(value)
    if messages[-1]["role"] != "user":
        raise ValueError("messages does not end with the user's")
    return messages


def _deeper_than(levels: int, value: object) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(levels == 0 or _deeper_than(levels - 1, one) for one in inner if isinstance(one, dict | list))

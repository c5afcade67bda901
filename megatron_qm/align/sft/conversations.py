"""A conversation to learn from, whatever format it was written in, and the order that its turns must keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from megatron_qm.json_types import JsonObject

ROLES = ("system", "user", "assistant", "tool")


class UnusableError(ValueError):
    """Why a sample cannot be learnt from. kind: the same for all samples with this fault, so that they can be counted."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind, self.detail = kind, detail


@dataclass(frozen=True)
class Message:
    """given: what the template is given beside role and content: reasoning_content, tool_calls, tool_call_id, name, and of them
    those that say something."""

    role: str
    content: str | None  # None: of an answer that calls tools and says nothing
    learn: bool  # whether the loss is taken on this message
    given: Mapping[str, object] = field(default_factory=dict)

    def for_template(self) -> JsonObject:
        """What there is not, is left out; reasoning under both names that templates read (transformers 5 does so too)."""
        content = {} if self.content is None else {"content": self.content}
        thought = {"thinking": self.given["reasoning_content"]} if "reasoning_content" in self.given else {}
        return {"role": self.role, **content, **thought, **self.given}

    @property
    def calls(self) -> list[JsonObject]:
        """Of tools, each {"type", "function": {"name", "arguments"}}."""
        calls = self.given.get("tool_calls")
        return calls if isinstance(calls, list) else []


@dataclass(frozen=True)
class Conversation:
    """format: in which it was written (formats.py); tools: what the assistant may call, each {"type", "function"}."""

    messages: tuple[Message, ...]
    path: str
    line: int  # from 1
    tools: tuple[JsonObject, ...] = ()
    format: str = ""


_MAY_FOLLOW = {
    "": ("system", "user"), "system": ("user",), "user": ("assistant",), "assistant": ("user", "tool"), "call": ("tool",),
    "tool": ("tool", "assistant"),
}


def in_turns(messages: Sequence[Message]) -> tuple[Message, ...]:
    """An optional system message first, then user and assistant in turn, with the results of tools between two of an
    assistant's messages, up to an answer that says something. Raises UnusableError."""
    before = ""
    for turn, message in enumerate(messages, start=1):
        expected = _MAY_FOLLOW[before]
        if message.role not in expected:
            raise UnusableError("turns out of order",
                                f"turn {turn} is {message.role}'s where {' or '.join(expected)}'s is expected")
        if message.role in ("user", "assistant") and not message.calls and not (message.content or "").strip():
            raise UnusableError("an empty turn", f"turn {turn} ({message.role})")
        before = "call" if message.calls else message.role
    if before not in ("assistant", "call"):
        raise UnusableError("no answer at the end", f"the last turn is {before}'s" if before else "there is no turn")
    _check_results(messages)
    return tuple(messages)


def _check_results(messages: Sequence[Message]) -> None:
    """Results stand in the order of the calls: many templates show neither a result's id nor its name. Calls that an answer
    spells in its own text are not known, and so their results can name none."""
    waiting: list[JsonObject] | None = None
    for turn, message in enumerate(messages, start=1):
        if message.role == "assistant":
            waiting = list(message.calls) or None
        elif message.role == "tool" and waiting:
            _check_result(message.given, waiting.pop(0), turn)
        elif message.role == "tool" and (waiting is not None or message.given):
            raise UnusableError("results without calls", f"turn {turn} answers a call that is not there")


def _check_result(given: Mapping[str, object], call: JsonObject, turn: int) -> None:
    function = call["function"]
    asked = {"tool_call_id": call.get("id"), "name": function["name"] if isinstance(function, dict) else None}
    for key, value in asked.items():
        if value is not None and given.get(key, value) != value:
            raise UnusableError("results in another order than the calls",
                                f"turn {turn}: {key} = {str(given[key])[:40]!r} where the call has {str(value)[:40]!r}")

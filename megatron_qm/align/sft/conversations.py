"""Conversations from JSON lines: OpenAI `messages`, prompt/completion, and NeMo-Aligner's two formats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.json_lines import parse_line
from megatron_qm.json_types import JsonObject

ROLES = ("system", "user", "assistant")


@dataclass(frozen=True)
class Message:
    role: str
    content: str
    learn: bool  # whether the loss is taken on this message


@dataclass(frozen=True)
class Conversation:
    messages: tuple[Message, ...]
    path: str
    line: int  # from 1


@dataclass(frozen=True)
class Rejected:
    path: str
    line: int
    reason: str


def read_conversations(path: Path) -> Iterator[Conversation | Rejected]:
    """Every line of `path` that is not blank, in order: a Conversation, or Rejected with the reason.

    Raises UserError where the file cannot be opened or read.
    """
    try:
        with open(path, "rb") as file:
            for number, raw in enumerate(file, start=1):
                if not raw.strip():
                    continue
                try:
                    yield Conversation(parse(parse_line(raw)), str(path), number)
                except (ValueError, RecursionError) as error:
                    yield Rejected(str(path), number, str(error))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error


def parse(sample: object) -> tuple[Message, ...]:
    """The messages of one JSON object in any of the formats; ValueError says what is wrong with it."""
    if not isinstance(sample, dict):
        raise ValueError(f"a sample is a JSON object, not {type(sample).__name__}")
    if "messages" in sample:
        messages = _openai(sample["messages"])
    elif "conversations" in sample:
        messages = _nemo_aligner(sample)
    elif "prompt" in sample and "completion" in sample:
        messages = _pair(sample, "prompt", "completion")
    elif "input" in sample and "output" in sample:
        messages = _pair(sample, "input", "output")
    else:
        raise ValueError("has none of: messages, conversations, prompt with completion, input with output")
    return _checked(messages)


def _pair(sample: JsonObject, question: str, answer: str) -> list[Message]:
    return [
        Message("user", _text(sample[question], question), False),
        Message("assistant", _text(sample[answer], answer), True),
    ]


def _openai(turns: object) -> list[Message]:
    return [_message(turn.get("role"), turn.get("content"), f"messages[{i}]") for i, turn in _turns(turns, "messages")]


def _nemo_aligner(sample: JsonObject) -> list[Message]:
    """`mask` names the speaker whose turns bear no loss; the other speaker is the assistant."""
    if sample.get("type") is not None:
        raise ValueError(f"type {sample['type']!r}: answers conditioned on labels are not supported")
    masked = sample.get("mask", "User")
    if not isinstance(masked, str):
        raise ValueError(f"mask names a speaker, not {masked!r}")
    system = _text(sample.get("system", ""), "system")
    messages = [Message("system", system, False)] if system else []
    for i, turn in _turns(sample["conversations"], "conversations"):
        speaker = _text(turn.get("from"), f"conversations[{i}].from")
        role = "user" if speaker == masked else "assistant"
        messages.append(_message(role, turn.get("value"), f"conversations[{i}]"))
    return messages


def _turns(turns: object, name: str) -> list[tuple[int, JsonObject]]:
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise ValueError(f"{name} is not a list of objects")
    return list(enumerate(turns))


def _message(role: object, content: object, where: str) -> Message:
    if role not in ROLES:
        raise ValueError(f"{where}: the role {role!r} is not one of {', '.join(ROLES)}")
    return Message(role, _text(content, where), role == "assistant")


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{where} is {type(value).__name__}, not text")
    return value


def _checked(messages: list[Message]) -> tuple[Message, ...]:
    """An optional system message first, then user and assistant in turn, ending with an answer that says something."""
    turns = messages[1:] if messages and messages[0].role == "system" else messages
    if not turns or len(turns) % 2:
        raise ValueError("user and assistant do not take turns up to an answer")
    for i, turn in enumerate(turns):
        expected = ("user", "assistant")[i % 2]
        if turn.role != expected:
            raise ValueError(f"turn {i + 1} is {turn.role}'s where {expected}'s is expected")
        if not turn.content.strip():
            raise ValueError(f"turn {i + 1} ({turn.role}) is empty")
    return tuple(messages)

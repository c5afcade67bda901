"""The same conversation with texts of our own in the place of its own, which cannot be found elsewhere by chance: under a
template that drops messages, a short one ("yes") may still be found in another."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from itertools import count

from megatron_qm.align.sft.conversations import Conversation, Message
from megatron_qm.json_types import JsonObject
from megatron_qm.said import SHORT, word_of


def shape_of(conversation: Conversation) -> Hashable:
    """Conversations of one shape have one probe."""
    return tuple(
        (message.role, message.learn, _letters(message), message.content is None, tuple(message.given),
         tuple("id" in call for call in message.calls))
        for message in conversation.messages
    ), bool(conversation.tools)


def probe_of(conversation: Conversation) -> Conversation:
    words = (word_of(number, SHORT) for number in count(len(conversation.messages)))
    messages = tuple(_probe(message, number, words) for number, message in enumerate(conversation.messages))
    return replace(conversation, messages=messages, tools=(_tool(words),) if conversation.tools else ())


def _letters(message: Message) -> int:
    return min(len((message.content or "").strip()), SHORT)


def _probe(message: Message, number: int, words: Iterator[str]) -> Message:
    content = word_of(number, _letters(message)) if _letters(message) else message.content
    return replace(message, content=content, given=dict(_given(message.given, words)))


def _given(given: Mapping[str, object], words: Iterator[str]) -> Iterator[tuple[str, object]]:
    """Ids stay: some templates are particular about them."""
    for key, value in given.items():
        if key == "tool_calls" and isinstance(value, list):
            yield key, [{**call, "function": {"name": next(words), "arguments": {next(words): next(words)}}} for call in value]
        else:
            yield key, value if key == "tool_call_id" else next(words)


def _tool(words: Iterator[str]) -> JsonObject:
    parameters = {"type": "object", "properties": {next(words): {"type": "string", "description": next(words)}}, "required": []}
    return {"type": "function", "function": {"name": next(words), "description": next(words), "parameters": parameters}}

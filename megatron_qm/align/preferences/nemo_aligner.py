"""NeMo-Aligner's files of comparisons: two consecutive lines of `text`, and `chosen_response` beside `rejected_response`.

Its texts are whole conversations in the template of its models: `<extra_id_0>System`, `<extra_id_1>User` and
`<extra_id_1>Assistant` on lines of their own before what was said. They are taken apart, and rendered by the chat template of
the model that learns from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from megatron_qm.align.sft.conversations import Message, UnusableError, in_turns
from megatron_qm.align.sft.fields import Fields
from megatron_qm.align.sft.formats import Ignore
from megatron_qm.align.sft.reading import Rejected

T = TypeVar("T")

_TURN = re.compile(r"<extra_id_([01])>(System|User|Assistant)\n")
_END = "<extra_id_1>"  # of a response: where the next turn of the user would begin
_ROLES = {"System": ("0", "system"), "User": ("1", "user"), "Assistant": ("1", "assistant")}


@dataclass(frozen=True)
class Half:
    """One of two consecutive lines: a conversation that ends with a response."""

    messages: Sequence[Message]
    path: str
    line: int

    @property
    def prompt(self) -> list[Message]:
        return list(self.messages[:-1])


def is_half(sample: object) -> bool:
    return isinstance(sample, dict) and "text" in sample and not {"prompt", "messages", "context", "chosen"} & sample.keys()


def half(sample: object, path: str, line: int, ignore: Ignore) -> Half:
    """Raises UnusableError."""
    fields = Fields(sample, "", ignore)
    text = fields.text("text")
    fields.done()
    *prompt, answer = in_turns(turns(text, "text"))
    return Half([*(replace(message, learn=False) for message in prompt), answer], path, line)


def turns(text: str, place: str) -> list[Message]:
    """Of a text in NeMo-Aligner's template; an empty system turn is none. Raises UnusableError for any other text."""
    found = list(_TURN.finditer(text))
    if not found or text[: found[0].start()].strip():
        raise UnusableError("no text of NeMo-Aligner's", f"{place} does not begin with <extra_id_0>System or <extra_id_1>User; "
                                                         "write prompt and response apart, as `prompt`, `chosen`, `rejected`")
    ends = [*(one.start() for one in found[1:]), len(text)]
    messages = [_message(one, text[one.end() : end], place) for one, end in zip(found, ends, strict=True)]
    return [one for one in messages if one.role != "system" or one.content]


def _message(turn: re.Match[str], said: str, place: str) -> Message:
    mark, role = _ROLES[turn[2]]
    said = said.strip("\n").removesuffix(_END).removesuffix("\n")
    if turn[1] != mark or "<extra_id_" in said:
        raise UnusableError("no text of NeMo-Aligner's", f"{place}: a mark stands in the wrong place near {said[:40]!r}")
    return Message(role, said, role == "assistant")


def response(text: str) -> list[Message]:
    """Of a text that goes on where the prompt ends: `<extra_id_1>Assistant` may stand in either, and an end mark behind it."""
    return [Message("assistant", text.strip("\n").removesuffix(_END).rstrip("\n"), True)]


def prompt_of(text: str) -> list[Message]:
    """Of a prompt that ends where the assistant is to speak; plain text is what the user says."""
    if "<extra_id_" not in text:
        return [Message("user", text, False)]
    messages = turns(text, "prompt")
    return messages[:-1] if messages and messages[-1].role == "assistant" and not messages[-1].content else messages


def in_twos(found: Iterator[T | Half | Rejected]) -> Iterator[T | tuple[Half, Half] | Rejected]:
    """What each line gave, with halves two by two. Which belong together is said by their place in the file alone, so that a line
    that cannot be read costs its own pair and moves no other."""
    first: Half | None = None
    at = 1
    for at, one in enumerate(found):
        if at % 2 == 0:
            first = one if isinstance(one, Half) else None
        elif first and isinstance(one, Half) and first.prompt == one.prompt:
            yield first, one
            continue
        elif first:
            yield _lost(first)
        if not isinstance(one, Half):
            yield one
        elif at % 2:
            yield _lost(one)
    if first and at % 2 == 0:
        yield _lost(first)


def _lost(half: Half) -> Rejected:
    kind = "half of a pair"
    return Rejected(half.path, half.line, kind,
                    f"{kind}: the first and second line of `text`, the third and fourth, and so on are a pair, of one prompt")

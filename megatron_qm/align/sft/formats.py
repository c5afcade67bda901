"""The formats that conversations are written in: a table of small readers, each known by the keys that only it has.

`system` and `tools` may stand beside any of them. A reader takes keys from `Fields`, and what none has taken is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from megatron_qm.align.sft.conversations import Conversation, Message, UnusableError, in_turns
from megatron_qm.align.sft.fields import Fields, as_text, listed, shown
from megatron_qm.align.sft.messages import calls_in_text, finished, openai_message, tools
from megatron_qm.json_types import nearest

Ignore = frozenset[str]


@dataclass(frozen=True)
class Format:
    name: str
    marks: tuple[str, ...]  # a sample that has all of these is of this format, unless one further up has claimed it
    read: Callable[[Fields, Ignore], list[Message]]


def parse(sample: object, path: str = "", line: int = 0, ignore: Ignore = frozenset()) -> Conversation:
    """A JSON object in any of the formats. ignore: keys of samples and messages that carry nothing to learn. Raises
    UnusableError saying what is wrong with it."""
    fields = Fields(sample, "", ignore)
    found = next((one for one in FORMATS if all(mark in fields for mark in one.marks)), None)
    if found is None:
        raise _unknown(fields)
    messages = found.read(fields, ignore)
    system = fields.text_or("system", "")
    given = fields.take("tools")
    fields.done()
    if system:
        if messages and messages[0].role == "system":
            raise UnusableError("a system message is given twice", "as `system` and as the first message")
        messages = [Message("system", system, False), *messages]
    return Conversation(in_turns(messages), path, line, () if given is None else tools(given, "tools"), found.name)


def _unknown(fields: Fields) -> UnusableError:
    has = ", ".join(map(shown, fields.keys()[:8])) or "no keys"
    known = "; ".join(" with ".join(one.marks) for one in FORMATS)
    near = next((f"; by {shown(key)}, did you mean {meant!r}?" for key in fields.keys() if (meant := nearest(key, _MARKS))), "")
    return UnusableError("no known format", f"it has {has}, and none of: {known}{near}")


def _openai(fields: Fields, ignore: Ignore) -> list[Message]:
    return _messages(fields, "messages", ignore, learn=True)


def _messages(fields: Fields, key: str, ignore: Ignore, *, learn: bool) -> list[Message]:
    turns = listed(fields.needed(key), key)
    return [openai_message(turn, f"{key}[{at}]", ignore, learn=learn) for at, turn in enumerate(turns)]


def _prompt_completion(fields: Fields, ignore: Ignore) -> list[Message]:
    """Either may be a list of messages; answers within the prompt are read, not learnt."""
    return [*_said(fields, "prompt", "user", ignore, learn=False), *_said(fields, "completion", "assistant", ignore, learn=True)]


def _said(fields: Fields, key: str, role: str, ignore: Ignore, *, learn: bool) -> list[Message]:
    value = fields.needed(key)
    if isinstance(value, list):
        return [openai_message(turn, f"{key}[{at}]", ignore, learn=learn) for at, turn in enumerate(value)]
    return [Message(role, as_text(value, key), learn)]


def _input_output(fields: Fields, ignore: Ignore) -> list[Message]:
    return _asked(fields.text("input"), fields.text("output"))


def _alpaca(fields: Fields, ignore: Ignore) -> list[Message]:
    """The question is the instruction, with the input in lines of its own; `history` holds earlier questions and answers."""
    history = fields.take("history")
    earlier = [_pair(pair, f"history[{at}]") for at, pair in enumerate([] if history is None else listed(history, "history"))]
    question = "\n".join(filter(None, (fields.text("instruction"), fields.text_or("input", ""))))
    return [message for pair in [*earlier, (question, fields.text("output"))] for message in _asked(*pair)]


def _pair(value: object, place: str) -> tuple[str, str]:
    pair = listed(value, place)
    if len(pair) != 2:
        raise UnusableError("history that is no pairs", f"{place} has {len(pair)} items: a question and its answer are expected")
    return as_text(pair[0], f"{place}[0]"), as_text(pair[1], f"{place}[1]")


def _asked(question: str, answer: str) -> list[Message]:
    return [Message("user", question, False), Message("assistant", answer, True)]


_SPEAKERS = {"human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "function_call": "assistant",
             "system": "system", "tool": "tool", "observation": "tool"}


def _sharegpt(fields: Fields, ignore: Ignore) -> list[Message]:
    """`function_call` says its calls as JSON text."""
    messages = []
    for at, value in enumerate(listed(fields.needed("conversations"), "conversations")):
        turn = Fields(value, f"conversations[{at}]", ignore)
        speaker, said = turn.text("from").lower(), turn.text("value")
        if speaker not in _SPEAKERS:
            known = ", ".join(_SPEAKERS)
            raise UnusableError("an unknown speaker", f"{turn.place('from')} = {shown(speaker)} is not one of {known}; for other "
                                                      "names say in `mask` which of them asks")
        calls = calls_in_text(said, turn.place("value")) if speaker == "function_call" else None
        messages.append(finished(turn, _SPEAKERS[speaker], said if calls is None else None, learn=True, calls=calls))
    return messages


def _nemo_aligner(fields: Fields, ignore: Ignore) -> list[Message]:
    """`mask` names the speaker whose turns bear no loss; the other one is the assistant."""
    if "type" in fields:
        raise UnusableError("answers conditioned on labels are not supported", f"type = {shown(fields.text('type'))}")
    masked, others, messages = fields.text("mask"), set(), []
    for at, value in enumerate(listed(fields.needed("conversations"), "conversations")):
        turn = Fields(value, f"conversations[{at}]", ignore)
        speaker, said = turn.text("from"), turn.text("value")
        others |= {speaker} - {masked}
        messages.append(finished(turn, "user" if speaker == masked else "assistant", said, learn=True))
    if len(others) > 1:
        raise UnusableError("more than two speakers", f"mask = {shown(masked)} leaves {', '.join(map(shown, sorted(others)))}")
    return messages


FORMATS = (
    Format("openai", ("messages",), _openai),
    Format("nemo-aligner", ("conversations", "mask"), _nemo_aligner),
    Format("sharegpt", ("conversations",), _sharegpt),
    Format("alpaca", ("instruction", "output"), _alpaca),
    Format("prompt-completion", ("prompt", "completion"), _prompt_completion),
    Format("input-output", ("input", "output"), _input_output),
)
_MARKS = tuple(dict.fromkeys(mark for one in FORMATS for mark in one.marks))

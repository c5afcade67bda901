"""Responses to compare, whatever format they were written in: a prompt, what was answered, and what each answer is worth."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from megatron_qm.align.preferences.nemo_aligner import prompt_of, response
from megatron_qm.align.sft.conversations import Conversation, Message, UnusableError, in_turns
from megatron_qm.align.sft.fields import Fields, listed, shown, wrong_type
from megatron_qm.align.sft.formats import Ignore
from megatron_qm.align.sft.messages import openai_message, tools


@dataclass(frozen=True)
class Comparison:
    """conversations: the prompt with each of the responses behind it, two or more. values: of each, what it is worth: who has
    more is better, who has the same is tied."""

    conversations: Sequence[Conversation]
    values: Sequence[float]


@dataclass(frozen=True)
class Format:
    name: str
    marks: tuple[str, ...]  # a sample that has all of these is of this format, unless one further up has claimed it
    read: Callable[[Fields, Ignore], tuple[list[Message], list[list[Message]], list[float]]]


def parse(sample: object, path: str = "", line: int = 0, ignore: Ignore = frozenset()) -> Comparison:
    """A JSON object in any of the formats. Raises UnusableError saying what is wrong with it."""
    fields = Fields(sample, "", ignore)
    found = next((one for one in FORMATS if all(mark in fields for mark in one.marks)), None)
    if found is None:
        has = ", ".join(map(shown, fields.keys()[:8])) or "no keys"
        raise UnusableError("no known format",
                            f"it has {has}, and none of: {'; '.join(' with '.join(one.marks) for one in FORMATS)}")
    prompt, responses, values = found.read(fields, ignore)
    system, given = fields.text_or("system", ""), fields.take("tools")
    fields.done()
    if system:
        if prompt and prompt[0].role == "system":
            raise UnusableError("a system message is given twice", "as `system` and as the first message")
        prompt = [Message("system", system, False), *prompt]
    if len(responses) < 2:
        raise UnusableError("nothing to compare", f"there is {len(responses)} response")
    asked = [replace(message, learn=False) for message in prompt]
    turns = [in_turns([*asked, *_whole(response)]) for response in responses]
    called = () if given is None else tools(given, "tools")
    return Comparison([Conversation(messages, path, line, called, found.name) for messages in turns], values)


def _whole(response: list[Message]) -> list[Message]:
    """All that the assistant says in it is what is compared: calls of tools, and the answer behind their results."""
    if response and response[0].role != "assistant":
        raise UnusableError("a response that does not begin with an answer",
                            f"it begins with the message of {shown(response[0].role)}, which belongs into the prompt")
    if any(message.role == "assistant" and not message.learn for message in response):
        raise UnusableError("a response that is not learnt whole", "a weight of 0 leaves out what is to be compared; take it out")
    return response


def _pair(fields: Fields, ignore: Ignore) -> tuple[list[Message], list[list[Message]], list[float]]:
    """`prompt` or `messages`, `chosen`, `rejected`; `label`, `margin` or `tie`."""
    key = "messages" if "messages" in fields else "prompt"
    prompt = _said(fields.needed(key), key, "user", ignore)
    return prompt, _sides(fields, ignore), _worth(fields)


def _of_nemo_aligner(fields: Fields, ignore: Ignore) -> tuple[list[Message], list[list[Message]], list[float]]:
    """NeMo-Aligner's of preference optimisation: `prompt`, `chosen_response`, `rejected_response` in its template."""
    del ignore  # of messages
    prompt = prompt_of(fields.text("prompt"))
    return prompt, [response(fields.text(f"{side}_response")) for side in ("chosen", "rejected")], _worth(fields)


def _implicit(fields: Fields, ignore: Ignore) -> tuple[list[Message], list[list[Message]], list[float]]:
    """TRL's: two whole conversations, of which the common beginning is the prompt."""
    one, other = _sides(fields, ignore)
    shared = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    while shared and one[shared - 1].role == "assistant":
        shared -= 1
    if not shared:
        raise UnusableError("no prompt", "chosen and rejected begin with different turns; give the prompt as `prompt`")
    return one[:shared], [one[shared:], other[shared:]], _worth(fields)


def _sides(fields: Fields, ignore: Ignore) -> list[list[Message]]:
    return [_said(fields.needed(key), key, "assistant", ignore) for key in ("chosen", "rejected")]


def _worth(fields: Fields) -> list[float]:
    """Of the chosen and of the rejected. `label` says which of the two is better, where that is not the first, or neither."""
    margin, tie = fields.take("margin"), fields.flag("tie")
    label = fields.text_or("label", "tie" if tie else "chosen")
    if label not in _LABELS:
        raise UnusableError("a label outside the pair", f"label = {shown(label)} is not one of {', '.join(_LABELS)}")
    if tie is not None and tie != (label == "tie"):
        raise UnusableError("a label and a tie that disagree", f"label = {shown(label)} beside tie = {str(tie).lower()}")
    one, other = _of_first(margin, label == "tie")
    return [other, one] if label == "rejected" else [one, other]


_LABELS = ("chosen", "rejected", "tie")


def _of_first(margin: object, tie: bool) -> list[float]:
    """Of the better one and the other."""
    if margin is None:
        return [0.0, 0.0] if tie else [1.0, 0.0]
    value = _number(margin, "margin")
    if tie or value <= 0:
        raise UnusableError("a margin that is none", f"margin = {value:g} of a {'tie' if tie else 'pair'}: how much better the "
                                                     "chosen one is, more than 0; a pair of equals has \"tie\": true")
    return [value, 0.0]


def _ranked(fields: Fields, ignore: Ignore) -> tuple[list[Message], list[list[Message]], list[float]]:
    """NeMo-RL's: `context`, and `completions` with a rank each, of which the lowest is the best."""
    fields.take("task_name")
    context = _said(fields.needed("context"), "context", "user", ignore)
    responses, values = [], []
    for at, value in enumerate(listed(fields.needed("completions"), "completions")):
        completion = Fields(value, f"completions[{at}]", ignore)
        responses.append(_said(completion.needed("completion"), completion.place("completion"), "assistant", ignore))
        values.append(-_number(completion.needed("rank"), completion.place("rank")))
        completion.done()
    return context, responses, values


def _scored(fields: Fields, ignore: Ignore) -> tuple[list[Message], list[list[Message]], list[float]]:
    """`prompt` or `messages`, `responses`, and `scores`, of which the highest is the best."""
    key = "messages" if "messages" in fields else "prompt"
    prompt = _said(fields.needed(key), key, "user", ignore)
    responses = [_said(value, f"responses[{at}]", "assistant", ignore)
                 for at, value in enumerate(listed(fields.needed("responses"), "responses"))]
    given = listed(fields.needed("scores"), "scores")
    values = [_number(value, f"scores[{at}]") for at, value in enumerate(given)]
    if len(set(values)) < len({float(str(value)) for value in given}):
        raise UnusableError("scores too close to be told apart", "they are kept in 32 bits, in which two of them are the same")
    if len(values) != len(responses):
        raise UnusableError("a score is missing", f"{len(responses)} responses and {len(values)} scores")
    return prompt, responses, values


def _said(value: object, place: str, role: str, ignore: Ignore) -> list[Message]:
    """Text of `role`, a message or a list of messages."""
    if isinstance(value, str):
        return [Message(role, value, role == "assistant")]
    turns = [value] if isinstance(value, dict) else listed(value, place)
    return [openai_message(turn, f"{place}[{at}]", ignore, learn=True) for at, turn in enumerate(turns)]


def _number(value: object, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_type(place, value, "a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not abs(number) <= _LARGEST:
        raise UnusableError("a number out of bounds", f"{place} = {number:g}: from -{_LARGEST:g} to {_LARGEST:g}")
    return float(np.float32(number))  # as it is kept


_LARGEST = 1e6
FORMATS = (
    Format("nemo-rl", ("context", "completions"), _ranked),
    Format("scored", ("responses", "scores"), _scored),
    Format("nemo-aligner", ("prompt", "chosen_response", "rejected_response"), _of_nemo_aligner),
    Format("pair", ("prompt", "chosen", "rejected"), _pair),
    Format("pair", ("messages", "chosen", "rejected"), _pair),
    Format("trl", ("chosen", "rejected"), _implicit),
)


def refuse_equals(texts: Sequence[tuple[int, ...]]) -> None:
    """Raises UnusableError where two of the responses are the same, token for token: no preference can lie between them."""
    if len(set(texts)) < len(texts):
        raise UnusableError("two responses are the same", "")

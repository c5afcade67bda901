"""The two sides of a line: texts, lists of texts, or messages, which may hold the prompt as their common beginning (TRL)."""

from megatron_qm.evals.pairs.rows import Messages
from megatron_qm.json_types import JsonObject
from megatron_qm.rewards.items import messages_of

_ROLES = ("system", "user", "assistant", "tool")
_NEEDED = "is not text, a list of texts, or a list of messages with role and content"


def read_sides(row: JsonObject) -> tuple[Messages, list[Messages], list[Messages]]:
    """(prompt, responses of `chosen`, responses of `rejected`). Raises ValueError for what is not whole, and for a response that
    stands on both sides."""
    chosen, rejected = (_responses(row, side) for side in ("chosen", "rejected"))
    given = [name for name in ("prompt", "messages") if name in row]
    if len(given) > 1:
        raise ValueError("has both prompt and messages; they are two words for the same")
    if given:
        prompt = _prompt(row[given[0]], given[0])
    elif all(isinstance(side, list) and side and isinstance(side[0], dict) for side in (row["chosen"], row["rejected"])):
        prompt, chosen, rejected = _parted(chosen[0], rejected[0])
    else:
        raise ValueError("needs prompt or messages (or both sides as lists of messages, whose beginning is the prompt)")
    for side, responses in (("chosen", chosen), ("rejected", rejected)):
        for response in responses:
            _check_response(response, side)
    worse = list(map(_bare, rejected))
    if any(_bare(one) in worse for one in chosen):
        raise ValueError("chosen and rejected are equal; a pair needs two responses")
    return prompt, chosen, rejected


def _responses(row: JsonObject, side: str) -> list[Messages]:
    if side not in row:
        raise ValueError(f"lacks {side}")
    value = row[side]
    values = value if isinstance(value, list) else [value]
    texts = [text for text in values if isinstance(text, str)]
    if texts and len(texts) == len(values):
        return [({"role": "assistant", "content": text},) for text in texts]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_messages(value, side)]
    raise ValueError(f"{side} {'is an empty list' if value == [] else _NEEDED}")


def _messages(value: object, name: str) -> Messages:
    try:
        messages = messages_of(value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    strange = next((message["role"] for message in messages if message["role"] not in _ROLES), None)
    if strange is not None:
        raise ValueError(f"{name}: the role {strange!r:.60} is none of {', '.join(_ROLES)}")
    return messages


def _prompt(value: object, name: str) -> Messages:
    if name == "prompt" and isinstance(value, str):
        if not value.strip():
            raise ValueError("prompt is empty")
        return ({"role": "user", "content": value},)
    messages = _messages(value, name)
    _check_prompt(messages, name)
    return messages


def _check_prompt(messages: Messages, name: str) -> None:
    if messages[-1]["role"] not in ("user", "tool"):
        raise ValueError(f"{name} ends with the message of {messages[-1]['role']!r}, where a response to the user is to follow")
    if not messages[-1]["content"].strip():
        raise ValueError(f"{name} ends with an empty message")


def _parted(chosen: Messages, rejected: Messages) -> tuple[Messages, list[Messages], list[Messages]]:
    """At the first message that differs."""
    shortest = min(len(chosen), len(rejected))
    at = next((n for n in range(shortest) if chosen[n] != rejected[n]), shortest)
    if at == 0:
        raise ValueError("chosen and rejected have no first message in common, and there is no prompt")
    if at == len(chosen) == len(rejected):
        raise ValueError("chosen and rejected are equal; a pair needs two responses")
    if at == shortest:
        side = "chosen" if len(chosen) == at else "rejected"
        raise ValueError(f"{side} is nothing but the beginning of the other side; nothing of it is a response")
    _check_prompt(chosen[:at], "the beginning that chosen and rejected have in common")
    return chosen[:at], [chosen[at:]], [rejected[at:]]


def _check_response(response: Messages, side: str) -> None:
    for end, message in (("begins", response[0]), ("ends", response[-1])):
        if message["role"] != "assistant":
            raise ValueError(f"{side}: the response {end} with the message of {message['role']!r}, not of 'assistant'")
    if not response[-1]["content"].strip():
        raise ValueError(f"{side}: the response is empty")


def _bare(response: Messages) -> list[dict[str, str]]:
    """White space at the ends makes no other response."""
    return [{name: text.strip() for name, text in message.items()} for message in response]

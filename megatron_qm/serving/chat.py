"""The OpenAI API's words for a request of ours, and back: /chat/completions and /completions, without streams and tools."""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from megatron_qm.errors import UserError
from megatron_qm.loopback import Refused
from megatron_qm.model.generation.request import Completion, Request, Sampling
from megatron_qm.tokenizer import TextTokenizer

_MOST_CHOICES = 64
_NUMBERS = ("temperature", "top_p")
_WHOLES = ("top_k", "max_tokens", "max_completion_tokens", "n", "seed")
_READ = {*_NUMBERS, *_WHOLES, "model", "messages", "prompt", "stop", "user"}
_FINISH = {"stop": "stop", "stop_string": "stop", "length": "length"}


def requests_of(body: object, tokenizer: TextTokenizer, longest: int, tokens: int, *, chat: bool) -> list[Request]:
    """One request for each of the `n` choices. longest: tokens of prompt and answer together; tokens: of an answer, where the
    caller names no number. The same `seed` gives the same answers. Raises Refused for what is wrong or not served."""
    if not isinstance(body, dict):
        raise Refused("the body must be a JSON object")
    for name, value in body.items():
        if name not in _READ and value not in (None, False, 0, [], {}):
            raise Refused(f"{name} is not served here")
    numbers = {name: _number(body[name], name) for name in _NUMBERS if body.get(name) is not None}
    wholes = {name: _whole(body[name], name) for name in _WHOLES if body.get(name) is not None}
    prompt = _messages(body, tokenizer) if chat else _text(body, tokenizer)
    most = wholes.get("max_completion_tokens", wholes.get("max_tokens", min(tokens, max(1, longest - len(prompt)))))
    if not prompt or len(prompt) + most > longest:
        raise Refused(f"a prompt of {len(prompt)} tokens and an answer of {most}: the model reads 1 to {longest} together")
    if not 1 <= (choices := wholes.get("n", 1)) <= _MOST_CHOICES:
        raise Refused(f"n = {choices}: must lie in 1 to {_MOST_CHOICES}")
    try:
        sampling = Sampling(
            temperature=numbers.get("temperature", 1.0), top_p=numbers.get("top_p", 1.0), top_k=wholes.get("top_k", 0),
            max_new_tokens=most, stop_tokens=tokenizer.stops, stop_strings=_stop(body.get("stop")),
        )
    except UserError as error:
        raise Refused(str(error)) from None
    seed = wholes.get("seed", secrets.randbits(31))
    return [Request(f"choice {number} of seed {seed}", tuple(prompt), sampling, seed) for number in range(choices)]


def reply(
    requests: Sequence[Request], completions: Sequence[Completion], tokenizer: TextTokenizer, model: str, *, chat: bool
) -> dict[str, object]:
    """The API's object for the answers to `requests`."""
    choices = []
    for index, (request, completion) in enumerate(zip(requests, completions, strict=True)):
        text = _cut(tokenizer.decode(completion.tokens, special=False), request.sampling.stop_strings)
        said = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        choices.append({"index": index, **said, "finish_reason": _FINISH[completion.finish_reason]})
    asked, given = len(requests[0].prompt), sum(len(completion.tokens) for completion in completions)
    return {
        "id": f"cmpl-{secrets.token_hex(8)}", "object": "chat.completion" if chat else "text_completion",
        "created": int(time.time()), "model": model, "choices": choices,
        "usage": {"prompt_tokens": asked, "completion_tokens": given, "total_tokens": asked + given},
    }


def _text(body: Mapping[str, object], tokenizer: TextTokenizer) -> list[int]:
    prompt = body.get("prompt")
    if not isinstance(prompt, str):
        raise Refused("prompt: one text is needed")
    return _encoded("prompt", prompt, tokenizer)


def _messages(body: Mapping[str, object], tokenizer: TextTokenizer) -> list[int]:
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not all(map(_is_message, messages)):
        raise Refused('messages: a list of {"role": text, "content": text} is needed')
    if not tokenizer.chats:
        raise Refused("the model's tokenizer has no chat template; POST a prompt to /v1/completions")
    turns = [{"role": message["role"], "content": message["content"]} for message in messages]
    return _encoded("messages", turns, tokenizer)


def _encoded(name: str, prompt: str | list[dict[str, str]], tokenizer: TextTokenizer) -> list[int]:
    try:
        return tokenizer.encode(prompt)
    except Exception as error:  # chat templates are programs of the model's makers; and half a surrogate pair is no text
        raise Refused(f"{name}: the tokenizer refuses it: {error}") from None


def _is_message(message: object) -> bool:
    return isinstance(message, dict) and all(isinstance(message.get(name), str) for name in ("role", "content"))


def _number(value: object, name: str) -> float:
    if not _is_number(value) or float(value) != value:
        raise Refused(f"{name} = {value!r}: must be a number, 0 or more")
    return float(value)


def _whole(value: object, name: str) -> int:
    if not _is_number(value) or int(value) != value:
        raise Refused(f"{name} = {value!r}: must be a whole number, 0 or more")
    return int(value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1 << 62


def _stop(value: object) -> tuple[str, ...]:
    found = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise Refused("stop: a text or a list of texts is needed")
    return tuple(found)


def _cut(text: str, stops: Sequence[str]) -> str:
    """The API leaves the stop string itself out."""
    return text[: min((at for stop in stops if (at := text.find(stop)) >= 0), default=len(text))]

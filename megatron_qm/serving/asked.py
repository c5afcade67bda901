"""What a caller asks in the OpenAI API's words, as requests of ours: /chat/completions and /completions.

A field is served, or changes nothing at the value it has, or is refused by name.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeGuard

from megatron_qm.errors import UserError
from megatron_qm.loopback import Refused
from megatron_qm.model.generation.request import Request, Sampling
from megatron_qm.roles import check_role

_MOST_CHOICES = 64
_TOO_MUCH = 1 << 62  # of any number
_NUMBERS = ("temperature", "top_p")
_LENGTHS = ("max_tokens", "max_completion_tokens")
_WHOLES = ("top_k", *_LENGTHS, "n", "seed")
_READ = {*_NUMBERS, *_WHOLES, "model", "stop", "stream", "stream_options"}
_READ_OF_CHATS = {"messages", "chat_template_kwargs"}


class Tokenizer(Protocol):
    """What is used of TextTokenizer."""

    @property
    def chats(self) -> bool: ...

    @property
    def stops(self) -> tuple[int, ...]: ...

    def encode(self, prompt: str | list[dict[str, str]], *, arguments: Mapping[str, object] | None = None) -> list[int]: ...

    def decode(self, tokens: tuple[int, ...], *, special: bool = True) -> str: ...


@dataclass(frozen=True)
class Asked:
    """requests: one for each of the `n` choices. stream: token by token. usage: the stream ends with the counts of tokens."""

    requests: list[Request]
    stream: bool = False
    usage: bool = False


def read(body: object, tokenizer: Tokenizer, longest: int, tokens: int, *, chat: bool) -> Asked:
    """longest: tokens of prompt and answer together; tokens: of an answer, where the caller names no number. The same `seed`
    gives the same answers. Raises Refused for what is wrong or not served."""
    if not isinstance(body, dict):
        raise Refused("the body must be a JSON object")
    given = {name: value for name, value in body.items() if value is not None}
    for name, value in given.items():
        if name not in _READ | (_READ_OF_CHATS if chat else {"prompt"}) and not _changes_nothing(name, value):
            raise Refused(f"{name} = {_short(value)} is not served here")
    if not isinstance(given.get("model", ""), str):
        raise Refused("model: text is needed")
    prompt = _messages(given, tokenizer) if chat else _text(given, tokenizer)
    return Asked(_requests(given, prompt, tokenizer, longest, tokens), *_stream(given))


def _requests(
    given: Mapping[str, object], prompt: list[int], tokenizer: Tokenizer, longest: int, tokens: int
) -> list[Request]:
    numbers = {name: _number(given[name], name) for name in _NUMBERS if name in given}
    wholes = {name: _whole(given[name], name) for name in _WHOLES if name in given}
    if len({wholes[name] for name in _LENGTHS if name in wholes}) > 1:
        both = " and ".join(f"{name} = {wholes[name]}" for name in _LENGTHS)
        raise Refused(f"{both}: two names of one thing; send one of them")
    most = wholes.get("max_completion_tokens", wholes.get("max_tokens", min(tokens, max(1, longest - len(prompt)))))
    if not prompt or len(prompt) + most > longest:
        raise Refused(f"a prompt of {len(prompt)} tokens and an answer of {most}: the model reads 1 to {longest} together")
    if not 1 <= (choices := wholes.get("n", 1)) <= _MOST_CHOICES:
        raise Refused(f"n = {choices}: must lie in 1 to {_MOST_CHOICES}")
    try:
        sampling = Sampling(
            temperature=numbers.get("temperature", 1.0), top_p=numbers.get("top_p", 1.0), top_k=wholes.get("top_k", 0),
            max_new_tokens=most, stop_tokens=tokenizer.stops, stop_strings=_stop(given.get("stop", [])),
        )
    except UserError as error:
        raise Refused(str(error)) from None
    seed = wholes.get("seed", secrets.randbits(31))
    return [Request(f"choice {number} of seed {seed}", tuple(prompt), sampling, seed) for number in range(choices)]


def _stream(given: Mapping[str, object]) -> tuple[bool, bool]:
    stream, options = given.get("stream", False), given.get("stream_options", {})
    if not isinstance(stream, bool):
        raise Refused(f"stream = {_short(stream)}: must be true or false")
    usage = options.get("include_usage") if isinstance(options, dict) else 0
    if not isinstance(options, dict) or set(options) - {"include_usage"} or not isinstance(usage, bool | None):
        raise Refused(f'stream_options = {_short(options)}: must be {{"include_usage": true or false}}')
    if options and not stream:
        raise Refused("stream_options needs stream = true")
    return stream, bool(usage)


def _text(given: Mapping[str, object], tokenizer: Tokenizer) -> list[int]:
    prompt = given.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise Refused("prompt: one text is needed")
    return _encoded("prompt", prompt, tokenizer)


def _messages(given: Mapping[str, object], tokenizer: Tokenizer) -> list[int]:
    messages = given.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refused('messages: a list of {"role": text, "content": text} is needed')
    if not tokenizer.chats:
        raise Refused("the model's tokenizer has no chat template; POST a prompt to /v1/completions")
    turns = [_message(message, f"messages[{at}]") for at, message in enumerate(messages)]
    return _encoded("messages", turns, tokenizer, _template_arguments(given.get("chat_template_kwargs", {})))


def _template_arguments(value: object) -> Mapping[str, object]:
    """What the chat template reads beside the messages, as vLLM's and SGLang's callers say it."""
    scalars = isinstance(value, dict) and all(isinstance(one, str | int | float | bool | None) for one in value.values())
    if not isinstance(value, dict) or not scalars:
        raise Refused("chat_template_kwargs: an object of texts, numbers and booleans is needed")
    return value


def _message(message: object, where: str) -> dict[str, str]:
    if not isinstance(message, dict):
        raise Refused(f'{where}: {{"role": text, "content": text}} is needed')
    for name, value in message.items():
        if name not in ("role", "content") and value not in (None, [], {}):
            raise Refused(f"{where}.{name} is not served here")
    try:
        role = check_role(message.get("role"), f"{where}.role")
    except ValueError as error:
        raise Refused(str(error)) from None
    return {"role": role, "content": _content(message.get("content"), f"{where}.content")}


def _content(content: object, where: str) -> str:
    """Text, or its parts as clients send them, which are put together as they are."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not content:
        raise Refused(f"{where}: text, or a list of parts of type text, is needed")
    for part in content:
        if not (isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)):
            kind = part.get("type") if isinstance(part, dict) else part
            raise Refused(f"{where}: a part {_short(kind)} is not served here; text alone is")
        if others := [name for name, value in part.items() if name not in ("type", "text") and value is not None]:
            raise Refused(f"{where}: {others[0]} of a part is not served here")
    return "".join(part["text"] for part in content)


def _encoded(
    name: str, prompt: str | list[dict[str, str]], tokenizer: Tokenizer, arguments: Mapping[str, object] | None = None
) -> list[int]:
    try:
        return tokenizer.encode(prompt, arguments=arguments)
    except Exception as error:  # chat templates are programs of the model's makers
        raise Refused(f"{name}: the tokenizer refuses it: {error}") from None


def _number(value: object, name: str) -> float:
    if not _is_number(value) or float(value) != value:
        raise Refused(f"{name} = {_short(value)}: must be a number, 0 or more and below {_TOO_MUCH:,}")
    return float(value)


def _whole(value: object, name: str) -> int:
    if not _is_number(value) or int(value) != value:
        raise Refused(f"{name} = {_short(value)}: must be a whole number, 0 or more and below {_TOO_MUCH:,}")
    return int(value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _TOO_MUCH


def _stop(value: object) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise Refused("stop: a text or a list of texts is needed")
    return tuple(found)


def _short(value: object) -> str:
    return repr(value)[:100]


def _changes_nothing(name: str, value: object) -> bool:
    return name in _HARMLESS and _HARMLESS[name](value)


def _one_of(*values: object) -> Callable[[object], bool]:
    """True is not 1 here, nor False 0."""
    return lambda found: any(found == value and isinstance(found, bool) == isinstance(value, bool) for value in values)


def _of(kind: type) -> Callable[[object], bool]:
    return lambda found: isinstance(found, kind)


# Fields of clients that are not served, by what they may be: what is asked for anyway, or what nothing here could show.
_HARMLESS: Mapping[str, Callable[[object], bool]] = {
    "audio": _one_of(False), "best_of": _one_of(1), "echo": _one_of(False), "frequency_penalty": _one_of(0),
    "function_call": _one_of("none", "auto"), "functions": _one_of([]), "ignore_eos": _one_of(False),
    "include_stop_str_in_output": _one_of(False), "length_penalty": _one_of(1), "logit_bias": _one_of({}),
    "logprobs": _one_of(False), "metadata": _of(dict), "min_p": _one_of(0), "min_tokens": _one_of(0),
    "modalities": _one_of(["text"]), "parallel_tool_calls": _of(bool), "presence_penalty": _one_of(0),
    "prompt_cache_key": _of(str), "repetition_penalty": _one_of(1), "response_format": _one_of({"type": "text"}),
    "safety_identifier": _of(str), "service_tier": _one_of("auto", "default"),
    "store": _one_of(False), "suffix": _one_of(""), "tool_choice": _one_of("none", "auto"), "tools": _one_of([]),
    "top_logprobs": _one_of(0), "use_beam_search": _one_of(False), "user": _of(str),
}

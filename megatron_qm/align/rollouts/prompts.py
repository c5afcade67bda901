"""Requests from a file of prompts."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.json_lines import parse_line, raw_lines
from megatron_qm.json_types import JsonObject, check_names, key_of
from megatron_qm.model.generation.request import Request, Sampling
from megatron_qm.rewards.items import FIELDS, messages_of

Encode = Callable[[str | Sequence[Mapping[str, object]]], list[int]]


def read_requests(path: Path, encode: Encode | None, sampling: Sampling, samples: int = 1, seed: int = 0) -> list[Request]:
    """`samples` requests for each line: {"prompt": text or token ids} or {"messages": [...]}, and "key" (or "id") if it has one.

    Without one the key is the number of the line; the samples of a prompt are KEY#0, KEY#1, ... where there are several. A line
    with a task is an item, whose prompt is a message of the user as it is in RL, and what else an item has may stand in it.
    Raises UserError naming the file and line of what is no prompt.
    """
    requests: list[Request] = []
    seen: dict[str, str] = {}
    for where, number, line in _lines(path):
        try:
            key, prompt = _key(line, number), _prompt(line, encode)
        except ValueError as error:
            raise UserError(f"{where}: {error}") from None
        if key in seen:
            raise UserError(f"{where}: the key {key!r} was given before, in {seen[key]}")
        seen[key] = where
        names = [key] if samples == 1 else [f"{key}#{sample}" for sample in range(samples)]
        requests += [Request(name, prompt, sampling, seed) for name in names]
    if not requests:
        raise UserError(f"{path}: holds no prompts")
    return requests


def _lines(path: Path) -> Iterator[tuple[str, int, JsonObject]]:
    for number, text in raw_lines(path):
        if not text.strip():
            continue
        where = f"{path}, line {number}"
        try:
            value = parse_line(text)
        except ValueError as error:
            raise UserError(f"{where}: not JSON: {error}") from None
        if not isinstance(value, dict):
            raise UserError(f"{where}: not a JSON object")
        yield where, number, value


def _key(line: JsonObject, number: int) -> str:
    check_names(line, FIELDS, "a prompt, nor of an item")
    return key_of(line, str(number))


def _prompt(line: JsonObject, encode: Encode | None) -> tuple[int, ...]:
    given = [name for name in ("prompt", "messages") if name in line]
    if len(given) != 1:
        has = "both" if given else "neither"
        raise ValueError(f"needs either 'prompt' (text or token ids) or 'messages'; has {has}")
    value = line[given[0]]
    if given == ["messages"]:
        return _encoded(messages_of(value), encode)
    if isinstance(value, list):
        if not value or not all(isinstance(token, int) and not isinstance(token, bool) and token >= 0 for token in value):
            raise ValueError("prompt is a list, but not of token ids")
        return tuple(value)
    if not (isinstance(value, str) and value):
        raise ValueError(f"prompt is {value!r}; it must be text or a list of token ids")
    return _encoded([{"role": "user", "content": value}] if "task" in line else value, encode)


def _encoded(prompt: str | Sequence[Mapping[str, object]], encode: Encode | None) -> tuple[int, ...]:
    if encode is None:
        raise ValueError("a prompt in words needs a tokenizer; give --tokenizer DIR")
    try:
        tokens = encode(prompt)
    except Exception as error:  # a chat template is a program of the tokenizer's author and may raise what it likes
        raise ValueError(f"the tokenizer cannot encode this prompt: {error}") from None
    if not tokens:
        raise ValueError("the prompt has no tokens")
    return tuple(tokens)

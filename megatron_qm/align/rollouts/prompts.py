"""Requests from a file of prompts."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeGuard

from megatron_qm.errors import UserError
from megatron_qm.json_lines import parse_line
from megatron_qm.json_types import JsonObject
from megatron_qm.model.generation.request import Request, Sampling

Encode = Callable[[str | list[JsonObject]], list[int]]


def read_requests(path: Path, encode: Encode | None, sampling: Sampling, samples: int = 1, seed: int = 0) -> list[Request]:
    """`samples` requests for each line: {"prompt": text or token ids} or {"messages": [...]}, and "key" (or "id") if it has one.

    Without one the key is the number of the line; the samples of a prompt are KEY#0, KEY#1, ... where there are several.
    Raises UserError naming the file and line of what is no prompt.
    """
    requests: list[Request] = []
    seen: dict[str, str] = {}
    for where, number, line in _lines(path):
        key = line.get("key", line.get("id", number))
        if not isinstance(key, str | int) or isinstance(key, bool):
            raise UserError(f"{where}: key is {key!r}; it must be a string or an integer")
        key = str(key)
        if key in seen:
            raise UserError(f"{where}: the key {key!r} was given before, in {seen[key]}")
        seen[key] = where
        prompt = _prompt(line, encode, where)
        names = [key] if samples == 1 else [f"{key}#{sample}" for sample in range(samples)]
        requests += [Request(name, prompt, sampling, seed) for name in names]
    if not requests:
        raise UserError(f"{path}: holds no prompts")
    return requests


def _lines(path: Path) -> Iterator[tuple[str, int, JsonObject]]:
    try:
        with open(path, "rb") as lines:
            for number, text in enumerate(lines, start=1):
                if not text.strip():
                    continue
                where = f"{path}, line {number}"
                try:
                    value = parse_line(text)
                except (ValueError, RecursionError) as error:
                    raise UserError(f"{where}: not JSON: {error}") from None
                if not isinstance(value, dict):
                    raise UserError(f"{where}: not a JSON object")
                yield where, number, value
    except OSError as error:
        raise UserError(f"{path}: cannot read prompts: {error.strerror}") from None


def _prompt(line: JsonObject, encode: Encode | None, where: str) -> tuple[int, ...]:
    given = [name for name in ("prompt", "messages") if name in line]
    if len(given) != 1:
        has = "both" if given else "neither"
        raise UserError(f"{where}: needs either 'prompt' (text or token ids) or 'messages'; has {has}")
    value = line[given[0]]
    if given == ["messages"]:
        if not _are_messages(value):
            raise UserError(f"{where}: messages must be a list of objects with 'role' and 'content' strings")
    elif isinstance(value, list):
        if not value or not all(isinstance(token, int) and not isinstance(token, bool) for token in value):
            raise UserError(f"{where}: prompt is a list, but not of token ids")
        return tuple(value)
    elif not (isinstance(value, str) and value):
        raise UserError(f"{where}: prompt is {value!r}; it must be text or a list of token ids")
    if encode is None:
        raise UserError(f"{where}: a prompt in words needs a tokenizer; give --tokenizer DIR")
    try:
        tokens = encode(value)
    except Exception as error:  # a chat template is a program of the tokenizer's author and may raise what it likes
        raise UserError(f"{where}: the tokenizer cannot encode this prompt: {error}") from None
    if not tokens:
        raise UserError(f"{where}: the prompt has no tokens")
    return tuple(tokens)


def _are_messages(value: object) -> TypeGuard[list[JsonObject]]:
    return bool(value) and isinstance(value, list) and all(
        isinstance(m, dict) and isinstance(m.get("role"), str) and isinstance(m.get("content"), str) for m in value
    )

"""The JSON in a text, in its place. Linear in the text: brackets are matched in one pass."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_DEPTH, _MOST_VALUES = 64, 64
_MARK = re.compile(r'[\[\]{}"]')
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.S)
_TRAILING_COMMA = re.compile(r",(?=[ \t\r\n]{0,64}[}\]])")


class Duplicates(dict[str, object]):
    """A JSON object that names a key twice; `twice` has the keys whose values differ."""

    twice: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Json:
    """A value that stands in a text. Objects are `Duplicates`, numbers stay text."""

    value: object


def parts(text: str) -> Iterable[str | Json]:
    """The text between the outermost JSON objects and lists, and these, in order; trailing commas forgiven."""
    if "{" in text or "[" in text:
        return _parts(text)
    return (around,) if (around := text.strip()) else ()


def _parts(text: str) -> Iterator[str | Json]:
    last = found = 0
    for start, end in _spans(text):
        value = _parse(text[start:end]) if found < _MOST_VALUES else None
        if value is not None:
            found += 1
            if around := text[last:start].strip():
                yield around
            yield Json(value)
            last = end
    if rest := text[last:].strip():
        yield rest


def json_values(text: str) -> tuple[list[object], str]:
    """Each outermost JSON object or list in `text`, and the text around them."""
    pieces = list(parts(text))
    return [piece.value for piece in pieces if isinstance(piece, Json)], "\n".join(p for p in pieces if isinstance(p, str))


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where brackets balance outside strings."""
    stack: list[str] = []
    start, at = 0, -1
    while (match := _MARK.search(text, at + 1)) is not None:
        at, mark = match.start(), match[0]
        if mark in "{[":
            start = start if stack else at
            stack.append("}" if mark == "{" else "]")
            if len(stack) > _DEPTH:
                return
        elif stack and mark == '"':
            string = _STRING.match(text, at)
            if string is None:
                return  # it is never closed: all that follows is a string
            at = string.end() - 1
        elif stack and mark == stack[-1]:
            stack.pop()
            if not stack:
                yield start, at + 1
        elif stack and mark in "}]":
            stack.clear()


def _parse(text: str) -> object:
    """None for what is no JSON."""
    quoted = text.replace("'", '"') if '"' not in text else text  # {'answer': 'A'}, as Python writes it
    for candidate in (text, _TRAILING_COMMA.sub("", quoted)):
        try:
            value: object = _DECODER.decode(candidate)
        except (ValueError, RecursionError):
            continue
        return value
    return None


def _object(pairs: list[tuple[str, object]]) -> Duplicates:
    result = Duplicates(pairs)
    result.twice = frozenset(key for key, value in pairs if result[key] != value)
    return result


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=str, parse_float=str)

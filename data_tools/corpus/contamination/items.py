"""Items of evaluations in the forms in which they are published: a question and the options that it offers."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.json_lines import json_rows

_QUESTION = ("question", "prompt", "messages", "stem", "problem", "query", "input", "instruction")
_OPTIONS = ("options", "choices", "endings")
_NAMED_OPTIONS = ("opa", "opb", "opc", "opd", "ope")  # MedMCQA's
_NAMES = ("key", "id", "qid", "question_id", "pmid")
_INNER = ("text", "value", "content", "stem", "option")
# "A.", "(b)", "C、" behind a space or a stop, or a letter alone at the beginning of a line.
_MARK = re.compile(r"(?:(?<=[\s。?!?;;))])|^)[((]?(?:([A-Ja-j])[..、::))]|(?<=^)([A-J])(?=\s))\s*", re.MULTILINE)


@dataclass(frozen=True)
class Item:
    """key: its name in its file, or the number of its line."""

    key: str
    question: str
    options: tuple[str, ...]


def read_items(path: Path) -> list[Item]:
    """Raises UserError with file and line for one without a question."""
    items = []
    for number, row in json_rows(path):
        try:
            items.append(_item(row, number))
        except ValueError as error:
            raise UserError(f"{path}:{number}: {error}") from None
    if not items:
        raise UserError(f"{path}: holds no item; JSON lines are meant, one item each")
    return items


def _item(row: Mapping[str, object], number: int) -> Item:
    fields = {name.lower(): value for name, value in row.items()}
    name = next((fields[key] for key in _NAMES if isinstance(fields.get(key), str | int)), number)
    asked = next((fields[key] for key in _QUESTION if fields.get(key)), None)
    if asked is None:
        raise ValueError(f"holds no question; one of these keys is meant: {', '.join(_QUESTION)}")
    question, listed = split_options(_asked(asked))
    options = tuple(dict.fromkeys(option for option in (*listed, *_options(fields, asked)) if option.strip()))
    if not question.strip() and not options:
        raise ValueError("its question is empty")
    return Item(str(name), question, options)


def _asked(value: object) -> str:
    """Text of a question: as it is, of {"stem": ...}, or of the user's messages."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return next((text for text in _texts(value)), "")
    if isinstance(value, list):
        asked = [one for one in value if not isinstance(one, Mapping) or one.get("role", "user") == "user"]
        return "\n".join(text for one in asked for text in _texts(one))
    raise ValueError(f"its question is {value!r:.60}: text or messages are meant")


def _options(fields: Mapping[str, object], asked: object) -> Iterator[str]:
    """Of the item, of its metadata, or of its question, if that is an object."""
    for place in (fields, fields.get("metadata"), asked):
        if isinstance(place, Mapping):
            for key in _OPTIONS:
                yield from _offered(place.get(key))
    for key in _NAMED_OPTIONS:
        yield from _offered(fields.get(key))


def _offered(value: object) -> Iterator[str]:
    """A list, {letter: text}, {"text": [...], "label": [...]}, a list of {"label", "text"}, or a text that lists them."""
    if isinstance(value, str):
        before, listed = split_options(value)
        yield from listed or (before,)
    elif isinstance(value, Mapping) and isinstance(value.get("text"), list):
        yield from _offered(value["text"])
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, Mapping):
        yield from next(([str(value[key])] for key in _INNER if isinstance(value.get(key), str)), [])


def split_options(text: str) -> tuple[str, list[str]]:
    """(what stands before them, options) of a text that lists options A, B, ... behind its question."""
    marks: list[re.Match[str]] = []
    for mark in _MARK.finditer(text):
        letter = (mark[1] or mark[2]).upper()
        if letter == chr(ord("A") + len(marks)):
            marks.append(mark)
        elif letter == "A":
            marks = [mark]
    if len(marks) < 2:
        return text, []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    options = [text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)]
    return text[: marks[0].start()], [*options[:-1], options[-1].split("\n")[0]]

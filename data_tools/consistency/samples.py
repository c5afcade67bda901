"""Responses as reasoning and conclusion, read from JSON lines.

    {"prompt": "...", "response": "<think>...</think>The answer is B.", "answer": "B", "options": {"A": "...", "B": "..."}}

`key`, `kind`, `answer` and `options` may be missing; what else a line holds is left behind.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.errors import UserError
from megatron_qm.json_lines import json_rows
from megatron_qm.json_types import JsonObject, key_of, name_of, object_of, text_of, texts_of

_THOUGHT, _END_OF_THOUGHT = "<think>", "</think>"
_PARAGRAPH = re.compile(r"\n[ \t]*\n")


@dataclass(frozen=True)
class Sample:
    """The response is `reasoning` and `conclusion`, one behind the other. options: texts by letter, where letters answer an exam;
    else each by itself. answer: which of them the conclusion states, empty where that is not said."""

    key: str
    prompt: str
    reasoning: str
    conclusion: str
    kind: str = ""
    answer: str = ""
    options: Mapping[str, str] | None = None

    @property
    def response(self) -> str:
        return self.reasoning + self.conclusion


def read_samples(path: Path, kind: str, markers: Sequence[str]) -> list[Sample | str]:
    """In order; in the place of one whose conclusion cannot be found the reason. kind: the field that says what is of one kind.
    markers: with which conclusions begin. Raises UserError with file and line."""
    found: list[Sample | str] = []
    keys: set[str] = set()
    for number, row in json_rows(path):
        try:
            sample = _sample(row, str(number), kind, markers)
            if isinstance(sample, Sample) and sample.key in keys:
                raise ValueError(f"the key {sample.key!r:.60} was given before; keys tell responses apart")
        except ValueError as error:
            raise UserError(f"{path}:{number}: {str(error)[:300]}") from None
        if isinstance(sample, Sample):
            keys.add(sample.key)
        found.append(sample)
    if not found:
        raise UserError(f"{path}: holds no responses")
    return found


def squashed(text: str) -> str:
    """What texts are compared by: their letters and digits, whatever their width and case."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", text).casefold() if letter.isalnum())


def parted(response: str, markers: Sequence[str] = ()) -> tuple[str, str] | str:
    """(reasoning, conclusion), or why they cannot be told apart. The conclusion begins where the last marker does; without
    markers behind the last `</think>`, and where there is none, with the last paragraph."""
    if markers:
        longest_first = sorted(markers, key=len, reverse=True)  # 所以答案是 is one marker, and not 答案是 within
        starts = [match.start() for match in re.finditer("|".join(map(re.escape, longest_first)), response)]
        if not starts:
            return "no marker"
    elif _THOUGHT in response.rpartition(_END_OF_THOUGHT)[2]:
        return "a thought without end"
    elif _END_OF_THOUGHT in response:
        starts = [response.rindex(_END_OF_THOUGHT) + len(_END_OF_THOUGHT)]
    else:
        starts = [match.end() for match in _PARAGRAPH.finditer(response.rstrip())]
        if not starts:
            return "one paragraph"
    reasoning, conclusion = response[: starts[-1]], response[starts[-1] :]
    if not squashed(reasoning.replace(_THOUGHT, "").replace(_END_OF_THOUGHT, "")):
        return "no reasoning"
    return (reasoning, conclusion) if squashed(conclusion) else "no conclusion"


def _sample(row: JsonObject, unnamed: str, kind: str, markers: Sequence[str]) -> Sample | str:
    prompt, response = (_said(row, name) for name in ("prompt", "response"))
    key = key_of({"key": row["key"]}, unnamed) if "key" in row else unnamed
    of, answer = (name_of(row, name) for name in (kind, "answer"))
    options = _options(row)
    if answer and options and answer not in options:
        return "an answer that is none of its options"
    parts = parted(response, markers)
    return parts if isinstance(parts, str) else Sample(key, prompt, *parts, of, answer, options)


def _said(row: JsonObject, name: str) -> str:
    text = text_of(row, name)
    if not text.strip():
        raise ValueError(f"{name} is blank")
    return text


def _options(row: JsonObject) -> Mapping[str, str] | None:
    if "options" not in row:
        return None
    if isinstance(row["options"], dict):
        options = object_of(row, "options")
        return {letter: text_of(options, letter) for letter in options}
    return {text: text for text in texts_of(row, "options")}

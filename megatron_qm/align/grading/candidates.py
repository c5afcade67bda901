"""Responses that a generative model shall grade, as JSON lines.

    {"key": "dose-7", "prompt": "...", "responses": ["...", "...", "..."]}

`messages` may stand in the place of `prompt`, and a pair (`a` and `b`, `chosen` and `rejected`) in that of `responses`. Without a
key a line is called by its number.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.align.annotation.candidates import asked_in, messages_in, sides_in
from megatron_qm.errors import UserError
from megatron_qm.json_lines import json_rows, told_with_line
from megatron_qm.json_types import JsonObject, key_of, texts_of

_SIDES = ("a", "b", "chosen", "rejected")
_OURS = ("scores", "samples", "given")  # of a graded line


@dataclass(frozen=True)
class Candidates:
    """What was answered to one prompt. line: as it was read, whole."""

    key: str
    messages: tuple[Mapping[str, str], ...]
    responses: tuple[str, ...]
    line: JsonObject

    def graded_line(self, scores: list[float | None], samples: list[list[JsonObject]]) -> JsonObject:
        """With what else it held; scores and samples that it brought along stand in `given`."""
        ours: JsonObject = {"key": self.key, **asked_in(self.line), "responses": list(self.responses), "scores": scores,
                            "samples": samples}
        given = {name: self.line[name] for name in _OURS if name in self.line}
        rest = {name: value for name, value in self.line.items() if name not in (*ours, *_SIDES, *_OURS, "id")}
        return {**ours, **rest, **({"given": given} if given else {})}


def read_candidates(path: Path) -> list[Candidates]:
    """Raises UserError with file and line for what holds no responses to a prompt, or has the key of another."""
    found: dict[str, Candidates] = {}
    for number, row in json_rows(path):
        with told_with_line(path, number):
            one = Candidates(key_of(row, str(number)), messages_in(row), _responses(row), row)
            if one.key in found:
                raise ValueError(f"the key {one.key!r:.60} was given before; keys tell prompts apart")
        found[one.key] = one
    if not found:
        raise UserError(f"{path}: holds no responses to grade")
    return list(found.values())


def _responses(row: JsonObject) -> tuple[str, ...]:
    if "responses" not in row:
        return tuple(sides_in(row))
    if both := [name for name in _SIDES if name in row]:
        raise ValueError(f"has responses and {both[0]}; give one of them")
    responses = texts_of(row, "responses")
    if not responses:
        raise ValueError("responses is an empty list")
    return tuple(responses)

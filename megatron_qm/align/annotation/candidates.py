"""Pairs of responses that wait for a verdict, as JSON lines.

    {"key": "dose-7", "prompt": "...", "a": "...", "b": "..."}

`messages` may stand in the place of `prompt`, `chosen` and `rejected` in that of `a` and `b`: then `a` is what a model or an
earlier verdict has chosen. Whatever else a line holds is handed on as it stands, but for `system`, which belongs into `messages`,
and what looks like a slip of `system`, `stratum` or `selection`: they are refused. What `evaluate --pairs`, `reward-model` or
`dpo` would refuse later is refused before anybody has judged it.
"""

import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.align.preferences.comparisons import parse
from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.rows import TIED
from megatron_qm.evals.pairs.sides import read_sides
from megatron_qm.json_lines import json_rows
from megatron_qm.json_types import JsonObject, key_of, name_of, text_of

_SIDES = (("a", "b"), ("chosen", "rejected"))
_OPTIONAL = ("system", "stratum", "selection")
_NEAR = 0.85  # of two keys, one a slip of the other
_SHOWN = 300  # letters of what is wrong with a line


@dataclass(frozen=True)
class Pair:
    """messages: the conversation so far; line: as it was read, whole."""

    key: str
    messages: tuple[Mapping[str, str], ...]
    a: str
    b: str
    line: JsonObject

    @property
    def text(self) -> str:
        """All that is said in it, for comparisons with others."""
        return "\n".join([*(message["content"] for message in self.messages), self.a, self.b])


@dataclass(frozen=True)
class Candidates:
    """pairs: those that can be judged, in the order of the file. same: line numbers of those that cannot, since both responses
    are equal, but for white space at their ends. keys: of all lines."""

    path: Path
    pairs: tuple[Pair, ...]
    same: tuple[int, ...] = ()
    keys: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """Of what is judged: keys, conversations, responses and their order; not of other fields."""
        told = hashlib.sha256()
        for pair in self.pairs:
            told.update(json.dumps([pair.key, pair.messages, pair.a, pair.b], sort_keys=True).encode())
        return told.hexdigest()

    def left_out(self) -> str:
        """A sentence about the pairs that cannot be judged, empty where there are none."""
        if not self.same:
            return ""
        return f"{self.path}: {len(self.same)} left out, since both responses are the same (the first in line {self.same[0]})"


def read_candidates(path: Path) -> Candidates:
    """Raises UserError with file and line for what is no pair, or has the key of another."""
    pairs: dict[str, Pair] = {}
    same, keys = [], set[str]()
    for number, row in json_rows(path):
        try:
            pair = _pair(row)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{path}:{number}: {_short(error)}") from None
        if pair.key in keys:
            raise UserError(f"{path}:{number}: the key {pair.key!r} was given before; keys tell pairs apart")
        keys.add(pair.key)
        if pair.a.strip() == pair.b.strip():
            same.append(number)
        else:
            pairs[pair.key] = pair
    if not pairs:
        raise UserError(f"{path}: holds no pair that can be judged")
    return Candidates(path, tuple(pairs.values()), tuple(same), frozenset(keys))


def key_in(row: JsonObject) -> str:
    """What a line calls itself. Raises ValueError."""
    if "key" not in row:
        raise ValueError("lacks key, which tells a pair from all others")
    return key_of(row, "")


def stratum_of(row: JsonObject, field: str) -> str:
    """Empty where there is none, or a blank one. Raises ValueError for what is no text, which `evaluate --pairs` would refuse."""
    value = "" if row.get(field) is None else name_of(row, field)
    return value if value.strip() else ""


def _pair(row: JsonObject) -> Pair:
    key, (a, b) = key_in(row), sides_in(row)
    if key.startswith(TIED):
        raise ValueError(f"the key {key!r:.60} is that of a question with several right answers, since it begins with {TIED!r}")
    _check_slips(row)
    stratum_of(row, "stratum")
    return Pair(key, messages_in(row), a, b, row)


def _check_slips(row: JsonObject) -> None:
    """Other keys are the user's own; one that nearly is a key of ours would be lost without a word."""
    for name in row:
        near = difflib.get_close_matches(name.casefold(), _OPTIONAL, n=1, cutoff=_NEAR)
        if near and name not in _OPTIONAL:
            raise ValueError(f"the key {name!r:.60} is not read; did you mean {near[0]!r}?")


def sides_in(row: JsonObject) -> list[str]:
    """The two responses of a pair. Raises ValueError."""
    given = [names for names in _SIDES if any(name in row for name in names)]
    if len(given) != 1:
        raise ValueError(f"needs a and b, or chosen and rejected, and has {'both' if given else 'neither'}")
    return [_response(row, name) for name in given[0]]


def _response(row: JsonObject, name: str) -> str:
    text = text_of(row, name)
    if not text.strip():
        raise ValueError(f"{name} is blank; a pair needs two responses that say something")
    return text


def asked_in(row: JsonObject) -> JsonObject:
    """What is asked, as it stands in the line: its `prompt` or `messages`."""
    return {name: row[name] for name in ("prompt", "messages") if name in row}


def messages_in(row: JsonObject) -> tuple[Mapping[str, str], ...]:
    """The conversation so far, of `prompt` or `messages`, as every reader of pairs takes it. Raises ValueError."""
    if "system" in row:
        raise ValueError("has system beside its prompt: give messages, with the system's as the first")
    if ("prompt" in row) == ("messages" in row):
        raise ValueError(f"needs prompt or messages, and has {'both' if 'prompt' in row else 'neither'}")
    name = "messages" if "messages" in row else "prompt"
    if name == "prompt":
        text_of(row, name)
    tried: JsonObject = {name: row[name], "chosen": "one", "rejected": "other"}
    messages, _, _ = read_sides(tried)  # as `evaluate --pairs` reads it
    parse(tried)  # as `reward-model` and `dpo` do
    return messages


def _short(error: Exception) -> str:
    text = str(error)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."

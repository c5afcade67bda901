"""Templates of notes: what they may say, drawn anew for each note.

    <a|b|c>     one of these              [a]    a, or nothing (more often than not: a)
    {slot}      a value of the note       {slot:form}    the same value in another form
    {+pool}     a sentence of that pool; none comes twice in a note
    {!Foley}    text that looks like PHI and is none
    \\           the next character as it is

Choices do not go over the end of a line. A line that comes out empty is left out, unless it is empty in the template.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Protocol

from megatron_qm.errors import UserError

_OPTIONAL = 0.62
_CLOSED_BY = {"<": ">", "[": "]"}


@dataclass(frozen=True)
class Piece:
    text: str
    label: str = ""  # the type of PHI
    trap: str = ""  # the kind of what looks like PHI


@dataclass(frozen=True)
class Slot:
    name: str


@dataclass(frozen=True)
class Choice:
    branches: "tuple[Sequence, ...]"
    optional: bool


Sequence = tuple[str | Slot | Choice, ...]
Lines = tuple[Sequence, ...]


class Voice(Protocol):
    """Values of one note, in one language."""

    def piece(self, slot: str) -> Piece: ...


def read_sections(path: Path) -> dict[str, Lines]:
    """Sections of a file, each begun by a line `### name`. Raises UserError with the line of what cannot be read."""
    sections: dict[str, list[Sequence]] = {}
    lines = path.read_text(encoding="utf-8").splitlines()
    name = ""
    for number, line in enumerate(lines, start=1):
        if line.startswith("### "):
            name = line[4:].strip()
            if name in sections:
                raise UserError(f"{path}:{number}: section {name} is there twice; give one of them another name")
            sections[name] = []
        elif not name:
            raise UserError(f"{path}:{number}: text before the first section; begin one with `### name`")
        else:
            sections[name].append(parse(line, f"{path}:{number}"))
    return {name: _without_blank_ends(lines) for name, lines in sections.items()}


def _without_blank_ends(lines: list[Sequence]) -> Lines:
    while lines and not lines[-1]:
        lines.pop()
    return tuple(lines)


def parse(line: str, where: str = "template") -> Sequence:
    branches, end = _branches(line, 0, "", where)
    if len(branches) > 1:
        raise UserError(f"{where}: a | outside of < >; write \\| for the character")
    assert end == len(line)
    return branches[0]


def _branches(line: str, at: int, closer: str, where: str) -> tuple[list[Sequence], int]:
    """Sequences between | from `at` to `closer`, and where the text goes on."""
    branches: list[list[str | Slot | Choice]] = [[]]
    while at < len(line):
        character = line[at]
        if character == closer:
            return [tuple(branch) for branch in branches], at + 1
        if character in _CLOSED_BY:
            inner, at = _branches(line, at + 1, _CLOSED_BY[character], where)
            branches[-1].append(Choice(tuple(inner), optional=character == "["))
        elif character == "{":
            name, brace, _ = line[at + 1:].partition("}")
            if not brace:
                raise UserError(f"{where}: {{{name[:20]} is never closed; write }}")
            branches[-1].append(Slot(name))
            at += len(name) + 2
        elif character == "|":
            branches.append([])
            at += 1
        else:
            at += character == "\\"
            branches[-1].append(line[at])
            at += 1
    if closer:
        raise UserError(f"{where}: {closer} is missing")
    return [tuple(branch) for branch in branches], at


def slots(sequence: Sequence) -> Iterator[str]:
    """Names of all slots, chosen or not."""
    for item in sequence:
        if isinstance(item, Slot):
            yield item.name
        elif isinstance(item, Choice):
            for branch in item.branches:
                yield from slots(branch)


class Writer:
    """Writes one note: draws branches, sentences without repetition, and values from the voice."""

    def __init__(self, rng: Random, voice: Voice, pools: dict[str, Lines]) -> None:
        self.rng, self.voice, self.pools = rng, voice, pools
        self._left: dict[str, list[Sequence]] = {}

    def write(self, lines: Lines) -> list[Piece]:
        pieces: list[Piece] = []
        for line in lines:
            written = list(self._expand(line))
            if not line or "".join(piece.text for piece in written).strip():
                pieces += [*written, Piece("\n")]
        return joined(pieces[:-1])

    def _expand(self, sequence: Sequence) -> Iterator[Piece]:
        for item in sequence:
            if isinstance(item, str):
                yield Piece(item)
            elif isinstance(item, Slot):
                yield from self._value(item.name)
            elif not item.optional or self.rng.random() < _OPTIONAL:
                yield from self._expand(self.rng.choice(item.branches))

    def _value(self, name: str) -> Iterator[Piece]:
        if name.startswith("!"):
            yield Piece(name[1:], trap="term")
        elif name.startswith("+"):
            yield from self._expand(self._sentence(name[1:]))
        else:
            yield self.voice.piece(name)

    def _sentence(self, pool: str) -> Sequence:
        if not self._left.get(pool):
            self._left[pool] = [line for line in self.pools[pool] if line]
            self.rng.shuffle(self._left[pool])
        return self._left[pool].pop()


def joined(pieces: list[Piece]) -> list[Piece]:
    """The same text with plain neighbours in one piece."""
    result: list[Piece] = []
    for piece in pieces:
        if result and not (piece.label or piece.trap or result[-1].label or result[-1].trap):
            result[-1] = replace(piece, text=result[-1].text + piece.text)
        elif piece.text:
            result.append(piece)
    return result

"""Ways to say an answer, as tables of text with slots.

A line of a table is `name | text`; ⏎ in the text is a new line, and {x} a slot. x is what the answer is about, y and z are others
that are mentioned beside it; letters behind them choose a form of it (question.py). Braces that name no slot stay, so that
JSON and LaTeX can be written as they are.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

_SLOT = re.compile(r"\{([a-z]+)\}")


class Kind(StrEnum):
    """What a fair examiner makes of a style."""

    STATES = "states"  # x is the answer, whatever is said of y and z
    NEVER = "never"  # x is named, or not even that, and no right answer is given
    BOTH = "both"  # x and y are given as answers
    CONTRADICTS = "contradicts"  # x and y are given by statements of which only one can hold
    EVERYTHING = "everything"  # x is given among all that there is
    CORRECTS = "corrects"  # y is given first, then taken back for x
    DISPUTED = "disputed"  # x may be taken for the answer or not


@dataclass(frozen=True)
class Style:
    """bare: nothing stands around it, as it would change what the style is."""

    name: str
    text: str
    kind: Kind
    bare: bool

    @cached_property
    def slots(self) -> frozenset[str]:
        return frozenset(_SLOT.findall(self.text))


def table(kind: Kind, lines: str, bare: bool = False) -> tuple[Style, ...]:
    """The styles of `lines`. Raises ValueError for a line without a name."""
    return tuple(Style(*_line(line), kind, bare) for line in lines.strip().splitlines() if line.strip())


def named_texts(lines: str) -> tuple[tuple[str, str], ...]:
    """The same lines where no kind is needed: what may stand before and behind."""
    return tuple(_line(line) for line in lines.strip().splitlines() if line.strip())


def fill(text: str, slots: Mapping[str, str]) -> str:
    return _SLOT.sub(lambda found: slots.get(found[1], found[0]), text)


def _line(line: str) -> tuple[str, str]:
    name, bar, text = line.partition("|")
    if not bar or not name.strip():
        raise ValueError(f"a style is `name | text`, not {line!r}")
    return name.strip(), text.strip(" ").replace("⏎", "\n")

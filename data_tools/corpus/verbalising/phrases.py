"""What a template says, taken apart: its wordings for one object and for several, each as fixed words around slots."""

import itertools
import re
from dataclasses import dataclass
from typing import TypeAlias

# {s}, {o}, {o or}, {a o}, {a o or}; [one|several]; (o:is|are), (s:is|are)
_MARK = re.compile(r"\{(s|o|o or|a o|a o or)\}|\[([^\[\]|]*)\|([^\[\]|]*)\]|\(([so]):([^()|]*)\|([^()|]*)\)")
_LEFT = re.compile(r"[{}\[\]|]")
OBJECTS = ("o", "o or", "a o", "a o or")


@dataclass(frozen=True)
class Words:
    """Fixed."""

    text: str


@dataclass(frozen=True)
class Slot:
    """ "s" or one of OBJECTS."""

    kind: str


@dataclass(frozen=True)
class Choice:
    """by: "count" of the objects, or the grammatical number of "o" or "s"."""

    by: str
    singular: str
    plural: str


Part: TypeAlias = Words | Slot | Choice
Numbers: TypeAlias = dict[str, bool]  # by "count", "o" and "s": whether plural


@dataclass(frozen=True)
class Shape:
    """One wording: words[0] slot[0] words[1] ... words[-1]. plural: what it tells of the count of objects, None where nothing."""

    words: tuple[str, ...]
    slots: tuple[str, ...]
    plural: bool | None


def parts_of(phrase: str) -> tuple[Part, ...]:
    """Raises ValueError in words for a user."""
    parts: list[Part] = []
    end = 0
    for match in _MARK.finditer(phrase):
        parts.append(Words(phrase[end : match.start()]))
        parts.append(_part(match))
        end = match.end()
    parts.append(Words(phrase[end:]))
    found = tuple(part for part in parts if part != Words(""))
    _check(phrase, found)
    return found


def _part(match: re.Match[str]) -> Part:
    slot, one, several, by, singular, plural = match.groups()
    if slot:
        return Slot(slot)
    return Choice(by, singular, plural) if by else Choice("count", one, several)


def _check(phrase: str, parts: tuple[Part, ...]) -> None:
    slots = [part.kind for part in parts if isinstance(part, Slot)]
    if sorted(slot == "s" for slot in slots) != [False, True]:
        raise ValueError(f"{phrase!r} needs {{s}} once, and one of {{o}}, {{o or}}, {{a o}}, {{a o or}} once")
    for part in parts:
        if isinstance(part, Words) and (mark := _LEFT.search(part.text)):
            raise ValueError(f"{phrase!r}: what {mark.group()} begins or ends is no mark that is known")
    if any(isinstance(one, Slot) and isinstance(other, Slot) for one, other in itertools.pairwise(parts)):
        raise ValueError(f"{phrase!r}: no word stands between {{s}} and {{o}}, so that nobody could tell them apart")
    if not phrase.endswith((".", "。")):
        raise ValueError(f"{phrase!r} does not end in a full stop")


def wording(parts: tuple[Part, ...], numbers: Numbers) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(words, slots) with all choices made; there is one more of words, which may be empty."""
    words, slots = [""], []
    for part in parts:
        if isinstance(part, Slot):
            slots.append(part.kind)
            words.append("")
        elif isinstance(part, Words):
            words[-1] += part.text
        else:
            words[-1] += part.plural if numbers[part.by] else part.singular
    return tuple(words), tuple(slots)


def shapes(parts: tuple[Part, ...]) -> list[Shape]:
    """All wordings that a writer may choose, each once."""
    told: dict[tuple[tuple[str, ...], tuple[str, ...]], set[bool]] = {}
    for count, objects, subject in itertools.product((False, True), repeat=3):
        if count <= objects:  # several objects are plural; one may be: "seizures"
            words = wording(parts, {"count": count, "o": objects, "s": subject})
            told.setdefault(words, set()).add(count)
    return [Shape(words, slots, counts.pop() if len(counts) == 1 else None) for (words, slots), counts in told.items()]


def tells_number(parts: tuple[Part, ...]) -> bool:
    """Whether its wording always says if there is one object or several."""
    return all(shape.plural is not None for shape in shapes(parts))

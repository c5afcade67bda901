"""The word lists of this folder: `#` lines are comments, `[name]` begins a section, the rest is words or characters."""

import re
from functools import cache
from itertools import product
from pathlib import Path

from megatron_qm.errors import UserError

_FOLDER = Path(__file__).parent / "lists"
_SECTION = re.compile(r"\[(\w+)\]")


@cache
def sections(name: str) -> dict[str, str]:
    """{section: its lines} of lists/name.txt; what stands before the first section is section ''."""
    found: dict[str, list[str]] = {"": []}
    section = ""
    path = _FOLDER / f"{name}.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; install the project again, with its data files") from None
    for line in lines:
        if match := _SECTION.fullmatch(line):
            section = match[1]
            found.setdefault(section, [])
        elif line and not line.startswith("#"):
            found[section].append(line)
    return {key: "\n".join(value) for key, value in found.items()}


def words(name: str, section: str = "") -> list[str]:
    return sections(name)[section].split()


def lower_words(name: str, section: str = "") -> frozenset[str]:
    return frozenset(word.lower() for word in words(name, section))


def characters(name: str, section: str) -> str:
    """Each once, in their order."""
    return "".join(dict.fromkeys("".join(words(name, section))))


def spelt_out(pattern: str) -> frozenset[str]:
    """All words of a pattern that has nothing but `|`, classes and `?`: to look them up in is quicker than to search."""
    return frozenset(
        "".join(letters)
        for choice in pattern.split("|")
        for letters in product(*([*part.strip("[]"), *[""] * bool(maybe)] for part, maybe in _PART.findall(choice)))
    ) - {""}


_PART = re.compile(r"(\[[^]]+\]|.)(\??)")


def any_of(choices: list[str]) -> str:
    """A pattern for one of `choices`, the longest that fits; by first characters, so that a scan passes quickly over others."""
    ends: dict[str, list[str]] = {}
    for choice in sorted(set(choices), key=lambda word: (-len(word), word)):
        ends.setdefault(choice[0], []).append(re.escape(choice[1:]))
    return "(?:" + "|".join(f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in ends.items()) + ")"

"""Lines that are no part of what a document says (menus, rights, calls to look on), and lines that it says again and again."""

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from data_tools.corpus.cleaning.automaton import automaton

_SEPARATORS = re.compile(r"[|｜·•>»›/\t]+|\s{2,}| - ")
_BETWEEN_ENTRIES = "|>｜·»"
_EDGES = " |｜·•>»›<«‹-—[]【】()（）:：…."
_BLANKS = re.compile(r"\n{3,}")
_PROSE = re.compile(r"[。；！？：:;.!?0-9]")

_RUN = 8  # lines, the shortest run that may be a menu
_RUN_ENTRIES = 0.25  # of them menu entries
_SHORT = 26  # characters of a menu's entry
_LONG_LINE, _LONG_LINE_ASCII = 40, 80  # characters of a line that nobody says twice by chance
_TIMES = 3  # a shorter line that is said so often is a header, or nothing new
_TELLING, _TELLING_ASCII = 12, 25  # characters below which saying a line often means nothing ("Yes.", "每日一次")


Patterns: TypeAlias = tuple[re.Pattern[str], ...]


class Boilerplate:
    """The rules of boilerplate.yaml: lines by the cue that a line must have to be asked about, for Han and for Latin letters."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.longest = int(told["longest"])
        self.zh, self.en = _by_cue(told["zh"]), _by_cue(told["en"])
        self.menu = frozenset(told["menu"]["zh"] + told["menu"]["en"])
        self._named = [*self.zh.items(), *self.en.items()]
        self._find = automaton([cue for cue, _ in self._named])

    def cues_in(self, text: str) -> list[tuple[str, Patterns]]:
        return [self._named[number] for number in sorted(set(self._find(text.lower())))]


@lru_cache(maxsize=1)
def boilerplate() -> Boilerplate:
    return Boilerplate(yaml.safe_load((Path(__file__).parent / "boilerplate.yaml").read_text(encoding="utf-8")))


def _by_cue(rules: list[dict[str, Any]]) -> dict[str, Patterns]:
    found: dict[str, Patterns] = {}
    for rule in rules:
        for cue in rule["cues"]:
            found[cue] = (*found.get(cue, ()), *(re.compile(line, re.IGNORECASE) for line in rule["lines"]))
    return found


def without_boilerplate(text: str, counts: Counter[str]) -> str:
    rules = boilerplate()
    lines = text.split("\n")
    doomed = _menus(text, lines, rules.menu)
    short = [(at, line.strip()) for at, line in enumerate(lines) if 0 < len(line) <= rules.longest]
    if short and (cues := rules.cues_in("\n".join([line for _, line in short]))):
        doomed.update(at for at, line in short if _is_boilerplate(line, cues))
    if not doomed:
        return text
    counts["boilerplate"] += len(doomed)
    return _without(lines, doomed)


def _is_boilerplate(line: str, cues: list[tuple[str, Patterns]]) -> bool:
    lowered = line.lower()
    for cue, patterns in cues:
        if cue in lowered:
            for pattern in patterns:
                if pattern.fullmatch(line):
                    return True
    return False


def without_repeats(text: str, counts: Counter[str]) -> str:
    """The first of equal lines stays. Short lines may stay all; so may a long one that is said twice and has numbers."""
    lines = text.split("\n")
    if len(set(lines)) == len(lines):
        return text
    often = {line for line, count in Counter(lines).items() if count > 1 and _says_it_again(line, count)}
    seen: set[str] = set()
    doomed = set()
    for at, line in enumerate(lines):
        if line in often:
            if line in seen:
                doomed.add(at)
            seen.add(line)
    if not doomed:
        return text
    counts["repeated"] += len(doomed)
    return _without(lines, doomed)


def without_blanks(text: str, counts: Counter[str]) -> str:
    if "\n\n\n" in text:
        text, count = _BLANKS.subn("\n\n", text)
        counts["blank_lines"] += count
    return text.strip("\n ")


def _menus(text: str, lines: list[str], menu: frozenset[str]) -> set[int]:
    """Lines made of menu entries, and runs of short lines with many of them."""
    entries = {at for at, line in enumerate(lines) if len(line) <= _SHORT and line.strip(_EDGES).lower() in menu}
    parted = any(sign in text for sign in _BETWEEN_ENTRIES)
    if not entries and not parted:  # as in nearly all texts
        return set()
    found = entries | ({at for at, line in enumerate(lines) if len(line) > 3 and _is_menu(line, menu)} if parted else set())
    run: list[int] = []
    for at, line in enumerate([*lines, " " * (_SHORT + 1)]):  # what is long ends a run
        if at in entries or 0 < len(line) <= _SHORT and not _PROSE.search(line):
            run.append(at)
        elif line:
            if len(run) >= _RUN and len(entries.intersection(run)) >= _RUN_ENTRIES * len(run):
                found.update(run)
            run = []
    return found


def _is_menu(line: str, menu: frozenset[str]) -> bool:
    if not any(sign in line for sign in _BETWEEN_ENTRIES):
        return False
    parts = [part for part in map(_bare, _SEPARATORS.split(line)) if part]
    return len(parts) > 2 and 2 * sum(part in menu for part in parts) >= len(parts)


def _bare(part: str) -> str:
    return part.strip(_EDGES).lower()


def _says_it_again(line: str, count: int) -> bool:
    size, ascii_only = len(line), line.isascii()
    if count >= _TIMES:
        return size >= (_TELLING_ASCII if ascii_only else _TELLING)
    return size >= (_LONG_LINE_ASCII if ascii_only else _LONG_LINE) and not any(map(str.isdigit, line))


def _without(lines: list[str], doomed: set[int]) -> str:
    return "\n".join(line for at, line in enumerate(lines) if at not in doomed)

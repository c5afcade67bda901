"""A text's signs put right: encoding, Unicode form, line ends, spaces, entities, hyphenation. Numbers and units stay."""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from data_tools.corpus.cleaning import signs
from data_tools.corpus.cleaning.signs import Need
from data_tools.corpus.extra import needed

Change: TypeAlias = tuple[str, int]  # the text after it, how often
_LINE_ENDS = re.compile(f"\r\n|[{signs.LINE_ENDS}]")
_INVISIBLE = re.compile(f"[{signs.INVISIBLE}]+")
_ASTRAL_INVISIBLE = re.compile(f"[{signs.ASTRAL_INVISIBLE}]+")
_SPACES = re.compile(f"[{signs.SPACES}]")
_SIGNS = re.compile(f"[{''.join(signs.SIGNS)}]")
_SOFT_HYPHEN = re.compile("\u00ad\n *(?=[a-z])")
_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});")
_INDENT = re.compile("^\u3000+", re.MULTILINE)
_LINE_TAIL = re.compile(r"[ \t]+(?=\n)")
_WIDE_GAP = re.compile(" {3,}")
_HYPHENATED = re.compile(r"\b([A-Za-z]{2,})-\n *([a-z]{2,})\b")
_KANA = re.compile("[\u3041-\u30fa]")

# What keeps its hyphen, and what makes a hyphen hang ("pre- and post-operative").
_HYPHEN_KEPT = frozenset("non self well long short high low anti beta alpha gamma half full one two three first second third end "
                         "follow cross over under evidence patient double single x".split())  # fmt: skip
_AFTER_HANGING = frozenset(["and", "or", "to", "und", "oder"])


@dataclass(frozen=True)
class Characters:
    """Puts signs right; made once for a worker. simplify: traditional Chinese too."""

    table: npt.NDArray[np.uint8]
    simplify: Callable[[str], str] | None

    def needs_of(self, texts: Sequence[str]) -> list[int]:
        return signs.needs_of(texts, self.table)

    def put_right(self, text: str, need: int, counts: Counter[str]) -> str:
        """One pass; who wants a text that another pass does not change repeats it. need: what `needs_of` says of the text."""
        for bit, name, change in self._by_need() if need else ():
            if need & bit:
                text = _counted(name, change, text, counts)
        for cue, name, change in _BY_CUE:
            if cue in text:
                text = _counted(name, change, text, counts)
        return text

    def _by_need(self) -> tuple[tuple[int, str, Callable[[str], Change]], ...]:
        return (*_BY_NEED, (Need.TRADITIONAL, "traditional", self._simplified))

    def _simplified(self, text: str) -> Change:
        if self.simplify is None or _KANA.search(text):  # Japanese writes the same characters
            return text, 0
        simple = self.simplify(text)
        if len(simple) != len(text):
            return simple, 1
        return simple, sum(map(str.__ne__, simple, text))


def _counted(name: str, change: Callable[[str], Change], text: str, counts: Counter[str]) -> str:
    after, count = change(text)
    if after == text:
        return text
    counts[name] += count
    return after


def characters(simplify: bool) -> Characters:
    for library in ("ftfy", "opencc") if simplify else ("ftfy",):
        needed(library)  # what is missing is said before the first document
    traditional, convert = _opencc() if simplify else ("", None)
    return Characters(signs.needs_table(traditional), convert)


def _encoding(text: str) -> Change:
    is_bad, fix, config = _ftfy()
    return (fix(text, config), 1) if is_bad(text) else (text, 0)


def _line_ends(text: str) -> Change:
    return _LINE_ENDS.subn("\n", text)


def _invisible(text: str) -> Change:
    text, joined = _SOFT_HYPHEN.subn("", text)
    text, count = _INVISIBLE.subn("", text)
    return text, joined + count


def _astral(text: str) -> Change:
    text, count = _ASTRAL_INVISIBLE.subn("", text)
    return unicodedata.normalize("NFC", text), count or 1


def _spaces(text: str) -> Change:
    text, indents = _INDENT.subn("", text)
    text, count = _SPACES.subn(" ", text)
    return text, indents + count


def _signs(text: str) -> Change:
    return _SIGNS.subn(lambda found: signs.SIGNS[found[0]], text)


def _composed(text: str) -> Change:
    return unicodedata.normalize("NFC", text), 1


def _entities(text: str) -> Change:
    """Those that were escaped twice too."""
    total = 0
    while True:
        after, count = _ENTITY.subn(lambda found: html.unescape(found[0]), text)
        if after == text:
            return text, total
        text, total = after, total + count


def _tails(text: str) -> Change:
    return _LINE_TAIL.subn("", text)


def _gaps(text: str) -> Change:
    """Two spaces still show where a column ends."""
    return _WIDE_GAP.subn("  ", text)


def _hyphenation(text: str) -> Change:
    def joined(found: re.Match[str]) -> str:
        left, right = found[1], found[2]
        if right in _AFTER_HANGING:
            return found[0]
        whole, hyphened = f"{left}{right}", f"{left}-{right}"
        keeps = whole not in text and (hyphened in text or left.lower() in _HYPHEN_KEPT)
        return hyphened if keeps else whole

    return _HYPHENATED.subn(joined, text)


_BY_NEED = (
    (Need.MOJIBAKE, "mojibake", _encoding), (Need.LINE, "line_ends", _line_ends), (Need.REMOVE, "invisible", _invisible),
    (Need.SPACE, "spaces", _spaces), (Need.SIGN, "signs", _signs), (Need.COMPOSE, "composed", _composed),
    (Need.ASTRAL, "invisible", _astral),
)  # fmt: skip
_BY_CUE = (
    ("&", "entities", _entities), (" \n", "line_tails", _tails), ("\t\n", "line_tails", _tails), ("   ", "wide_gaps", _gaps),
    ("-\n", "hyphenation", _hyphenation),
)  # fmt: skip


@lru_cache(maxsize=1)
def _ftfy() -> tuple[Any, Any, Any]:
    """(whether a text is mojibake, its repair, the settings): repairs of the encoding and nothing else."""
    ftfy = needed("ftfy")
    return needed("ftfy.badness").is_bad, ftfy.fix_text, ftfy.TextFixerConfig(
        unescape_html=False, remove_terminal_escapes=False, fix_latin_ligatures=False, fix_character_width=False,
        uncurl_quotes=False, fix_line_breaks=False, fix_surrogates=False, remove_control_chars=False, normalization=None,
        explain=False)  # fmt: skip


@lru_cache(maxsize=1)
def _opencc() -> tuple[str, Any]:
    """(characters that it changes, its conversion)"""
    convert = needed("opencc").OpenCC("t2s").convert
    han = [chr(code) for code in (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000))]
    simple = convert("\n".join(han)).split("\n")
    return "".join(before for before, after in zip(han, simple, strict=True) if before != after), convert

"""The sentences of a text that may speak of options, found without reading the others word by word.

Where a letter stands alone, or a word stands that answers are stated with, is found by the string methods of the interpreter,
which are some ten times as fast as a pattern; only the sentences around these places are read.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from megatron_qm.rewards.reading.clean import BOX
from megatron_qm.rewards.reading.lexicon import lower
from megatron_qm.rewards.reading.options import LETTERS, Options

# A letter of an option becomes L, what may stand in a word w, all else a blank.
_MASK = "".join("L" if mark in LETTERS else "w" if mark.isalnum() or mark in "'+" else " " for mark in map(chr, range(128)))
_MARKS = "✓✔✅✗✘❌×"
_STEMS = (
    "answer", "choice", "option", "choose", "select", "pick", "correct", "response", "solution", "go with",
    "best", "appropriate", "right", "therefore", "disagree", "disregard", "no longer", BOX,
)  # fmt: skip
_ALL_STEMS = (*_STEMS, "答", "选", "正确", "对", "故", "第", "因此", "所以", "剩", "除", "只有", "收回", "不认同", "→", "⇒")
_WITH = (("ans", ("ans:", "ans.")), (">", ("=>", "->")))  # a piece, and the stems that have it
_LETTER = re.compile(rf"[{LETTERS}](?<![A-Za-z0-9].)(?![A-Za-z0-9'])|[{_MARKS}]")
_SHORT = 400  # characters in which one pattern takes less time than many searches
_STOP = ". "
_ENDS = ("\n", "。", "!", "?", _STOP)
_FEW_LINES = 30  # each may be an answer of a few letters
_LONGEST_NUMBER = 6  # characters of a line's number and its bullet
_SLACK = 24  # characters that may stand around the text of an option in a sentence that is nothing else


class Sentence(NamedTuple):
    """low: the text in lower case, each character in its place. asked: whether it ends as a question."""

    text: str
    low: str
    asked: bool = False

    @classmethod
    def of(cls, text: str, asked: bool = False) -> "Sentence":
        return cls(text, lower(text), asked)

    def part(self, start: int, end: int | None = None) -> "Sentence":
        return Sentence(self.text[start:end], self.low[start:end], self.asked)


def speaking(text: str, options: Options) -> Iterable[Sentence]:
    """Each sentence that may speak of options; in the order of the text."""
    ends = {mark: text.find(mark) for mark in _ENDS if mark in text}
    if not ends or min(ends.values()) == len(text) - 1:  # one sentence, which is read whatever stands in it
        sentence = text[: -1 if ends else None].strip()
        return (Sentence(sentence, lower(sentence), "?" in ends),) if sentence else ()
    return _some_of(text, ends, options)


def _some_of(text: str, ends: dict[str, int], options: Options) -> Iterator[Sentence]:
    """ends: where each mark stands first."""
    low, last = lower(text), 0
    ahead = dict.fromkeys(ends, -1)
    for place in _places(text, low, options):
        if place < last:
            continue
        start = _start(text, place, last, ahead)
        last = _end(text, place, ahead)
        if sentence := text[start:last].strip():
            yield Sentence(sentence, low[start:last].strip(), text[last : last + 1] == "?")


def _places(text: str, low: str, options: Options) -> list[int]:
    """What may speak of options, and where it stands."""
    lines = [at + 1 for at in _all("\n", text)]
    places = [0, *_letters(text), *(lines if len(lines) <= _FEW_LINES else ())]
    for stem in _STEMS if low.isascii() else _ALL_STEMS:
        if stem in low:
            places += _all(stem, low)
    for piece, stems in _WITH:
        if piece in low:
            places += [at for stem in stems for at in _all(stem, low)]
    last = max(text.rfind("\n") + 1, text.rfind(". ", 0, len(text) - 2) + 2, text.rfind("。", 0, len(text) - 1) + 1)
    if last > 1 and len(text) - last <= options.longest + _SLACK:
        places.append(last)
    return sorted(places)


def _start(text: str, place: int, low: int, marks: Iterable[str]) -> int:
    return max(_after(mark, text, place, low) for mark in marks)


def _after(mark: str, text: str, place: int, low: int) -> int:
    """Behind the last `mark` before `place`; `low` where there is none."""
    at = text.rfind(mark, low, place)
    while mark == _STOP and at > low and not _stops(text, at):
        at = text.rfind(mark, low, at)
    return at + len(mark) if at >= 0 else low


def _end(text: str, place: int, ahead: dict[str, int]) -> int:
    """Where the sentence ends. ahead: where each mark stands next; it is looked for when places have passed it."""
    for mark, at in ahead.items():
        if at < place:
            ahead[mark] = _next(mark, text, place)
    return min(ahead.values())


def _next(mark: str, text: str, place: int) -> int:
    at = text.find(mark, place)
    while mark == _STOP and at >= 0 and not _stops(text, at):
        at = text.find(mark, at + 2)
    return at if at >= 0 else len(text)


def _stops(text: str, at: int) -> bool:
    """Whether a full stop ends a sentence: not behind a letter alone (`D. Spironolactone`), nor behind the number of a line."""
    before = text[at - 1 : at]
    if before.isdecimal():
        line = text.rfind("\n", max(0, at - _LONGEST_NUMBER), at) + 1
        return not text[line:at].strip(" \t*•-").isdecimal() or line == 0 and at > _LONGEST_NUMBER
    return before not in LETTERS or at > 1 and text[at - 2].isalnum()


def _all(piece: str, text: str) -> list[int]:
    """Where `piece` stands."""
    found, at = [], text.find(piece)
    while at >= 0:
        found.append(at)
        at = text.find(piece, at + 1)
    return found


def _letters(text: str) -> list[int]:
    if not text.isascii():
        if len(text) < _SHORT:
            return [match.start() for match in _LETTER.finditer(text)]
        return [at for mark in (*LETTERS, *_MARKS) for at in _all(mark, text) if mark in _MARKS or _is_alone(text, at)]
    masked = f" {text.translate(_MASK)} "  # a str is a table too, and the fast one
    return _all(" L ", masked)


def _is_alone(text: str, at: int) -> bool:
    before, behind = text[at - 1 : at], text[at + 1 : at + 2]
    return not (before.isascii() and before.isalnum()) and not (behind.isascii() and (behind.isalnum() or behind == "'"))

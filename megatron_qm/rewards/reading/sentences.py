"""The sentences of a text that may speak of options, found without reading the others word by word.

Where a letter stands alone, or a word stands that answers are stated with, is found by the string methods of the interpreter,
which are some ten times as fast as a pattern; only the sentences around these places are read.
"""

from collections.abc import Iterator
from typing import NamedTuple

from megatron_qm.rewards.reading.clean import BOX
from megatron_qm.rewards.reading.lexicon import lower
from megatron_qm.rewards.reading.options import LETTERS, Options

# A letter of an option becomes L, what may stand in a word w, all else a blank.
_MASK = "".join("L" if mark in LETTERS else "w" if mark.isalnum() or mark in "'+" else " " for mark in map(chr, range(128)))
_MARKS = "✓✔✅✗✘❌×"
_STEMS = ("answer", "choice", "option", "choose", "select", "pick", "correct", "response", "solution", "go with", "ans:", "ans.",
          "best", "appropriate", "right", "the final", BOX, "答", "选", "正确", "对", "故")  # fmt: skip
_ENDS = ("\n", "。", "!", "?", ". ")
_FEW_LINES = 30  # each may be an answer of a few letters
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


def speaking(text: str, options: Options) -> Iterator[Sentence]:
    """Each sentence that may speak of options; in the order of the text."""
    last = 0
    for place in _places(text, options):
        if place < last:
            continue
        start = _start(text, place, last)
        last, mark = _end(text, place)
        if sentence := text[start:last].strip():
            yield Sentence.of(sentence, mark == "?")


def _places(text: str, options: Options) -> list[int]:
    places = [0] if text else []
    places += _letters(text)
    if text.count("\n") <= _FEW_LINES:
        places += [at + 1 for at in _all("\n", text)]
    low = lower(text)
    for stem in _STEMS:
        if stem in low:
            places += _all(stem, low)
    last = max(text.rfind("\n") + 1, text.rfind(". ", 0, len(text) - 2) + 2)
    if last > 1 and len(text) - last <= options.longest + _SLACK:
        places.append(last)
    return sorted(places)


def _all(piece: str, text: str) -> Iterator[int]:
    """Where `piece` stands."""
    at = text.find(piece)
    while at >= 0:
        yield at
        at = text.find(piece, at + 1)


def _letters(text: str) -> Iterator[int]:
    if not text.isascii():
        return (at for mark in (*LETTERS, *_MARKS) for at in _all(mark, text) if mark in _MARKS or _is_alone(text, at))
    masked = f" {text.translate(_MASK)} "  # a str is a table too, and the fast one
    return _all(" L ", masked)


def _is_alone(text: str, at: int) -> bool:
    before, behind = text[at - 1 : at], text[at + 1 : at + 2]
    return not (before.isascii() and before.isalnum()) and not (behind.isascii() and (behind.isalnum() or behind == "'"))


def _start(text: str, place: int, low: int) -> int:
    return max(low, *(text.rfind(mark, low, place) + len(mark) for mark in _ENDS[:-1]), _after_stop(text, place, low))


def _after_stop(text: str, place: int, low: int) -> int:
    """Behind the last full stop, which is none behind a letter alone (`D. Spironolactone`)."""
    at = text.rfind(". ", low, place)
    while at > low and _names_option(text, at):
        at = text.rfind(". ", low, at)
    return at + 2 if at >= low else low


def _end(text: str, place: int) -> tuple[int, str]:
    """Where the sentence ends, and with what."""
    found = [(at, mark) for mark in _ENDS[:-1] if (at := text.find(mark, place)) >= 0]
    stop = text.find(". ", place)
    while stop >= 0 and _names_option(text, stop):
        stop = text.find(". ", stop + 2)
    if stop >= 0:
        found.append((stop, "."))
    return min(found, default=(len(text), ""))


def _names_option(text: str, stop: int) -> bool:
    return text[stop - 1 : stop] in LETTERS and (stop < 2 or not text[stop - 2].isalnum())

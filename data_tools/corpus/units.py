"""Texts as units: what is compared when documents are, in Chinese and English alike.

The one rule: a character of a script that is written without spaces (Chinese, kana, Thai, ...) is a unit; so is every other run
of letters, and every run of digits ("15mg" is 15, mg, as "15 mg" is). Letters are folded (NFKC, case); punctuation, symbols and
white space part units and are gone. A unit is a hash of 64 bits. `read_units` does it by numpy on a batch of texts.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Places = NDArray[np.int64]

_PARTS, _ALONE, _LETTER, _DIGIT, _WHOLE_TEXT, _UNKNOWN = range(6)
# Scripts without spaces between words, by ranges of code points: Thai, Lao; Tibetan to Myanmar; Khmer; kana, bopomofo; Han.
_UNSPACED = ((0x0E00, 0x0EFF), (0x0F00, 0x109F), (0x1780, 0x17FF), (0x3040, 0x312F), (0x31A0, 0x31FF), (0x2E80, 0x2FDF),
             (0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x1B000, 0x1B16F), (0x20000, 0x3FFFF))
_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2^64; 5 modulo 8, so that its powers are many
_CODE_POINTS = 0x110000
_BATCH_CHARACTERS = 1 << 17  # what numpy works on at once: some MB, which caches hold


@dataclass(frozen=True, slots=True)
class Units:
    """Units of a batch of texts, one text behind the other: those of text i are hashes[ends[i - 1] : ends[i]]."""

    hashes: Hashes
    ends: Places

    @property
    def starts(self) -> Places:
        return np.concatenate([np.zeros(1, np.int64), self.ends[:-1]])


def read_units(texts: Sequence[str]) -> Units:
    """The units of texts. What a text has does not depend on its neighbours in the batch."""
    codes, kinds, begins, ends = _parted(texts)
    return Units(_run_hashes(_KINDS.values[codes] * (kinds != _PARTS), begins), np.searchsorted(begins, ends))


def words_of(texts: Sequence[str]) -> NDArray[np.int64]:
    """How many units of each text are words and numbers, not single characters."""
    _, kinds, begins, ends = _parted(texts)
    counts = np.cumsum(np.append(0, kinds[begins] != _ALONE))[np.searchsorted(begins, ends)]
    return np.diff(counts, prepend=0)


def _parted(texts: Sequence[str]) -> tuple[NDArray[np.uint32], NDArray[np.uint8], Places, Places]:
    """Code points of a batch and their kinds, where units begin, and where texts end."""
    codes, ends = _code_points(texts)
    kinds = _KINDS.of(codes)
    needing = np.unique(np.searchsorted(ends, np.flatnonzero(kinds == _WHOLE_TEXT), side="right"))
    if needing.size:
        texts = list(texts)
        for at in needing.tolist():
            texts[at] = fold(texts[at])
        codes, ends = _code_points(texts)
        kinds = _KINDS.of(codes)
        kinds[kinds == _WHOLE_TEXT] = _LETTER  # marks that do not melt into their letter
    before = np.concatenate([np.full(1, _PARTS, np.uint8), kinds[:-1]])
    return codes, kinds, np.flatnonzero((kinds != _PARTS) & ((kinds == _ALONE) | (kinds != before))), ends


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Texts in their order, a batch at a time."""
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def bytes_of(texts: Sequence[str]) -> int:
    """Of UTF-8."""
    return sum([len(text) if text.isascii() else len(text.encode()) for text in texts])


def fold(text: str) -> str:
    """The slow way to what the tables say character by character, for texts with characters that become several, combine with
    their neighbours, or are invisible."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(character for character in folded if not _invisible(character))


def _invisible(character: str) -> bool:
    return unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"  # the latter choose between shapes


def grams(units: Units, size: int) -> Units:
    """Hashes of all runs of `size` units within each text, in their order; of a text with fewer units, of all that it has."""
    hashes, starts = units.hashes, units.starts
    counts = units.ends - starts
    summed = np.zeros(hashes.size, np.uint64)
    for step, power in enumerate(_powers(_BASE, size).tolist()):
        summed[: max(0, hashes.size - step)] += hashes[step:] * np.uint64(power)
    many = np.maximum(counts - size + 1, np.minimum(counts, 1))
    ends = np.cumsum(many)
    firsts = np.repeat(starts - (ends - many), many) + np.arange(ends[-1] if ends.size else 0)
    for text in np.flatnonzero((counts > 0) & (counts < size)).tolist():
        few = hashes[starts[text] : units.ends[text]]
        summed[starts[text]] = (few * _powers(_BASE, few.size)).sum(dtype=np.uint64)
    return Units(mixed(summed[firsts]), ends)


def mixed(values: Hashes) -> Hashes:
    """Each value spread over all 64 bits (the finalizer of splitmix64), one to one."""
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _code_points(texts: Sequence[str]) -> tuple[NDArray[np.uint32], Places]:
    """Those of all texts with a line's end behind each, and where each text's end."""
    joined = "\n".join([*texts, ""]).encode("utf-32-le", "surrogatepass")
    return np.frombuffer(joined, np.uint32), np.cumsum([len(text) + 1 for text in texts], dtype=np.int64)


def _run_hashes(values: Hashes, begins: Places) -> Hashes:
    """A polynomial of the values from each begin to the next; zeros, which part units, add nothing to it."""
    if not begins.size:
        return np.zeros(0, np.uint64)
    powers, inverses = _POWERS.up_to(values.size)
    return mixed(np.add.reduceat(values * powers, begins) * inverses[begins])


def _powers(base: int, count: int) -> Hashes:
    """base^0, base^1, ... modulo 2^64."""
    result = np.full(count, base, np.uint64)
    result[:1] = 1
    return np.multiply.accumulate(result)


class _Powers:
    """Powers of the base and of its inverse, for the longest batch so far."""

    def __init__(self) -> None:
        self._tables = (_powers(_BASE, 1), _powers(_BASE, 1))

    def up_to(self, count: int) -> tuple[Hashes, Hashes]:
        if self._tables[0].size < count:
            self._tables = (_powers(_BASE, count), _powers(pow(_BASE, -1, 1 << 64), count))
        return self._tables[0][:count], self._tables[1]


class _Kinds:
    """Of each code point its kind and its value; looked up in Unicode's tables when it is first met."""

    def __init__(self) -> None:
        self._kinds = np.full(_CODE_POINTS, _UNKNOWN, np.uint8)
        self.values = np.zeros(_CODE_POINTS, np.uint64)

    def of(self, codes: NDArray[np.uint32]) -> NDArray[np.uint8]:
        kinds: NDArray[np.uint8] = self._kinds[codes]
        new = kinds == _UNKNOWN
        if new.any():
            met = np.unique(codes[new])
            self._kinds[met], folded = zip(*(_kind(chr(code)) for code in met.tolist()), strict=True)
            self.values[met] = mixed(np.array(folded, np.uint64) + np.uint64(1))
            kinds = self._kinds[codes]
        return kinds


def _kind(character: str) -> tuple[int, int]:
    """(kind, code point that it is folded to)."""
    folded = fold(character)
    kinds = {_kind_of_folded(one) for one in folded}
    if kinds == {_PARTS}:
        return _PARTS, 0
    if len(folded) != 1 or unicodedata.category(folded)[0] == "M" or 0x1100 <= ord(folded) <= 0x11FF:  # Hangul's parts
        return _WHOLE_TEXT, ord(folded[:1] or "\0")
    return kinds.pop(), ord(folded)


def _kind_of_folded(character: str) -> int:
    category = unicodedata.category(character)
    if category[0] not in "LNM":
        return _PARTS
    if category[0] != "M" and any(first <= ord(character) <= last for first, last in _UNSPACED):
        return _ALONE
    return _DIGIT if category == "Nd" else _LETTER


_KINDS, _POWERS = _Kinds(), _Powers()

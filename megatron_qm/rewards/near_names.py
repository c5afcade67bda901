"""Names of a reference that a text cuts short (`clarithro 500 mg`, 左氧 0.5g) or misspells by a letter (`permetrin`).

Only where no table knows the word, and no other name that one knows could be meant.
"""

import re
from collections.abc import Collection, Iterator, Sequence

from megatron_qm.rewards.reading.finding import NameTable
from megatron_qm.rewards.reading.slips import slip
from megatron_qm.rewards.reading.spans import Span, overlap

_ZH = r"[\u4e00-\u9fff]"
_WORD = re.compile(rf"[A-Za-z]{{4,}}|\b[A-Z]{{3}}\b(?=\s?\d)|(?<!{_ZH}){_ZH}{{2,3}}(?!{_ZH})|{_ZH}{{2,3}}(?=\d)")
_SPELT = 7  # letters of a word in which one may be wrong
_LEFT_OUT = 2  # letters, at least, of a name that is cut short


class NearNames:
    """wanted: the keys of a reference. tables: all names that are known."""

    def __init__(self, wanted: Collection[str], tables: Sequence[NameTable]) -> None:
        self._tables = tables
        self._names = [(name, key) for table in tables for key in wanted for name in table.names_of(key) if " " not in name]

    def find(self, sentence: str, taken: Sequence[Span]) -> Iterator[tuple[str, Span]]:
        for match in _WORD.finditer(sentence):
            span = Span(*match.span())
            if not overlap(taken, span) and (key := self._meant(match[0].lower())) is not None:
                yield key, span

    def _meant(self, word: str) -> str | None:
        if any(word in table for table in self._tables):
            return None
        for name, key in self._names:
            if name.startswith(word) and len(name) - len(word) >= _LEFT_OUT:
                return key if self._is_alone(word, key) else None
            if len(word) >= _SPELT and word.isascii() and slip(word, name) is not None:
                return key
        return None

    def _is_alone(self, beginning: str, key: str) -> bool:
        """Whether all that begins so is one drug, or a combination with it."""
        return all(other.startswith(key) for table in self._tables for other in table.keys_beginning(beginning))

"""Options without the words that the question has said already: 术后呼吸困难和窒息, of what may come after an operation, is
呼吸困难和窒息."""

import re
from collections.abc import Mapping, Sequence

from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.names import bare

_WORD = re.compile(r"[^\W_\u4e00-\u9fff]+|[\u4e00-\u9fff]")
_KEPT = re.compile(rf"(?:{either('never_left_out', 'zh')}|\b{either('turns_meaning', 'en')}\b)")
_JOINS = re.compile(rf"(?:{words('and')}|{words('or')})")
_SHORTEST = 4  # letters of a word; a Chinese character counts as half of one
_CHINESE = "\u4e00"


def without_said(question: str, table: Mapping[str, str]) -> Mapping[str, str]:
    """The options of a question whose last sentence this is; empty where none gets shorter. Each remains the only one that has
    what is left of it.

    >>> without_said("该患者术后最危急的并发症是", {"A": "术后出血和窒息", "B": "喉返神经损伤"})
    {'A': '出血和窒息', 'B': '喉返神经损伤'}
    """
    low = lower(question)
    left = {letter: _left(text, low) for letter, text in table.items()}
    names = [bare(text) for text in table.values()]
    kept = {letter: text if _is_own(bare(left[letter]), names) else table[letter] for letter, text in left.items()}
    return kept if kept != dict(table) else {}


def _left(text: str, question: str) -> str:
    """The text without the words at its beginning that the question has beside each other."""
    low = lower(text)
    said = [match.span() for match in _WORD.finditer(low)]
    count = max((n for n in range(1, len(said)) if low[: said[n - 1][1]] in question), default=0)
    if not count:
        return text
    dropped, left = low[: said[count - 1][1]], text[said[count][0] :]
    short = min(_size(dropped), _size(left)) < _SHORTEST
    return text if short or _JOINS.match(lower(left)) or _KEPT.search(dropped) else left


def _size(text: str) -> int:
    return sum(2 if mark >= _CHINESE else 1 for mark in bare(text))


def _is_own(left: str, names: Sequence[str]) -> bool:
    return sum(left in name for name in names) == 1

"""Marks that choose or strike what they stand beside: `[x]`, ☑, ✓ and ☐, ✗, 🚫; before the names of a line, or behind them."""
# ruff: noqa: E501  Chinese characters count twice

import re
from bisect import bisect_left
from collections.abc import Sequence

from megatron_qm.rewards.reading.spans import Span

CHOSEN, STRUCK = "✓✔✅☑√👍🟢", "✗✘✖❌❎🚫⛔☐□🔲⬜👎🔴☒"
_CROSS = r"(?<![\w)])×(?!\s?\d)|(?<![\d次日天片粒支瓶a-z])(?<!\d\s)×(?=[\s|,;。)]|$)(?!\s?\d)"  # `2次×5天` multiplies
_MARK = re.compile(f"[{CHOSEN}{STRUCK}]|{_CROSS}")
_LEADING = re.compile(rf"[\s|\-*•·>]*(?:\d{{1,2}}[.)、])?\s*(?:[{CHOSEN}{STRUCK}]|×(?!\s?\d))")
_BOX = re.compile(r"(?<![^\s|])\[([ xX✓✔√✗✘×])\](?=[ \t]*\w)")


def boxes(text: str) -> str:
    """`[x]` and `[ ]` as marks: an empty one is no list of JSON."""
    return _BOX.sub(lambda box: "☑ " if box[1] in "xX✓✔√" else "☐ ", text) if "[" in text else text


def struck(sentence: str, named: Sequence[Span]) -> list[bool]:
    """Of each name, whether its mark strikes it. Marks that begin a line stand before their names; others behind them."""
    if sentence.isascii():  # they are all beyond it
        return [False] * len(named)
    marks = [(match.start(), match[0]) for match in _MARK.finditer(sentence)]
    if not marks:
        return [False] * len(named)
    leads = _LEADING.match(sentence) is not None
    found = []
    for span in named:
        behind = bisect_left(marks, (span.start, ""))
        at = behind - 1 if leads else behind
        found.append(0 <= at < len(marks) and marks[at][1] not in CHOSEN)
    return found

"""Tables as lines: a row that says `no` of what it names is struck, and so is a column whose heading withholds what it lists."""

import re
from collections.abc import Iterator, Sequence

from megatron_qm.rewards.reading.headings import heading
from megatron_qm.rewards.reading.lexicon import either, lower
from megatron_qm.rewards.reading.spans import Stance
from megatron_qm.rewards.reading.strikes import CHOSEN, STRUCK

_RULER = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-*:?\s*)+")
_REST = r"\s*(?:$|[-—–,;:.(!].*)"  # a reason
_SIGN = rf"[{CHOSEN}{STRUCK}×]?\s*"
_NO = re.compile(rf"\s*(?:[{STRUCK}×]|{_SIGN}{either('bare_no')}{_REST})")
_WITHHELD = re.compile(rf"\s*(?:[{STRUCK}×]|{_SIGN}{either('withheld_cell')}{_REST})")
_YES = re.compile(rf"\s*(?:[{CHOSEN}]|{either('bare_yes')}{_REST})")
_MARKED = re.compile(rf"\s*[{CHOSEN}]")
_SAYS_YES = re.compile(rf"\s*(?:[{CHOSEN}]|{either('bare_yes')})")
_ASKS = re.compile(r"\s*(?:是否|whether|if)|.*/")
_CHOOSES = re.compile(either("choosing_heading"))


def tables_as_lines(text: str) -> str:
    return "\n".join(_lines(text.split("\n"))) if "|" in text else text


def refuses(cell: str) -> bool:
    """Whether a text that is a status says `no`."""
    low = lower(cell)
    return _NO.match(low) is not None or _WITHHELD.match(low) is not None


def _lines(lines: Sequence[str]) -> Iterator[str]:
    heads: list[str] | None = None
    chosen: int | None = None  # the column in which one row of the table says that it is chosen
    for n, line in enumerate(lines):
        cells = _cells(line)
        if len(cells) < 2:
            heads = None
            yield line
        elif heads is None:
            ruled = n + 1 < len(lines) and _RULER.fullmatch(lines[n + 1]) is not None
            heads = [lower(cell) for cell in cells] if ruled else [""] * len(cells)
            chosen = _column_of_choice(lines[n + 2 :], heads) if ruled else None
            yield from [] if ruled else _row(line, cells, heads, None)
        elif not _RULER.fullmatch(line):
            yield from _row(line, cells, heads, chosen)


def _column_of_choice(rows: Sequence[str], heads: Sequence[str]) -> int | None:
    """The column whose heading chooses, if a row says there that it is chosen: then the others are not."""
    for line in rows:
        cells = _cells(line)
        if len(cells) < 2:
            return None
        for n, cell in enumerate(cells[: len(heads)]):
            if n and _CHOOSES.search(heads[n]) and _MARKED.match(lower(cell)):
                return n
    return None


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if "|" in line else []


def _row(line: str, cells: Sequence[str], heads: Sequence[str], chosen: int | None) -> Iterator[str]:
    """The row, or what is left of it behind a mark for each cell that is withheld."""
    denying = [n < len(heads) and _withholds(heads[n]) for n in range(len(cells))]
    verdicts = [_verdict(lower(cell), heads[n] if n < len(heads) else "", denying[n], len(cells)) for n, cell in enumerate(cells)]
    passed_over = chosen is not None and chosen < len(cells) and not _SAYS_YES.match(lower(cells[chosen]))
    mark = "☐" if False in verdicts or passed_over else "-"
    said = [cell.replace(". ", "; ") for n, cell in enumerate(cells) if not denying[n] and verdicts[n] is None]
    yield f"{mark} {'; '.join(said)}"
    yield from (f"☐ {cell}" for n, cell in enumerate(cells) if denying[n])


def _withholds(head: str) -> bool:
    """Whether what stands below is withheld; `是否使用` and `give/hold` only ask."""
    said = heading(f"{head}:", alone=False)
    return said not in (None, Stance.DISCUSSED) and not (_ASKS.match(head) and "禁" not in head)


def _verdict(cell: str, head: str, denying: bool, width: int) -> bool | None:
    """Whether a cell says that its row is chosen; None where it says something else."""
    if denying:
        return False if _YES.match(cell) else None
    asked = width == 2 or _CHOOSES.search(head) is not None
    if _WITHHELD.match(cell) or asked and _NO.match(cell):
        return False
    return True if asked and _YES.match(cell) else None

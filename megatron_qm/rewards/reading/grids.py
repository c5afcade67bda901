"""Tables that mark the options of a question, as lines: `| D | yes | because ... |` becomes `D: yes`."""

import re
from collections.abc import Sequence

from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.openers import ends
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.phrase import phrase_at
from megatron_qm.rewards.reading.polarity import denied_before
from megatron_qm.rewards.reading.sentences import Sentence

_RULE = re.compile(r"[\s|:—-]*")
_CELL_ENDS = r"(?=$|[\s.,;:!(/、。—–-])"
_YES = re.compile(
    rf"\(?(?:{either('mark_ticked')}|{either('mark_true', 'signs')}|(?:{either('mark_true', 'en', 'zh')}){_CELL_ENDS})")
_NO = re.compile(
    rf"\(?(?:{either('mark_empty')}|{either('mark_false', 'signs')}|(?:{either('mark_false', 'en', 'zh')}){_CELL_ENDS})")
_CHOICE = re.compile(words("column_of_choice"))
_VERDICT = re.compile(rf"{_CHOICE.pattern}|{words('column_of_verdicts')}")
_WHETHER = re.compile(r"是否|能否|可否|与否")


def flattened(text: str, options: Options) -> str:
    """The text with such rows as lines. Rows stay that name no option, or whose table has no column of marks or several."""
    if text.count("|") < 2 * len(options.letters):
        return text
    lines = text.split("\n")
    begin = 0
    while begin < len(lines):
        end = begin
        while end < len(lines) and lines[end].count("|") > 1:
            end += 1
        if end > begin + 1:
            lines[begin:end] = _marked_rows(lines[begin:end], options)
        begin = end + 1
    return "\n".join(lines)


def _marked_rows(rows: Sequence[str], options: Options) -> Sequence[str]:
    cells = [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows if not _RULE.fullmatch(row)]
    named = [(row, at) for row in cells if (at := _option_in(row, options)) is not None]
    columns = range(max((at for _, at in named), default=0) + 1, min((len(row) for row, _ in named), default=0))
    marks: dict[int, list[bool | None]] = {
        column: found for column in columns if None not in (found := [_mark(row[column]) for row, _ in named])}
    verdicts = {column: one for column, one in marks.items() if _speaks_of_answer(cells, named, column)}
    marks = verdicts or _one_marked(cells, named, columns) or marks  # what else a table tells of them is no judgement
    if len(marks) != 1:
        return rows
    (column, found), = marks.items()
    header = cells[0][column] if cells[0] is not named[0][0] and column < len(cells[0]) else ""
    yes, no = _signs(lower(header))
    return [f"{row[at]}: {yes if mark else no}" for (row, at), mark in zip(named, found, strict=True)]


def _one_marked(cells: Sequence[Sequence[str]], named: Sequence[tuple[Sequence[str], int]], columns: range
                ) -> dict[int, list[bool | None]]:
    """Columns under a heading that speaks of an answer, in which one row alone has a mark, and that is `yes`."""
    found = {}
    for column in columns if named and cells[0] is not named[0][0] else ():
        marks = [_mark(row[column]) for row, _ in named]
        if marks.count(True) == 1 and False not in marks and _speaks_of_answer(cells, named, column):
            found[column] = marks
    return found


def _speaks_of_answer(cells: Sequence[Sequence[str]], named: Sequence[tuple[Sequence[str], int]], column: int) -> bool:
    """Whether the heading of a column does."""
    headed = cells[0] is not named[0][0] and len(cells[0]) > column
    return headed and _VERDICT.search(lower(cells[0][column])) is not None


def _option_in(row: Sequence[str], options: Options) -> int | None:
    """The cell that names an option and nothing else, with its text in the cell behind it."""
    for at, cell in enumerate(row[:2]):
        said = Sentence.of(cell)
        phrase = phrase_at(said, 0, options)
        if phrase and phrase.sure and ends(said, phrase.end):
            return at
    return None


def _mark(cell: str) -> bool | None:
    low = lower(cell)
    return False if _NO.match(low) else True if _YES.match(low) else None


def _signs(header: str) -> tuple[str, str]:
    """What `yes` and `no` mean below a header: an answer that is chosen, what is true, or what is not (`Excluded?`)."""
    if _CHOICE.search(header):
        return "[x]", "[ ]"
    return ("✗", "✓") if denied_before(_WHETHER.sub("", header)) else ("✓", "✗")

"""A table of a page: texts, and shares that are drawn as bars as well."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from megatron_qm.observe.page.scale import percent


@dataclass(frozen=True)
class Share:
    """A cell that is drawn as a bar as well. text: instead of the percentage."""

    value: float | None
    text: str | None = None


Row: TypeAlias = Sequence[str | Share]


def table(title: str, titles: Iterable[str], rows: Sequence[Row], total: int, kind: str = "", note: str = "") -> str:
    """Nothing without rows. All text is escaped here. `total`: rows there are; a note tells of those left out."""
    if not rows:
        return ""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in titles)
    body = "".join("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in rows)
    note += f" {total - len(rows):,} more in metrics.jsonl." if total > len(rows) else ""
    caption = f'<p class="note">{html.escape(note.strip())}</p>' if note else ""
    return (
        f'<div class="scroll"><h3>{html.escape(title)}</h3>{caption}'
        f'<table{f" class={kind}" if kind else ""}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _cell(cell: str | Share) -> str:
    if not isinstance(cell, Share):
        return f"<td>{html.escape(cell)}</td>"
    value = cell.value if cell.value is not None and np.isfinite(cell.value) else None
    text = percent(value) if cell.text is None else cell.text
    width = f"{min(max(value or 0.0, 0.0), 1.0) * 100:.2f}%"
    return f'<td><div class="share"><span>{html.escape(text)}</span><i><b style="width:{width}"></b></i></div></td>'

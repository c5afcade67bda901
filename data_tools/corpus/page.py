"""What a corpus is made of and what its stages did, as one HTML page that needs nothing but itself."""

import html
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from data_tools.corpus.coverage.run import panels
from data_tools.corpus.page_phi import phi_section
from megatron_qm.observe.page.document import document, written
from megatron_qm.observe.page.table import Row, Share, table

_SHOWN = 30  # values of a field
_FIELDS = {"kind": "Kind", "language": "Language", "grade": "Grade", "type": "Type", "source": "Source", "licence": "Licence"}
_UNITS = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))
_STEP_TITLES = ("stage", "documents in", "kept", "", "changed", "dropped", "rejected", "text in", "text out", "CPU seconds",
                "MB/s a core")


def render_corpus(found: Mapping[str, Any], path: Path) -> Path:
    """found: report.json. Raises UserError where the page cannot be written."""
    name = found["output"].rstrip("/").rpartition("/")[2] or "corpus"
    body = [_header(name, found), _cards(found), _parts(found), phi_section(found.get("phi")), *_coverage(found.get("coverage")),
            _steps(found), *_drops(found)]
    return written(path, document(name, body, time.time()))


def _header(name: str, found: Mapping[str, Any]) -> str:
    word = "finished" if found["by"] else "running"
    state = "corpus is made" if found["by"] else "stages are left to make"
    return (f'<header><h1>{html.escape(name)}</h1><span class="chip {word}">{state}</span>'
            "<p>Bytes are those of UTF-8 text. What came into a stage is what it kept, dropped and rejected; what one keeps "
            "the next one gets.</p></header>")


def _cards(found: Mapping[str, Any]) -> str:
    steps = _all_steps(found)
    read = steps[0]
    dropped = sum(_sum(step, "documents", "dropped") for step in steps)
    rejected = sum(_sum(step, "documents", "rejected") for step in steps)
    seconds = sum(of["seconds"] for of in found["passes"])
    cards = [
        ("Documents", f"{found['documents']:,}", f"of {read['documents']['in']:,} that were read"),
        ("Text", _size(found["bytes"]), f"of {_size(read['bytes']['in'])}"),
        ("Dropped", f"{dropped:,}", f"{rejected:,} lines were no document"),
        ("Time", _duration(seconds), f"{_rate(read['bytes']['in'] / max(seconds, 1e-3) / 1e6)} MB of source text a second"),
    ]
    if found.get("tokens"):
        tokens = found["tokens"]
        cards.append(("Tokens", f"{tokens:,}", f"{found['bytes'] / tokens:.2f} bytes each"))
    return '<section class="cards">' + "".join(_card(*card) for card in cards) + "</section>"


def _card(title: str, value: str, note: str) -> str:
    return f"<div><h2>{html.escape(title)}</h2><strong>{html.escape(value)}</strong><span>{html.escape(note)}</span></div>"


def _parts(found: Mapping[str, Any]) -> str:
    tables = []
    for field, title in _FIELDS.items():
        values = found["by"].get(field, {})
        total = sum(item["bytes"] for item in values.values()) or 1
        rows: list[Row] = [[value or "not said", f"{item['documents']:,}", _size(item["bytes"]), _share(item["bytes"], total)]
                           for value, item in list(values.items())[:_SHOWN]]
        left = len(values) - len(rows)
        note = f"{left:,} more are in report.json." if left > 0 else ""
        tables.append(table(title, ("", "documents", "text", "share"), rows, len(rows), note=note))
    return f'<section class="tables"><h2>What it is made of</h2>{"".join(tables)}</section>' if any(tables) else ""


def _coverage(found: Mapping[str, Any] | None) -> list[str]:
    return panels(found, found["first missing"], found["missing"], found["list"]) if found else []


def _steps(found: Mapping[str, Any]) -> str:
    rows: list[Row] = []
    for step in _all_steps(found):
        documents, size = step["documents"], step["bytes"]
        rate = step["MB/s of CPU time"]
        rows.append([step["name"], f"{documents['in']:,}", f"{documents['kept']:,}",
                     Share(documents["kept"] / documents["in"] if documents["in"] else None), f"{documents['changed']:,}",
                     f"{_sum(step, 'documents', 'dropped'):,}", f"{_sum(step, 'documents', 'rejected'):,}", _size(size["in"]),
                     _size(size["kept"]), f"{step['cpu_seconds']:,.1f}", "–" if rate is None else _rate(rate)])
    return f'<section class="tables"><h2>Stages</h2>{table("In and out", _STEP_TITLES, rows, len(rows))}</section>'


def _drops(report: Mapping[str, Any]) -> list[str]:
    """A section for each stage that dropped or rejected something, or looked for evaluations."""
    sections = []
    for step in _all_steps(report):
        documents, size = step["documents"], step["bytes"]
        rows: list[Row] = [[reason, f"{count:,}", _size(size["dropped"].get(reason, 0)), _share(count, documents["in"])]
                           for reason, count in documents["dropped"].items()]
        rows += [[reason, f"{count:,}", "–", _share(count, documents["in"])] for reason, count in documents["rejected"].items()]
        found = step.get("more", {})
        more = _evaluations(found.get("sets", {})) + _nearness(found.get("nearness", {}))
        if rows or more:
            why = table("By reason", ("reason", "documents", "text", "share"), rows, len(rows))
            sections.append(f'<section class="tables"><h2>{html.escape(step["name"])}: what was not kept</h2>{why}{more}'
                            f"{_samples(step['samples'])}</section>")
    return sections


def _evaluations(sets: Mapping[str, Mapping[str, Any]]) -> str:
    rows: list[Row] = [[name, f"{found['items']:,}", f"{found['looked_for']:,}", f"{found['items_found']:,}",
                        f"{found['documents']:,}"] for name, found in sets.items()]
    return table("Evaluations", ("set", "items", "looked for", "found", "in documents"), rows, len(rows))


def _nearness(found: Mapping[str, int]) -> str:
    total = sum(found.values()) or 1
    rows: list[Row] = [[jaccard, f"{count:,}", _share(count, total)] for jaccard, count in found.items()]
    return table("Near duplicates", ("Jaccard from", "documents", "share"), rows, len(rows))


def _samples(samples: Sequence[Mapping[str, Any]]) -> str:
    if not samples:
        return ""
    rows: list[Row] = [[item["reason"], item["text"], item["detail"], f"{item['file']}:{item['line']}"] for item in samples]
    body = table("Samples", ("reason", "text, its beginning", "detail", "from"), rows, len(rows))
    return f"<details><summary><h2>{len(rows)} samples to read</h2></summary>{body}</details>"


def _all_steps(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [step for of in found["passes"] for step in of["steps"]]


def _sum(step: Mapping[str, Any], of: str, what: str) -> int:
    counts: dict[str, int] = step[of][what]
    return sum(counts.values())


def _size(size: int) -> str:
    for unit, name in _UNITS:
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size:,} B"


def _rate(value: float) -> str:
    return f"{value:,.1f}" if value >= 1 else f"{value:.2g}"


def _share(count: int, of: int) -> Share:
    """A small one is not said to be nothing."""
    return Share(count / of, "< 0.1%" if 0 < count / of < 0.0005 else None)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"

"""What the rounds of `megatron-qm reward-loop` have brought, as sections of a page: from the JSON that it writes."""

from collections.abc import Mapping, Sequence

import numpy as np

from megatron_qm.json_types import JsonObject, object_of, objects_of, text_of, whole_of
from megatron_qm.observe.history import Series
from megatron_qm.observe.page.chart import Line, line_chart
from megatron_qm.observe.page.figure import Frame
from megatron_qm.observe.page.probes import GUESS, accuracy_row, accuracy_section
from megatron_qm.observe.page.scale import number, percent, step_axis, whole
from megatron_qm.observe.page.summary import card
from megatron_qm.observe.page.table import Row, Share, table
from megatron_qm.observe.records import from_json_number

_MEASURED = {"held_out": "held out", "random": "random tenth"}


def reward_loop_body(found: JsonObject, rounds: int) -> list[str]:
    """rounds: that are asked for."""
    rows = objects_of(found, "rows")
    return [_header(rows, rounds), _cards(rows[-1]), _charts(rows), _accuracies(found, rows), _rounds(rows), _annotators(rows)]


def title_of(found: JsonObject) -> str:
    """By the loop's folder."""
    return text_of(found, "output").rstrip("/").rpartition("/")[2] or "reward loop"


def _header(rows: Sequence[JsonObject], rounds: int) -> str:
    done = len(rows) - 1
    word = "finished" if done >= rounds else "running"
    return (f'<header><h1>Reward model and annotators</h1><span class="chip {word}">round {done} of {rounds}</span>'
            "<p>Every model is asked about the same pairs: those drawn at random in all rounds so far, which nothing was trained "
            "on, and those held out. Brackets and bars: 95% intervals.</p></header>")


def _cards(last: JsonObject) -> str:
    made = [card(f"Accuracy, {name}", percent(_of(last, key, "accuracy")),
                 f"{_interval(last, key)}, n = {whole(_of(last, key, 'n') or 0)}")
            for key, name in _MEASURED.items() if _of(last, key, "accuracy") is not None]
    trained, gained = whole(_value(last, "trained_on") or 0), _value(last, "per_point")
    each = "" if gained is None else f"; {whole(gained)} for each point of accuracy gained"
    made.append(card("Labels", whole(_value(last, "labels") or 0), f"{trained} of them trained on{each}"))
    if _of(last, "kappa", "kappa") is not None:
        made.append(card("Kappa of second readings", number(_of(last, "kappa", "kappa")),
                         f"{number(_of(last, 'kappa', 'low'))} to {number(_of(last, 'kappa', 'high'))}, last round"))
    return '<section class="cards">' + "".join(made) + "</section>"


def _charts(rows: Sequence[JsonObject]) -> str:
    """Nothing before the first round is done."""
    if len(rows) < 2:
        return ""
    frame, kappas = Frame(step_axis(0, len(rows) - 1), across="round"), [_of(row, "kappa", "kappa") for row in rows]
    accuracies = {name: [_of(row, key, "accuracy") for row in rows] for key, name in _MEASURED.items()}
    strata = {name: [_stratum(row, name) for row in rows] for name in _strata(rows)}
    charts = [
        ("Accuracy", "share of pairs whose better response has the higher score", accuracies, percent, True),
        ("Held out, by stratum", "accuracy", strata, percent, False),
        ("Second readings", "Cohen's kappa with the first", {"kappa": kappas}, number, False),
    ]
    drawn = [line_chart(title, unit, lines, frame, write=write, wide=wide)
             for title, unit, values, write, wide in charts if (lines := _lines(values))]
    return f'<section><h2>Round by round</h2><div class="charts">{chr(10).join(drawn)}</div></section>' if drawn else ""


def _lines(values: Mapping[str, Sequence[float | None]]) -> list[Line]:
    """Those that have a value at all."""
    known = {name: [(at, value) for at, value in enumerate(some) if value is not None] for name, some in values.items()}
    return [Line(name, _series(some), colour, dots=True, band=False)
            for colour, (name, some) in enumerate((name, some) for name, some in known.items() if some)]


def _series(values: Sequence[tuple[int, float]]) -> Series:
    return Series(np.array([at for at, _ in values], np.int64), np.array([value for _, value in values]))


def _accuracies(found: JsonObject, rows: Sequence[JsonObject]) -> str:
    parts = []
    for key, name in _MEASURED.items():
        lines = [accuracy_row(_name(row), f"n = {whole(_of(row, key, 'n') or 0)}", object_of(row, key), GUESS)
                 for row in rows if row.get(key)]
        if key == "random" and found.get("genrm"):
            genrm = object_of(found, "genrm")
            lines.append(accuracy_row("generative model", f"n = {whole(_value(genrm, 'n') or 0)}", genrm, GUESS))
        if lines:
            note = "Dots: accuracy; bars: 95% interval. Dashed: what a coin would reach."
            parts.append(accuracy_section(f"Accuracy, {name}", lines, note))
    return "\n".join(parts)


def _rounds(rows: Sequence[JsonObject]) -> str:
    cells: list[Row] = [[_name(row), whole(_value(row, "labels") or 0), _points(row), _kappa(row), _chosen(row)] for row in rows]
    titles = ("", "labels so far", "labels per point gained", "kappa of second readings", "decided, by why they were chosen")
    return f'<section class="tables">{table("Rounds", titles, cells, len(cells))}</section>'


def _annotators(rows: Sequence[JsonObject]) -> str:
    cells: list[Row] = []
    for row in rows:
        for one in objects_of(row, "annotators"):
            counts = ", ".join(f"{word} {count}" for word, count in object_of(one, "counts").items() if count)
            pace, again = _value(one, "per_hour"), object_of(object_of(one, "again"), "same")
            cells.append([_name(row), text_of(one, "name"), counts, "–" if pace is None else f"{pace:,.0f}",
                          _part(object_of(one, "first")), _part(again)])
    titles = ("", "annotator", "verdicts", "an hour", "prefers the first shown", "same verdict, read again")
    return f'<section class="tables">{table("Annotators", titles, cells, len(cells))}</section>' if cells else ""


def _part(share: JsonObject) -> str | Share:
    part, total = whole_of(share, "part"), whole_of(share, "total")
    return Share(part / total, f"{part} of {total}") if total else "–"


def _strata(rows: Sequence[JsonObject]) -> list[str]:
    return list(object_of(object_of(rows[-1], "held_out"), "strata")) if rows[-1].get("held_out") else []


def _stratum(row: JsonObject, name: str) -> float | None:
    strata = object_of(object_of(row, "held_out"), "strata") if row.get("held_out") else {}
    return _of(strata, name, "accuracy")


def _chosen(row: JsonObject) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in object_of(row, "reasons").items()) or "–"


def _kappa(row: JsonObject) -> str:
    kappa, low, high, n = (_of(row, "kappa", key) for key in ("kappa", "low", "high", "n"))
    return "–" if kappa is None or low is None or high is None else f"{kappa:.2f} [{low:.2f} to {high:.2f}], n = {whole(n or 0)}"


def _interval(row: JsonObject, key: str) -> str:
    return f"{percent(_of(row, key, 'low'))} to {percent(_of(row, key, 'high'))}"


def _points(row: JsonObject) -> str:
    value = _value(row, "per_point")
    return "–" if value is None else whole(value)


def _name(row: JsonObject) -> str:
    return f"round {row['round']}" if row["round"] else "start"


def _of(row: JsonObject, key: str, name: str) -> float | None:
    inner = row.get(key)
    return from_json_number(inner.get(name)) if isinstance(inner, dict) else None


def _value(row: JsonObject, key: str) -> float | None:
    return from_json_number(row.get(key))

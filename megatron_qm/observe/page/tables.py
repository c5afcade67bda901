"""The tables of a report: sources, events, config, environment, notices."""

import html
import json

import numpy as np

from megatron_qm.json_types import JsonObject
from megatron_qm.observe.history import History, step_of
from megatron_qm.observe.page.facts import CONFIG_FILE, ENVIRONMENT_FILE, Facts
from megatron_qm.observe.page.scale import number, percent, whole
from megatron_qm.observe.page.summary import clock
from megatron_qm.observe.records import from_json_number

_FIRST_EVENTS, _LAST_EVENTS = 20, 100
_OPEN_EVENTS = 20  # more are folded away
_SLOW, _SHOWN_STRAGGLERS = 1.2, 10  # times the median of all ranks


def sources_table(history: History) -> str:
    """Tokens, their share, and what else is known of every source."""
    train, validation = history.table("train"), history.table("validation")
    tokens = {name: series.last or 0.0 for name, series in train.group("tokens_by_source").items()}
    measured = {"epochs": train.group("epochs_by_source"), "last loss": train.group("loss_by_source"),
                "validation loss": validation.group("loss_by_source")}
    columns = {title: group for title, group in measured.items() if group}
    names = list(dict.fromkeys([*tokens, *(name for group in columns.values() for name in group)]))
    if not names:
        return ""
    total = sum(value for value in tokens.values() if np.isfinite(value))
    rows = []
    for name in names:
        share = tokens[name] / total if name in tokens and total > 0 and np.isfinite(tokens[name]) else None
        width = f"{(share or 0) * 100:.2f}%"
        numbers = [group[name].last if name in group else None for group in columns.values()]
        rows.append(
            f"<tr><th>{html.escape(name)}</th><td>{number(tokens.get(name))}</td>"
            f'<td><div class="share"><span>{percent(share)}</span><i><b style="width:{width}"></b></i></div></td>'
            + "".join(f"<td>{number(value)}</td>" for value in numbers) + "</tr>"
        )
    head = "".join(f"<th>{title}</th>" for title in ("source", "tokens", "share", *columns))
    return _section("Sources", f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>")


def events_table(history: History) -> str:
    """Starts, resumes, checkpoints; of very many the first and the last."""
    events = history.records("event")
    if not events:
        return ""
    left_out = len(events) - _FIRST_EVENTS - _LAST_EVENTS
    rows = [_event_row(event) for event in events]
    if left_out > 0:
        gap = f'<tr><td colspan="4" class="gap">{left_out:,} more in metrics.jsonl</td></tr>'
        rows = [*rows[:_FIRST_EVENTS], gap, *rows[-_LAST_EVENTS:]]
    head = "".join(f"<th>{title}</th>" for title in ("step", "time", "event", "detail"))
    table = f'<table class="events"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    return _section("Events", table) if len(events) <= _OPEN_EVENTS else _details("Events", f"{len(events):,}", table)


def _event_row(event: JsonObject) -> str:
    moment = from_json_number(event.get("time"))
    name = str(event.get("name", ""))
    mark = ' class="resume"' if name == "resume" else ""
    cells = [whole(step_of(event)), clock(moment) if moment is not None else "", name, str(event.get("detail", ""))]
    return f"<tr{mark}>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"


def prediction_table(history: History, facts: Facts) -> str:
    """What the planner expected of the fullest rank, beside what was measured."""
    predicted = facts.environment.get("predicted")
    if not isinstance(predicted, dict):
        return ""
    steps_n = history.table("train").series("step_seconds").values_n
    measured = {"memory_gib": history.table("train").series("memory_gib").last,
                "step_seconds": float(np.median(steps_n)) if len(steps_n) else None}
    titles = {"memory_gib": "memory of a rank, GiB (measured: its peak, with libraries and buffers)", "step_seconds": "a step, s"}
    rows = ""
    for key, title in titles.items():
        expected, seen = from_json_number(predicted.get(key)), measured[key]
        if expected is not None:
            off = seen / expected if seen and expected else None
            rows += (f"<tr><th>{title}</th><td>{number(expected)}</td><td>{number(seen)}</td>"
                     f"<td>{'' if off is None else f'{off:.2f}x'}</td></tr>")
    head = "".join(f"<th>{name}</th>" for name in ("", "predicted", "measured", "measured / predicted"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return _section("Predicted and measured", table) if rows else ""


def stragglers_table(history: History) -> str:
    """The ranks that were slowest by themselves most often, and how far behind the median they were."""
    worst: dict[tuple[object, str, str], list[float]] = {}
    for record in history.records("straggler"):
        times = _times_median(record)
        if times is not None and times >= _SLOW:
            key = (record.get("rank", -1), str(record.get("host", "")), str(record.get("phase", "")))
            worst.setdefault(key, []).append(times)
    if not worst:
        return ""
    order = sorted(worst.items(), key=lambda item: (-len(item[1]), -max(item[1])))[:_SHOWN_STRAGGLERS]
    rows = "".join(
        f"<tr><th>{rank}</th><td>{html.escape(host)}</td><td>{html.escape(phase)}</td><td>{len(times)}</td>"
        f"<td>{max(times):.2f}x</td></tr>" for (rank, host, phase), times in order
    )
    titles = ("rank", "node", "phase", "times among the slowest", "worst against the median")
    head = "".join(f"<th>{title}</th>" for title in titles)
    return _section("Stragglers", f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>")


def _times_median(record: JsonObject) -> float | None:
    own, median = from_json_number(record.get("seconds")), from_json_number(record.get("median_seconds"))
    return own / median if own is not None and median else None


def config_section(facts: Facts) -> str:
    if facts.config_text is None:
        return ""
    return _details("Config", CONFIG_FILE, f"<pre>{html.escape(facts.config_text)}</pre>")


def environment_section(facts: Facts) -> str:
    if not facts.environment:
        return ""
    rows = "".join(
        f"<tr><th>{html.escape(key)}</th><td>{html.escape(value)}</td></tr>" for key, value in _flat(facts.environment)
    )
    return _details("Environment", ENVIRONMENT_FILE, f'<table class="pairs"><tbody>{rows}</tbody></table>')


def _flat(value: object, prefix: str = "") -> list[tuple[str, str]]:
    """Rows "cpu.cores": "2" of nested mappings; lists of plain values become one line, None a dash."""
    if isinstance(value, dict) and value:
        return [row for key, item in value.items() for row in _flat(item, f"{prefix}.{key}" if prefix else str(key))]
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        return [row for index, item in enumerate(value) for row in _flat(item, f"{prefix}.{index}")]
    if isinstance(value, list):
        return [(prefix, " ".join(str(item) for item in value) or "–")]
    if value is None or value == {}:
        return [(prefix, "–")]
    return [(prefix, value if isinstance(value, str) else json.dumps(value))]


def notices(history: History, facts: Facts) -> str:
    """What the reader should know about the files behind the report."""
    found = list(facts.notices)
    if history.unreadable:
        lines = ", ".join(str(number) for number in history.unreadable[:10])
        more = " and more" if len(history.unreadable) > 10 else ""
        found.append(f"metrics.jsonl: {len(history.unreadable)} unreadable lines left out (line {lines}{more}).")
    if not found:
        return ""
    return '<aside class="notices">' + "".join(f"<p>{html.escape(text)}</p>" for text in found) + "</aside>"


def _section(title: str, body: str) -> str:
    return f'<section><h2>{title}</h2><div class="scroll">{body}</div></section>'


def _details(title: str, hint: str, body: str) -> str:
    return (
        f"<section><details><summary><h2>{title}</h2> <code>{hint}</code></summary>"
        f'<div class="scroll">{body}</div></details></section>'
    )

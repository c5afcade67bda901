"""What a run was asked, knowledge probes and items, before and after: accuracies with their confidence intervals on one scale
from 0 to 100%."""

import html
from collections.abc import Sequence

import numpy as np

from megatron_qm.json_types import JsonObject
from megatron_qm.observe.history import Series, step_of
from megatron_qm.observe.page.scale import number, percent, whole
from megatron_qm.observe.records import from_json_number

SCALE = """<div class="probe scale"><span></span><div class="track"><em style="left:0">0%</em><em style="left:50%">50%</em>\
<em style="left:100%">100%</em></div><span></span></div>"""  # stands below rows
GUESS = 0.5  # what a coin would reach


def probe_series(probes: list[JsonObject]) -> dict[str, Series]:
    """Accuracy over steps by the probe's name."""
    found: dict[str, Series] = {}
    for name, measured in _by_name(probes).items():
        found[name] = Series(
            np.array([step_of(probe) for probe in measured]), np.array([_value(probe, "accuracy") for probe in measured])
        )
    return found


def probe_section(probes: list[JsonObject]) -> str:
    """A row per probe: first and last measurement as a dot within its interval."""
    by_name = _by_name(probes)
    if not by_name:
        return ""
    known = chances(probes)
    rows = "\n".join(_row(name, measured, known.get(name)) for name, measured in by_name.items())
    mark = " Dashed: what a guess would reach." if known else ""
    return f"""<section><h2>Probes and items</h2>
<div class="probes">
{rows}
{SCALE}
<p class="note">Dots: accuracy; bars: confidence interval. Upper: the first measurement; lower: the last.{mark}</p>
</div>
</section>"""


def stages_section(runs: Sequence[tuple[str, list[JsonObject]]]) -> str:
    """A row per probe that two or more runs, given by (name, probes), have measured: before the first and after each."""
    measured = [(name, _by_name(probes)) for name, probes in runs]
    shared = [name for name in dict.fromkeys(name for _, found in measured for name in found)
              if sum(name in found for _, found in measured) > 1]
    if not shared:
        return ""
    measured = [(name, found) for name, found in measured if any(probe in found for probe in shared)]
    known = {name: chance for _, probes in runs for name, chance in chances(probes).items()}
    guess = "<th>chance</th>" if any(name in known for name in shared) else ""
    heads = guess + "<th>before</th>" + "".join(f"<th>after {html.escape(name)}</th>" for name, _ in measured)
    rows = []
    for name in shared:
        had = [found.get(name, []) for _, found in measured]
        first = next(some[0] for some in had if some)
        cells = [f"<td>{percent(known.get(name))}</td>"] if guess else []
        cells += [f"<td>{_told(first)}</td>"] + [f"<td>{_told(some[-1]) if some else '–'}</td>" for some in had]
        rows.append(f"<tr><th>{html.escape(name)}</th>{''.join(cells)}</tr>")
    return f"""<section><h2>From stage to stage</h2>
<div class="scroll"><table><thead><tr><th></th>{heads}</tr></thead><tbody>
{chr(10).join(rows)}
</tbody></table></div></section>"""


def _told(probe: JsonObject) -> str:
    return f"{percent(_value(probe, 'accuracy'))} {_interval(probe)}"


def chances(probes: list[JsonObject]) -> dict[str, float]:
    """What a guess would reach, by the probe's name, of those for which it is known."""
    newest = {name: _value(measured[-1], "chance") for name, measured in _by_name(probes).items()}
    return {name: chance for name, chance in newest.items() if 0 <= chance <= 1}


def _by_name(probes: list[JsonObject]) -> dict[str, list[JsonObject]]:
    """Measurements by name in order of steps; the last of a step counts."""
    latest: dict[str, dict[int, JsonObject]] = {}
    for probe in probes:
        if np.isfinite(_value(probe, "accuracy")):
            latest.setdefault(str(probe.get("name", "")), {})[step_of(probe)] = probe
    return {name: [steps[step] for step in sorted(steps)] for name, steps in latest.items()}


def _row(name: str, measured: list[JsonObject], chance: float | None) -> str:
    first, last = measured[0], measured[-1]
    bars, text = _bar(last, "after"), f"<b>{percent(_value(last, 'accuracy'))}</b> {_interval(last)}"
    if len(measured) > 1:
        bars = _bar(first, "before") + bars
        text = f"{percent(_value(first, 'accuracy'))} {_interval(first)} → {text}"
    steps = f"step {whole(step_of(first))}" + (f" → {whole(step_of(last))}" if len(measured) > 1 else "")
    asked = _value(last, "n")
    detail = steps + (f", {number(asked)} questions" if np.isfinite(asked) else "")
    if chance is not None:
        bars += f'<i class="chance" style="left:{chance * 100:.2f}%"></i>'
        detail += f", chance {percent(chance)}"
    return (
        f'<div class="probe"><div class="name">{html.escape(name)}<small>{detail}</small></div>'
        f'<div class="track">{bars}</div><div class="value">{text}</div></div>'
    )


def accuracy_row(name: str, detail: str, measured: JsonObject, chance: float | None = None) -> str:
    """One accuracy alone, of {"accuracy", "low", "high"}."""
    mark = "" if chance is None else f'<i class="chance" style="left:{chance * 100:.2f}%"></i>'
    known = np.isfinite(_value(measured, "accuracy"))
    value = f"<b>{percent(_value(measured, 'accuracy'))}</b> {_interval(measured)}" if known else "–"
    return (
        f'<div class="probe"><div class="name">{html.escape(name)}<small>{html.escape(detail)}</small></div>'
        f'<div class="track">{_bar(measured, "after") if known else ""}{mark}</div><div class="value">{value}</div></div>'
    )


def accuracy_section(title: str, rows: Sequence[str], note: str) -> str:
    """Rows of accuracies on their scale."""
    return (f'<section><h2>{html.escape(title)}</h2>\n<div class="probes">\n{chr(10).join(rows)}\n{SCALE}\n'
            f'<p class="note">{html.escape(note)}</p>\n</div></section>')


def _bar(probe: JsonObject, when: str) -> str:
    accuracy = _value(probe, "accuracy")
    low, high = (_value(probe, key) for key in ("low", "high"))
    bounds = [np.clip(value if np.isfinite(value) else accuracy, 0, 1) * 100 for value in (low, high, accuracy)]
    left, right, dot = bounds
    return (
        f'<i class="{when}" style="left:{left:.2f}%;width:{max(right - left, 0):.2f}%"></i>'
        f'<i class="{when} dot" style="left:{dot:.2f}%"></i>'
    )


def _interval(probe: JsonObject) -> str:
    low, high = _value(probe, "low"), _value(probe, "high")
    return f"<small>{low:.1%} to {high:.1%}</small>" if np.isfinite([low, high]).all() else ""


def _value(probe: JsonObject, key: str) -> float:
    value = from_json_number(probe.get(key))
    return float("nan") if value is None else value

"""What `evaluate --pairs` has found, as sections of a page: from the JSON that it writes."""

import html

from megatron_qm.json_types import JsonObject, list_of, object_of, objects_of, text_of
from megatron_qm.observe.page.probes import GUESS, SCALE, accuracy_row, accuracy_section
from megatron_qm.observe.page.reliability import reliability_chart
from megatron_qm.observe.page.scale import number, percent, whole
from megatron_qm.observe.page.summary import card
from megatron_qm.observe.page.table import Row, Share, table
from megatron_qm.observe.records import from_json_number

_AGREES = 1e-9
_STRATA = 60  # rows; the file has the rest


def pairs_body(found: JsonObject) -> list[str]:
    """Of a scorer, or of a judge that is shown two responses at once."""
    if "prefers_first" in found:
        return [_header(found), _cards_of_judge(found), _orders(found)]
    sections = (_header, _notices, _cards, _accuracies, _matrix, _best_of, _calibration, _slopes)
    return [section(found) for section in sections]


def title_of(found: JsonObject) -> str:
    return f"{found.get('scorer') or found.get('model') or 'pairs'}: {text_of(found, 'pairs').rpartition('/')[2]}"


def _header(found: JsonObject) -> str:
    who = found.get("scorer") or found.get("model")
    by = f" by {who}" if who else ""
    name = text_of(found, "pairs")
    return f"<header><h1>{html.escape(title_of(found))}</h1><p>{html.escape(name + by)}</p></header>"


def _notices(found: JsonObject) -> str:
    said, reasons = [], object_of(found, "unscored_reasons")
    if unscored := _value(found, "unscored"):
        why = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
        said.append(f"{whole(unscored)} pairs have no score and are left out of all numbers ({why}).")
    swapped, expected = (_value(found, key) for key in ("swapped_accuracy", "swapped_expected"))
    if swapped is not None and expected is not None and abs(swapped - expected) > _AGREES:
        said.append(f"With the sides exchanged the accuracy must be {percent(expected)} and is {percent(swapped)}: a score "
                    f"depends on the order that responses are given in (by up to {number(_value(found, 'order_effect'))}).")
    return f'<aside class="notices">{"".join(f"<p>{html.escape(text)}</p>" for text in said)}</aside>' if said else ""


def _cards(found: JsonObject) -> str:
    calibration, tied = found.get("calibration"), found.get("tied")
    fitted = calibration if isinstance(calibration, dict) else {}
    apart = _value(tied, "mean_in_deviations") if isinstance(tied, dict) else None
    first = next(iter(objects_of(found, "slopes")), {})
    made = [
        card("Accuracy", percent(_value(found, "accuracy")), f"{_interval(found)}, n = {whole(_value(found, 'n') or 0)}"),
        card("Longer wins", percent(_value(found, "longer_wins")), "by characters: what length alone would reach"),
        card("Sides exchanged", percent(_value(found, "swapped_accuracy")),
             f"{percent(_value(found, 'swapped_expected'))} expected"),
        card("Equal scores", number(_value(found, "ties")), f"as half: {percent(_value(found, 'accuracy_ties_half'))}"),
        card("Length", _signed(_value(first, "slope")), "standard deviations per doubling, at equal label"),
        card("Calibration error", number(_value(fitted, "ece")), "ECE of sigmoid(difference)"),
        card("Temperature", number(_value(fitted, "temperature")), str(fitted.get("reason") or "fitted on half of the prompts")),
        card("Labelled ties", number(apart), "none in the file" if apart is None else "mean |difference|, in deviations"),
    ]
    return '<section class="cards">' + "".join(made) + "</section>"


def _accuracies(found: JsonObject) -> str:
    strata, longer = object_of(found, "strata"), object_of(found, "longer")
    rows = [accuracy_row("all", _detail(found), found, GUESS)]
    rows += [accuracy_row(name or "no stratum", _detail(object_of(strata, name)), object_of(strata, name), GUESS)
             for name in list(strata)[:_STRATA]]
    rows += [accuracy_row(f"longer wins ({unit})", _detail(object_of(longer, unit)), object_of(longer, unit), GUESS)
             for unit in longer if longer[unit] is not None]
    more = f" {len(strata) - _STRATA:,} more strata are in the JSON." if len(strata) > _STRATA else ""
    return accuracy_section("Accuracy", rows, f"Dots: accuracy; bars: 95% interval. Dashed: what a coin would reach.{more}")


def _matrix(found: JsonObject) -> str:
    if found.get("styles") is None:
        return ""
    styles = object_of(found, "styles")
    names = [str(name).replace("_", " ") for name in list_of(styles, "styles")]
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th>{''.join(_cell(cell) for cell in cells if isinstance(cell, dict))}</tr>"
        for name, cells in zip(names, list_of(styles, "matrix"), strict=True) if isinstance(cells, list)
    )
    levels = [accuracy_row(name, told, object_of(styles, name), GUESS) for name, told in
              (("hard", "the worse one is the more elaborate"), ("normal", "of one style"), ("easy", "the better one is"))]
    body = (f'<div class="scroll"><table class="matrix"><thead><tr><th>better \\ worse</th>{head}</tr></thead>'
            f"<tbody>{rows}</tbody></table></div>")
    return f'<section class="tables"><h2>Styles</h2>{body}<div class="probes">{chr(10).join(levels)}{SCALE}</div></section>'


def _cell(cell: JsonObject) -> str:
    value = _value(cell, "accuracy")
    if value is None:
        return "<td>–</td>"
    kind, share = "good" if value >= GUESS else "poor", abs(value - GUESS) / GUESS
    return (f'<td class="{kind}" style="--share:{share:.3f}"><b>{percent(value)}</b>'
            f"<small>{_interval(cell)}</small></td>")


def _best_of(found: JsonObject) -> str:
    sizes = object_of(found, "best_of")
    measured = {size: object_of(sizes, size) for size in sizes}
    rows = [accuracy_row(f"best of {size}", _detail(one), one, 1 / int(size)) for size, one in measured.items()]
    above = "The better response is above all others. Dashed: a guess."
    parts = [accuracy_section("Best of several", rows, above)] if rows else []
    if found.get("ties_score") is not None:
        ties = object_of(found, "ties_score")
        names = {"score": "score", "tied_accuracy": "all right above all wrong, several right", "margin": "margin",
                 "reference_accuracy": "right above all wrong, one right",
                 "correctness_preferred": "gap wider than the spread of right ones",
                 "correctness_preferred_hard": "the same, with the smaller gap of both questions"}
        cells: list[Row] = [[name, number(_value(ties, key))] for key, name in names.items()]
        note = f"RewardBench 2's ties, {whole(_value(ties, 'n') or 0)} questions with several right answers"
        told = table("Several right answers", ("", ""), cells, len(cells), note=note)
        parts.append(f'<section class="tables">{told}</section>')
    return "\n".join(parts)


def _calibration(found: JsonObject) -> str:
    if found.get("calibration") is None:
        return ""
    calibration = object_of(found, "calibration")
    bins, held_out = objects_of(calibration, "bins"), object_of(calibration, "held_out")
    rows: list[Row] = [[f"{_value(one, 'from') or 0:.0%} to {_value(one, 'to') or 0:.0%}", whole(_value(one, "n") or 0),
                        percent(_value(one, "confidence")), Share(_value(one, "accuracy"))] for one in bins]
    note = f"Not fitted: {calibration.get('reason')}." if _value(calibration, "temperature") is None else (
        f"Temperature {number(_value(calibration, 'temperature'))}; on the other half of the prompts ECE "
        f"{number(_value(held_out, 'ece'))} → {number(_value(held_out, 'ece_with_temperature'))}, "
        f"NLL {number(_value(held_out, 'nll'))} → {number(_value(held_out, 'nll_with_temperature'))}.")
    told = table("How sure, how right", ("confidence", "n", "mean", "right"), rows, len(rows), note=note)
    return (f'<section class="tables"><h2>Calibration</h2><div class="charts">{reliability_chart(bins)}</div>{told}</section>')


def _slopes(found: JsonObject) -> str:
    rows: list[Row] = []
    for slope in objects_of(found, "slopes"):
        beside = f", at equal {slope['beside']}" if slope.get("beside") else ""
        value, low, high = (_signed(_value(slope, key)) for key in ("slope", "low", "high"))
        rows.append([f"per {slope.get('unit')}{beside}", value, str(slope.get("reason") or f"{low} to {high}")])
    note = "In standard deviations of all scores: what the score gains by it, whichever side it is on."
    made = table("Slope of the score at equal label", ("", "slope", "95% interval"), rows, len(rows), note=note)
    return f'<section class="tables">{made}</section>' if made else ""


def _cards_of_judge(found: JsonObject) -> str:
    made = [card(name, percent(_value(object_of(found, key), "share")), detail) for name, key, detail in _JUDGED]
    return '<section class="cards">' + "".join(made) + "</section>"


_JUDGED = (("Prefers the first", "prefers_first", "50% of one who does not look at the place"),
           ("Consistent", "consistent", "one verdict in both orders"), ("Accuracy", "accuracy", "mean of both orders"),
           ("Right in both orders", "accuracy_both_orders", "at a quarter for a coin"))


def _orders(found: JsonObject) -> str:
    rows = []
    for name, key, detail in _JUDGED:
        share = object_of(found, key)
        rows.append(accuracy_row(name, detail, {**share, "accuracy": share["share"]}))
    unscored, n = (whole(_value(found, key) or 0) for key in ("unscored", "n"))
    return accuracy_section("Both orders", rows, f"{n} comparisons asked in both orders; {unscored} more lack a verdict.")


def _detail(measured: JsonObject) -> str:
    ties, unscored = (_value(measured, key) for key in ("ties", "unscored"))
    return f"n = {whole(_value(measured, 'n') or 0)}" + (f", {whole(ties)} equal scores" if ties else "") + (
        f", {whole(unscored)} unscored" if unscored else "")


def _interval(measured: JsonObject) -> str:
    return f"{percent(_value(measured, 'low'))} to {percent(_value(measured, 'high'))}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.3f}"


def _value(measured: JsonObject, key: str) -> float | None:
    return from_json_number(measured.get(key))

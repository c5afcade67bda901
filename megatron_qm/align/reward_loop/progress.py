"""What every round has brought, from the files of its stages: for the terminal, for JSON and for the page."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from megatron_qm.align.annotation.scored import read_margins
from megatron_qm.align.annotation.summary import Share
from megatron_qm.align.reward_loop.judged import Judged, accuracy
from megatron_qm.align.reward_loop.places import AGREEMENT, HELD_OUT, LABELS, MARGINS, Places
from megatron_qm.checkpoint.folder import newest
from megatron_qm.data.text_table import text_table
from megatron_qm.evals.agreement import cohens_kappa
from megatron_qm.json_types import JsonObject, object_of

_GENRM, _MODEL = 0, 1  # places in margins


def progress(places: Places, rounds: int, genrm: bool) -> JsonObject:
    """Of the start and the first `rounds` rounds, which are done. Every model is asked about the same pairs: those of all rounds
    that were drawn at random, and those held out.

    labels: pairs that annotators have read so far. per_point: how many of them each point of accuracy gained since the start has
    cost, on the held-out pairs where there are some; None where nothing was gained."""
    judged = [places.judged(number) for number in range(1, rounds + 1)]
    margins = [read_margins(places.margins(number)) for number in range(1, rounds + 1)]
    margins += [read_margins(places.folder(rounds, "measure") / MARGINS)] if rounds else []
    drawn = [one for some in judged for one in some.to_measure]
    rows = [_row(places, number, judged, accuracy(drawn, margins[number]) if rounds else None) for number in range(rounds + 1)]
    for row in rows:
        row["per_point"] = _per_point(rows[0], row)
    graded = _share(accuracy(drawn, margins[0], _GENRM)) if genrm and rounds else None
    return {"rows": rows, "genrm": graded, "reward_model": str(newest(places.run(rounds))),
            "labels": str(places.annotated(rounds, LABELS)) if rounds else None}


def in_words(found: JsonObject) -> str:
    """As a table."""
    rows = found["rows"]
    assert isinstance(rows, list)
    header = ("round", "labels", "random tenth", "held out", "kappa of second readings", "labels per point")
    return text_table(header, [[str(row["round"] or "start"), row["labels"], _accuracy(row["random"]), _accuracy(row["held_out"]),
                                _kappa(row["kappa"]), _points(row["per_point"])] for row in rows])


def _row(places: Places, number: int, judged: Sequence[Judged], drawn: Share | None) -> JsonObject:
    so_far = judged[:number]
    held_out = places.folder(number, "measure") / HELD_OUT
    again = judged[number - 1].again if number else []
    kappa = cohens_kappa([one for one, _ in again], [other for _, other in again]) if again else None
    return {
        "round": number, "labels": sum(one.read for one in so_far), "trained_on": sum(len(one.to_train) for one in so_far),
        "reasons": _reasons(judged[number - 1]) if number else {}, "random": drawn and _share(drawn),
        "held_out": _held_out(held_out), "kappa": kappa and kappa.to_json(),
        "annotators": json.loads(places.annotated(number, AGREEMENT).read_text())["annotators"] if number else [],
    }


def _reasons(judged: Judged) -> JsonObject:
    """{why chosen: how many of those decided}."""
    return {**Counter(str(object_of(one.pair.line, "selection")["reason"]) for one in judged.decided)}


def _held_out(path: Path) -> JsonObject | None:
    if not path.is_file():
        return None
    told = json.loads(path.read_text())
    strata = {name: _measured(one) for name, one in told["strata"].items()}
    return {**_measured(told), "strata": strata}


def _measured(told: Mapping[str, object]) -> JsonObject:
    return {name: told[name] for name in ("accuracy", "low", "high", "n")}


def _share(share: Share) -> JsonObject:
    low, high = share.interval
    return {"accuracy": share.part / share.total if share.total else None, "low": low, "high": high, "n": share.total}


def _per_point(first: JsonObject, row: JsonObject) -> float | None:
    """Whether so many labels have brought it, or chance, the intervals say."""
    which = "held_out" if row["held_out"] else "random"
    before, after = (one[which] for one in (first, row))
    if not (isinstance(before, dict) and isinstance(after, dict)) or before["accuracy"] is None or after["accuracy"] is None:
        return None
    gained = 100 * (after["accuracy"] - before["accuracy"])
    return int(str(row["labels"])) / gained if gained > 0 and math.isfinite(gained) else None


def _accuracy(told: JsonObject | None) -> str:
    if told is None or told["accuracy"] is None:
        return "-"
    return f"{told['accuracy']:.1%} [{told['low']:.1%}, {told['high']:.1%}] of {told['n']}"


def _kappa(told: JsonObject | None) -> str:
    if told is None or told["kappa"] is None:
        return "-"
    return f"{told['kappa']:.2f} [{told['low']:.2f}, {told['high']:.2f}] of {told['n']}"


def _points(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"

"""What `select` reads beside the pairs, and what it writes: margins by key, earlier selections, lines with their reasons."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from megatron_qm.align.annotation.candidates import Pair, key_in, stratum_of
from megatron_qm.align.annotation.finite import finite_of
from megatron_qm.align.annotation.selection import Choice, Scores
from megatron_qm.align.annotation.similar import nearest
from megatron_qm.json_lines import json_rows, told_with_line
from megatron_qm.json_types import JsonObject

MODELS = ("genrm", "bt")


def read_margins(path: Path) -> dict[str, tuple[float, float]]:
    """{key: margins of both models} of lines {"key", "genrm", "bt"}; null, for a model that said nothing readable, becomes NaN.
    Raises UserError with file and line."""
    found: dict[str, tuple[float, float]] = {}
    for number, row in json_rows(path):
        with told_with_line(path, number):
            key, genrm, bt = key_in(row), *(_margin(row, model) for model in MODELS)
            if key in found:
                raise ValueError(f"the key {key!r:.60} was given before")
        found[key] = genrm, bt
    return found


def read_keys(paths: Iterable[Path]) -> set[str]:
    """Of lines that each have a key, such as earlier selections. Raises UserError with file and line."""
    found = set()
    for path in paths:
        for number, row in json_rows(path):
            with told_with_line(path, number):
                found.add(key_in(row))
    return found


def scores_of(
    pairs: Sequence[Pair], margins: dict[str, tuple[float, float]], errors: Sequence[str], stratum: str | None
) -> Scores:
    """errors: texts of past errors. stratum: the field that tells strata apart; None puts all into one. Raises ValueError for a
    pair without margins or without that field."""
    missing = [pair.key for pair in pairs if pair.key not in margins]
    if missing:
        raise ValueError(f"{len(missing)} of {len(pairs)} pairs have no margins, the first is {missing[0]!r:.60}")
    both_n2 = np.array([margins[pair.key] for pair in pairs], np.float64).reshape(-1, 2)
    near = nearest((pair.text for pair in pairs), errors) if errors else ()
    similarity_n = np.array([one.similarity for one in near]) if errors else np.zeros(len(pairs))
    return Scores(both_n2[:, 0], both_n2[:, 1], similarity_n, [_stratum(pair, stratum) for pair in pairs])


def selected_line(pair: Pair, choice: Choice) -> JsonObject:
    """The pair's own line, with why it was chosen. unbiased: drawn whatever its scores, to measure accuracy by."""
    value = None if choice.value is None or not math.isfinite(choice.value) else round(choice.value, 6)
    return {**pair.line, "selection": {"reason": choice.reason, "unbiased": choice.reason == "random", "value": value}}


def _margin(row: JsonObject, model: str) -> float:
    if model in row and row[model] is None:
        return math.nan
    try:
        return finite_of(row, model, "margin")
    except ValueError as error:
        raise ValueError(f"{error}; null is for a model that said nothing readable") from None


def _stratum(pair: Pair, field: str | None) -> str:
    if field is None:
        return ""
    try:
        if pair.line.get(field) is None:
            raise ValueError(f"{field} = None is no name of a stratum")
        return stratum_of(pair.line, field)
    except ValueError as error:
        raise ValueError(f"the pair {pair.key!r:.60} has {error}") from None

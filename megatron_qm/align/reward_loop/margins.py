"""How much better models take `a` to be than `b`: from what `evaluate --pairs` has written of every response, to the margins that
`select` reads."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from megatron_qm.align.annotation.candidates import Pair, asked_in
from megatron_qm.json_types import JsonObject, list_of, object_of, objects_of, parse_json, text_of

Scores = Mapping[str, Sequence[float | None]]  # of each row, in the order of its responses


def scores_in(path: Path) -> Scores:
    """Of what `evaluate --pairs --output` has written about rows of one chosen response and several rejected ones."""
    return {text_of(row, "key"): [*_several(row, "chosen"), *_several(row, "rejected")]
            for row in objects_of(parse_json(path.read_bytes()), "scores")}


def pool_margins(pairs: Iterable[Pair], model: Scores, second: Scores | None) -> Iterator[JsonObject]:
    """Lines of `select --scores`. second: of another member of the committee, whose margin stands in the place of the generative
    model's where there is none; None takes what that one has graded."""
    for pair in pairs:
        made = object_of(pair.line, "candidate")
        key, (one, other) = text_of(made, "key"), _places(made)
        yield {"key": pair.key, "genrm": made["genrm"] if second is None else _apart(second[key], one, other),
               "bt": _apart(model[key], one, other)}


def pair_margins(pairs: Iterable[Pair], model: Scores) -> Iterator[JsonObject]:
    """As `pool_margins`, of pairs that were scored each by itself, `a` in the place of the chosen one."""
    for pair in pairs:
        yield {"key": pair.key, "genrm": None, "bt": _apart(model[pair.key], 0, 1)}


def without_opinion(pairs: Iterable[Pair]) -> Iterator[JsonObject]:
    """Margins that say nothing, by which `select` draws all alike."""
    for pair in pairs:
        yield {"key": pair.key, "genrm": None, "bt": None}


def as_row(pair: Pair) -> JsonObject:
    """By which `evaluate --pairs` scores both responses of a pair."""
    return {"key": pair.key, **asked_in(pair.line), "chosen": pair.a, "rejected": pair.b}


def _apart(scores: Sequence[float | None], one: int, other: int) -> float | None:
    a, b = scores[one], scores[other]
    return None if a is None or b is None else a - b


def _places(made: JsonObject) -> tuple[int, int]:
    one, other = (int(str(place)) for place in list_of(made, "places"))
    return one, other


def _several(row: JsonObject, side: str) -> list[float | None]:
    scores = row[side]
    return [None if score is None else float(str(score)) for score in (scores if isinstance(scores, list) else [scores])]

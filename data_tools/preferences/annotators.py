"""Annotators who know the gold reward and make mistakes at a rate, for loops without people:

    annotators: {names: [ann, ben], function: "data_tools.preferences.annotators:hasty"}

Their pairs are made of `candidates.jsonl`, whose metadata holds what is asked for.
"""

import random
from collections.abc import Callable, Mapping

from data_tools.preferences.gold import gold
from data_tools.preferences.item import item_of

Annotator = Callable[[Mapping[str, object], str, int], str]
_EQUAL = 1e-9


def annotator(error: float, seed: int = 0) -> Annotator:
    """Says `a`, `b` or `tie` by the gold totals; with probability `error`, one of the other two. That is drawn by the seed, the
    annotator's name, the pair's key and the reading, so that who asks again hears the same.

    Raises ValueError for pairs whose metadata has no reference."""

    def judge(pair: Mapping[str, object], name: str, reading: int) -> str:
        right = verdict(pair)
        draw = random.Random(f"{seed} {name} {pair['key']} {reading}")
        return draw.choice([said for said in ("a", "b", "tie") if said != right]) if draw.random() < error else right

    return judge


def verdict(pair: Mapping[str, object]) -> str:
    """The gold reward's."""
    metadata = pair.get("metadata")
    if not isinstance(metadata, Mapping) or "reference" not in metadata:
        raise ValueError("the pair has no metadata.reference, by which the gold reward measures; make it of candidates.jsonl")
    item = item_of(metadata["reference"])
    lead = gold(item, str(pair["a"])).total - gold(item, str(pair["b"])).total
    return "tie" if abs(lead) < _EQUAL else "a" if lead > 0 else "b"


exact, hasty = annotator(0.0), annotator(0.15)


def one_hasty(pair: Mapping[str, object], name: str, reading: int) -> str:
    """Of several: who is called `ben` errs in 15%, the others never."""
    return (hasty if name == "ben" else exact)(pair, name, reading)

"""Pairs for a reward model from grades: every two responses to a prompt that are far enough apart."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

from megatron_qm.align.annotation.candidates import asked_in
from megatron_qm.align.grading.candidates import Candidates
from megatron_qm.json_types import JsonObject


def pairs_of(
    candidates: Sequence[Candidates], scores: Sequence[Sequence[float | None]], margin: float
) -> tuple[list[JsonObject], Counter[str]]:
    """(lines that `reward-model` and `dpo` read, how many pairs were left out by reason). scores: of the responses of each."""
    lines: list[JsonObject] = []
    left_out: Counter[str] = Counter()
    for one, graded in zip(candidates, scores, strict=True):
        for found in _compared(one, graded, margin):
            if isinstance(found, str):
                left_out[found] += 1
            else:
                lines.append(found)
    return lines, left_out


def _compared(one: Candidates, scores: Sequence[float | None], margin: float) -> Iterator[JsonObject | str]:
    """A line, or why there is none."""
    for places in combinations(range(len(scores)), 2):
        better, worse = sorted(places, key=lambda at: -(scores[at] or 0.0))
        high, low, texts = scores[better], scores[worse], [one.responses[at] for at in (better, worse)]
        if high is None or low is None:
            yield "unscored"
        elif not all(text.strip() for text in texts):
            yield "blank"
        elif texts[0].strip() == texts[1].strip():
            yield "the same text"
        elif high - low < margin:
            yield f"less than {margin:g} apart"
        else:
            yield {"key": f"{one.key}/{better}-{worse}", **asked_in(one.line), "chosen": texts[0], "rejected": texts[1],
                   "margin": round(high - low, 6), **{name: one.line[name] for name in ("stratum",) if name in one.line}}

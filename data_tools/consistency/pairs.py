"""Pairs for a consistency reward model: a response, and the same reasoning with a conclusion that does not follow."""

import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from data_tools.consistency.exchange import other_answer, other_conclusion
from data_tools.consistency.samples import Sample, squashed

Row = dict[str, Any]  # of JSON


def is_held_out(prompt: str, share: float, seed: int) -> bool:
    """By the prompt alone, so that all responses to it are on one side, whatever else the file holds."""
    told = hashlib.blake2b(f"{seed} {squashed(prompt) or prompt}".encode(), digest_size=8).digest()
    return int.from_bytes(told, "big") < share * 2**64


def pairs_of(samples: Sequence[Sample], exchanges: int, seed: int) -> tuple[list[Row], Counter[str]]:
    """(pairs, how many could not be made by reason). exchanges: of conclusions, of each sample; of answers there is one."""
    kinds: dict[str, list[Sample]] = {}
    for sample in samples:
        kinds.setdefault(sample.kind, []).append(sample)
    rows, left_out = dict[tuple[str, str, str], Row](), Counter[str]()
    for sample in samples:
        draw = random.Random(f"{seed} {sample.key}")
        for stratum, conclusion in _drawn(sample, kinds[sample.kind], exchanges, draw):
            rejected = sample.reasoning + conclusion
            same = (squashed(sample.prompt), squashed(sample.response), squashed(rejected))
            if not conclusion:
                left_out[f"no {stratum.partition('_')[0]} to exchange"] += 1
            elif same in rows:
                left_out["the same pair as another"] += 1
            else:
                rows[same] = {"key": f"{sample.key}/{len(rows)}", "prompt": sample.prompt, "chosen": sample.response,
                              "rejected": rejected, "part": "consistency", "stratum": stratum}
    return list(rows.values()), left_out


def _drawn(sample: Sample, others: Sequence[Sample], exchanges: int, draw: random.Random) -> Iterator[tuple[str, str]]:
    """(stratum, conclusion), which is empty where there is none."""
    for _ in range(exchanges):
        yield "conclusion_exchanged", other_conclusion(sample, others, draw)
    if sample.options is not None:
        yield "answer_exchanged", other_answer(sample, draw)

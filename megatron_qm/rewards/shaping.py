"""Rewards on the shape of a response: the format asked for, its length, and what it says again."""

from collections.abc import Sequence

from megatron_qm.rewards.formats import answer_alone, not_kept
from megatron_qm.rewards.metadata import Metadata
from megatron_qm.rewards.outcome import Outcome, Scored


def answer_format(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
    """1 if the response keeps the format `metadata["format"]` (rewards/formats.py; default: json), which is what a strict reading
    asks of it."""
    value = float(answer_alone(response, metadata) is not None)
    return Scored(value, {"format": value}, "the format is kept" if value else not_kept(metadata))


def soft_overlong(length: int, longest: int, buffer: int) -> float:
    """DAPO's soft overlong punishment (arXiv 2503.14476, equation 13), in [-1, 0]: 0 up to longest - buffer tokens, then
    falling in a line to -1 at `longest`."""
    if not 0 < buffer <= longest:
        raise ValueError(f"the buffer ({buffer}) must be in (0, {longest}]")
    return max(-1.0, min(0.0, (longest - buffer - length) / buffer))


def repeated_share(tokens: Sequence[int], ngram: int) -> float:
    """The share of the runs of `ngram` tokens that stood in the response before, in [0, 1]; 0 for shorter responses."""
    runs = [tuple(tokens[start : start + ngram]) for start in range(len(tokens) - ngram + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0

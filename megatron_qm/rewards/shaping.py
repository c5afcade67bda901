"""Rewards on the shape of a response: the format asked for, its length, and what it says again."""

from collections.abc import Sequence

from megatron_qm.rewards.metadata import Metadata, words_of
from megatron_qm.rewards.outcome import Outcome, Scored
from megatron_qm.rewards.reading.clean import answer_part
from megatron_qm.rewards.reading.json_parts import Duplicates, json_values


def answer_format(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
    """1 if the response is at most one <think>...</think> and then one JSON object with the keys of `metadata["keys"]`
    (default: "answer") and nothing more than a fence around it."""
    opened, closed = response.count("<think>"), response.count("</think>")
    if (opened, closed) not in ((0, 0), (1, 1), (0, 1)) or opened and not response.lstrip().startswith("<think>"):
        return Scored(0.0, {"format": 0.0}, "thinking is not one block at the start")
    values, around = json_values(answer_part(response) or "")
    answer = values[0] if len(values) == 1 and not around.strip(" \n`") else None
    value = float(
        isinstance(answer, Duplicates) and not answer.twice
        and all(answer.get(key) for key in words_of(metadata, "keys", ("answer",)))
    )
    return Scored(value, {"format": value}, "one JSON object" if value else "not one JSON object with the keys asked for")


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

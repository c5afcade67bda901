"""Responses as rows of the trainer, one or several to a row, with what the policy's loss asks for beside them.

Axes: n responses, b rows, s tokens of a row.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from megatron_qm.align.rl.experience import Experience
from megatron_qm.align.rl.objective import token_weights
from megatron_qm.align.sft.packing import pack
from megatron_qm.config.rl import RlConfig
from megatron_qm.data.batch import Batch


@dataclass(frozen=True)
class _Place:
    """Response `n` in a row, which needs one token less than prompt and response have: the last is only predicted."""

    n: int
    tokens: int

    def __len__(self) -> int:
        return self.tokens


def layout(experience: Experience, chosen: Sequence[int], longest: int, multiple_of: int, *, packed: bool) -> list[list[int]]:
    """Responses of each row: as many as fit into `longest` tokens, or one each. Rows are as long as `row_length` says."""
    places = [_Place(n, len(experience.rollouts[n].prompt) + len(experience.rollouts[n].tokens) - 1) for n in chosen]
    found = pack(places, longest - longest % multiple_of) if packed else ([place] for place in places)
    return [[place.n for place in row] for row in found]


def row_length(experience: Experience, multiple_of: int) -> int:
    """Tokens of the longest prompt and response, rounded up: of rows that hold one response each."""
    longest = max(len(rollout.prompt) + len(rollout.tokens) for rollout in experience.rollouts) - 1
    return -(-longest // multiple_of) * multiple_of


def rows(experience: Experience, filled: Sequence[Sequence[int]], length: int, config: RlConfig) -> Batch:
    """All that one update learns from: `filled` holds the responses of each row, none in those that only fill up a batch.
    Responses without a score bear no loss."""
    shape = (len(filled), length)
    tokens, labels, positions = (np.zeros(shape, np.int64) for _ in range(3))
    mask, advantage, behaviour = (np.zeros(shape, np.float32) for _ in range(3))
    starts, real, response = np.zeros(shape, bool), np.zeros(shape, bool), np.full(shape, -1, np.int64)
    number = 0
    for b, members in enumerate(filled):
        at = 0
        for n in members:
            rollout = experience.rollouts[n]
            whole = np.array(rollout.prompt + rollout.tokens, np.int64)
            end, first = at + len(whole) - 1, at + len(rollout.prompt) - 1
            tokens[b, at:end], labels[b, first:end] = whole[:-1], rollout.tokens
            positions[b, at:end], starts[b, at], real[b, at:end] = np.arange(end - at), True, True
            mask[b, first:end] = experience.reward_n[n] is not None
            advantage[b, first:end] = experience.advantage_n[n]
            behaviour[b, first:end] = rollout.logprobs  # of the engine's policy at the temperature of the sampling
            response[b, first:end] = number
            at, number = end, number + 1
        if at < length:  # the padding is a document of its own
            positions[b, at:], starts[b, at] = np.arange(length - at), True
    extra = {
        "advantage": advantage, "behaviour_logp": behaviour, "response": np.maximum(response, 0),
        "weight": token_weights(mask, response, config.loss.normalise, config.sampling.max_new_tokens),
    }
    return Batch(tokens_bs=tokens, labels_bs=labels, loss_mask_bs=mask, source_b=np.zeros(len(filled), np.int64),
                 position_ids_bs=positions, real_bs=real, document_starts_bs=starts, extra=extra)

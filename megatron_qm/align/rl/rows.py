"""Responses as rows of the trainer: a prompt and its response each, with what the policy's loss asks for beside them.

Axes: n responses, b rows, s tokens.
"""

from collections.abc import Sequence

import numpy as np

from megatron_qm.align.rl.experience import Experience
from megatron_qm.align.rl.objective import token_weights
from megatron_qm.config.rl import RlConfig
from megatron_qm.data.batch import Batch


def row_length(experience: Experience, multiple_of: int) -> int:
    """Tokens of the longest prompt and response, rounded up; its last token is only predicted."""
    longest = max(len(rollout.prompt) + len(rollout.tokens) for rollout in experience.rollouts) - 1
    return -(-longest // multiple_of) * multiple_of


def rows(experience: Experience, chosen: Sequence[int], length: int, config: RlConfig) -> Batch:
    """One row for each response in `chosen`, all that one update learns from. Responses without a score bear no loss."""
    shape = (len(chosen), length)
    tokens, labels = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    mask, advantage = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    behaviour = np.zeros(shape, np.float32)
    response = np.full(shape, -1, np.int64)
    for b, n in enumerate(chosen):
        rollout = experience.rollouts[n]
        whole = np.array(rollout.prompt + rollout.tokens, np.int64)
        first, last = len(rollout.prompt) - 1, len(whole) - 1
        tokens[b, :last], labels[b, first:last] = whole[:-1], rollout.tokens
        mask[b, first:last] = experience.reward_n[n] is not None
        advantage[b, first:last] = experience.advantage_n[n]
        behaviour[b, first:last] = rollout.logprobs  # of the engine's policy, before temperature and the like
        response[b, first:last] = b
    extra = {
        "advantage": advantage, "behaviour_logp": behaviour, "response": np.maximum(response, 0),
        "weight": token_weights(mask, response, config.loss.normalise, config.sampling.max_new_tokens),
    }
    return Batch(
        tokens_bs=tokens, labels_bs=labels, loss_mask_bs=mask, source_b=np.zeros(len(chosen), np.int64),
        position_ids_bs=np.tile(np.arange(length), (len(chosen), 1)),
        document_starts_bs=np.zeros(shape, bool), extra=extra,
    )

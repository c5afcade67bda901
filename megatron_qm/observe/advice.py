"""What an alarm says: what the number means for the run, and what to look at first."""

from collections.abc import Mapping

from megatron_qm.config.alarms import AlarmConfig
from megatron_qm.observe.records import from_json_number

_LONGEST_REASON = 80  # characters

# {value} and {bound} are written as shares or in nats, as _IN_NATS says.
_ADVICE = {
    "unscored": "{value} of the rollouts could not be scored (bound {bound}): they teach nothing, and what is hard to score "
                "is missing from what is learnt. Look at the reasons: a verifier's deadline, its endpoint or its items.",
    "truncated": "{value} of the rollouts were cut off at the length limit (bound {bound}): their answers are missing and "
                 "count as wrong. Raise the response limit, or look whether the policy repeats itself.",
    "zero_variance": "{value} of the groups have one reward throughout (bound {bound}): they give no gradient. The prompts "
                     "are too easy or too hard for this policy: filter them by pass rate, or let mastered ones leave.",
    "entropy_below": "the entropy of a token is {value} (bound {bound}): the policy hardly explores and groups become "
                     "alike. Raise clip_high or the sampling temperature, lower the learning rate, or go back to an "
                     "earlier checkpoint.",
    "entropy_above": "the entropy of a token is {value} (bound {bound}): the policy is falling apart into noise. Read some "
                     "samples; lower the learning rate, raise the weight of the KL, or go back to an earlier checkpoint.",
    "kl": "the policy is {value} from its reference (bound {bound}): it may have found a way round the reward, and forgets. "
          "Read some samples with high rewards; raise the weight of the KL or lower the learning rate.",
    "clipped": "clipping took the gradient of {value} of the tokens (bound {bound}): updates leave the policy that was "
               "sampled from. Lower the learning rate, take fewer steps per batch, or compare the engine's log-probs.",
    "disagreement": "rules and the model verifier differ on {value} of the items (bound {bound}): one of them is being "
                    "fooled. Read items on which they differ, and run `megatron-qm audit-rewards` on the verifier.",
    "reward_fall": "the mean reward of the last {window} batches is {value} below that of the {window} before (bound "
                   "{bound}): the policy gets worse. See which task falls; compare KL, entropy and the engine's log-probs, "
                   "and go back to an earlier checkpoint.",
    "length_growth": "responses of the last {window} batches are {value} longer than those of the {window} before (bound "
                     "{bound}) and the reward has not risen with them: length itself may be what is rewarded. Compare "
                     "reward against length; normalise the loss by token or constant, or lower the response limit.",
    "unlearnt_loss": "a reward that is measured and not learnt from has lost {value} of what it had gained (bound {bound}; 100% "
                     "where it is lower than at the beginning), "
                     "while the reward that is learnt holds: the policy pleases its rewards and does worse. Read samples; go "
                     "back to the checkpoint at which that reward was highest, raise the weight of the KL, or retrain the reward "
                     "models.",
}
_IN_NATS = ("entropy_below", "entropy_above", "kl")
_PLAIN = ("reward_fall",)


def advice(name: str, value: float, bound: float, config: AlarmConfig) -> str:
    """The sentence of the alarm `name`."""
    write = _nats if name in _IN_NATS else _points if name in _PLAIN else _share
    return _ADVICE[name].format(value=write(value), bound=write(bound), window=config.window)


def top_reason(record: Mapping[str, object]) -> str:
    """The most frequent reason why rollouts of an "rl" record have no score, as one more sentence; else nothing."""
    reasons = record.get("unscored_reasons")
    if not isinstance(reasons, Mapping):
        return ""
    counts = {str(reason): from_json_number(count) or 0.0 for reason, count in reasons.items()}
    if not counts:
        return ""
    reason = " ".join(max(counts, key=counts.__getitem__).split())  # a line of the log stays one line
    return f" Most often: {reason[:_LONGEST_REASON]}."


def _share(value: float) -> str:
    return f"{value:.1%}"


def _nats(value: float) -> str:
    return f"{value:.3g} nats"


def _points(value: float) -> str:
    return f"{value:.3g}"

"""When the health of reinforcement learning calls for a look."""

from dataclasses import dataclass

from megatron_qm.errors import UserError


@dataclass(frozen=True)
class AlarmConfig:
    """Bounds on the records of each batch of rollouts; a bound of null switches its alarm off. An alarm stops nothing:
    it is recorded, logged and shown in the report, once, until the value has come back within its bound."""

    unscored: float | None = 0.05  # share of the rollouts that no verifier could score, above
    truncated: float | None = 0.25  # share of the rollouts cut off at the length limit, above
    zero_variance: float | None = 0.8  # share of the groups whose rollouts all have the same reward, above
    entropy_below: float | None = 0.02  # nats per token: the policy has stopped exploring
    entropy_above: float | None = 4.0  # nats per token: the policy falls apart into noise
    kl: float | None = 0.5  # nats per token from the reference, above (newest record of training)
    clipped: float | None = 0.3  # share of the tokens whose gradient clipping took, above (newest record of training)
    disagreement: float | None = 0.1  # share of the items on which rule and model verifier differ, above
    # Means over the last `window` batches against those over the `window` before them.
    window: int = 10
    reward_fall: float | None = 0.1  # the mean reward (0 to 1) is lower by more than this
    length_growth: float | None = 0.25  # responses are longer by more than this share ...
    length_reward: float = 0.02  # ... while the mean reward has risen by less than this


_SHARES = ("unscored", "truncated", "zero_variance", "clipped", "disagreement", "reward_fall")
_NOT_NEGATIVE = ("entropy_below", "entropy_above", "kl", "length_growth", "length_reward")


def check_alarms(alarms: AlarmConfig, key: str = "alarms") -> None:
    """Raises UserError for a bound that no value, or every value, would pass; `key`: where it stands in the recipe."""
    for name in _SHARES:
        value = getattr(alarms, name)
        if value is not None and not 0 <= value <= 1:
            raise UserError(f"{key}.{name} = {value}: is a share, from 0 to 1 (null switches the alarm off)")
    for name in _NOT_NEGATIVE:
        value = getattr(alarms, name)
        if value is not None and not value >= 0:
            raise UserError(f"{key}.{name} = {value}: must not be negative")
    if alarms.window < 1:
        raise UserError(f"{key}.window = {alarms.window}: must be 1 batch or more")
    below, above = alarms.entropy_below, alarms.entropy_above
    if below is not None and above is not None and below >= above:
        raise UserError(f"{key}.entropy_below = {below} must lie under {key}.entropy_above = {above}")

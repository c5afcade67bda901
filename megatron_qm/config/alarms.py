"""When the health of reinforcement learning calls for a look."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from megatron_qm.config.bounds import NotNegative, Share, check_bounds
from megatron_qm.config.require import require


@dataclass(frozen=True)
class AlarmConfig:
    """Bounds on the records of each batch of rollouts; a bound of null switches its alarm off. An alarm stops nothing:
    it is recorded, logged and shown in the report, once, until the value has come back within its bound."""

    unscored: Share | None = 0.05  # share of the rollouts that no verifier could score, above
    truncated: Share | None = 0.25  # share of the rollouts cut off at the length limit, above
    zero_variance: Share | None = 0.8  # share of the groups whose rollouts all have the same reward, above
    entropy_below: NotNegative | None = 0.02  # nats per token: the policy has stopped exploring
    entropy_above: NotNegative | None = 4.0  # nats per token: the policy falls apart into noise
    kl: NotNegative | None = 0.5  # nats per token from the reference, above (newest record of training)
    clipped: Share | None = 0.3  # share of the tokens whose gradient clipping took, above (newest record of training)
    disagreement: Share | None = 0.1  # share of the items on which rule and model verifier differ, above
    # Means over the last `window` batches against those over the `window` before them.
    window: Annotated[int, Ge(1), Le(1_000_000)] = 10
    reward_fall: Share | None = 0.1  # the mean reward (0 to 1) is lower by more than this
    length_growth: NotNegative | None = 0.25  # responses are longer by more than this share, and length_reward holds
    length_reward: NotNegative = 0.02  # length_growth counts where the mean reward has risen by less than this
    # A reward of weight 0 has lost more than this share of what it had gained (all of it where it is lower than at the
    # beginning), while the reward that is learnt has not fallen.
    unlearnt_loss: Share | None = 0.05


def check_alarms(alarms: AlarmConfig, key: str = "alarms") -> None:
    """Raises UserError for a bound that no value, or every value, would pass; `key`: where it stands in the recipe."""
    check_bounds(alarms, key)
    below, above = alarms.entropy_below, alarms.entropy_above
    require(
        below is None or above is None or below < above,
        f"{key}.entropy_below = {below} must lie under {key}.entropy_above = {above}",
        f"{key}.entropy_below", f"{key}.entropy_above",
    )

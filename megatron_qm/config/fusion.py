"""Several rewards for one response: where each comes from, what it weighs, and how they become one."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval, Le

from megatron_qm.config.bounds import Share
from megatron_qm.config.model import ModelConfig

# In whatever unit a part of a verdict has: verdicts themselves are from 0 to 1.
RewardValue = Annotated[float, Ge(-1e6), Le(1e6)]


@dataclass(frozen=True)
class RewardConfig:
    """One reward. Without `verifier`, `endpoint` and `checkpoint` it is the verdict of the item's own verifier, its task."""

    name: str  # its key in records, in statistics of the reference and in the report
    weight: Annotated[float, Ge(0), Le(1000)] = 1.0  # in the sum; 0: measured and recorded, and not learnt from
    # A further verifier, judged in the same pool: module:function, one that ships, or one that rl.verifiers names. With
    # `endpoint` the name that it is asked for there (default: the item's task).
    verifier: str | None = None
    endpoint: str | None = None  # URL of `megatron-qm serve-rewards`; its token is MEGATRON_QM_REWARD_TOKEN
    # Of a reward model, which every rank holds at the run's layout, frozen: the sigmoid of its score (part: score, the score).
    checkpoint: str | None = None
    dtype: Literal["fp32", "bf16"] | None = None  # of that model's parameters (default: the run's)
    # sha256 of that checkpoint's manifest.json (default: what is found there); where it is stated, another one is refused.
    digest: str | None = None
    # That model's shape, for plans where the checkpoint is not there yet (default: the checkpoint's own).
    model: ModelConfig | None = None
    part: str | None = None  # one part of that verdict instead of its value, such as honesty
    tasks: list[str] = field(default_factory=list)  # only of items with these tasks (default: all)
    target: Annotated[float, Gt(0), Le(1e6)] | None = None  # adaptive: the mean below which it gets more weight


@dataclass(frozen=True)
class CapConfig:
    """The risk that no other reward may outweigh: a response on which `reward` is below `below` gets at most `total`."""

    reward: str  # name of the reward that decides, such as compliance
    below: RewardValue = 0.5  # it has failed where its value is less
    total: RewardValue = 0.0  # the most that the weighted sum of such a response counts, in that sum's unit


@dataclass(frozen=True)
class FusionConfig:
    """How rl.rewards become what a response is worth.

    `sum`: weights times values. `gdpo`: each reward normalised within its group, weighted, summed, and the sum normalised over
    the batch (arXiv 2601.05242). `frozen`: weights times (value - mean) / deviation of the reference policy, measured once.
    `adaptive`: either with weights that follow weakness and redundancy, and a cap on what has failed.
    """

    kind: Literal["sum", "gdpo", "frozen", "adaptive"] = "sum"  # how values become comparable, and whether weights move
    # frozen: JSON of means and deviations that an earlier run has written, OUTPUT/reference-rewards.json (default: measure them)
    statistics: str | None = None
    # frozen: batches of rollouts of the starting weights that they are measured on; all but the first teach nothing
    batches: Annotated[int, Ge(1), Le(10_000)] = 1
    clip: Annotated[float, Gt(0), Le(1000)] = 5.0  # frozen: values count up to so many deviations from the mean
    least_deviation: Annotated[float, Gt(0), Le(1e6)] = 0.01  # frozen: where the reference's responses differ by less
    over: Literal["sum", "frozen"] = "sum"  # adaptive: what the moving weights multiply
    # adaptive: a reward whose mean is at 0 weighs 1 + weakness times as much as one at its target
    weakness: Annotated[float, Ge(0), Le(1000)] = 1.0
    redundancy: Share = 1.0  # adaptive: how far correlated rewards share their weights; 0: not at all
    momentum: Annotated[float, Interval(gt=0, le=1)] = 0.1  # adaptive: of a new batch in the running means
    cap: CapConfig | None = None  # adaptive: what a failure costs, whatever the other rewards say

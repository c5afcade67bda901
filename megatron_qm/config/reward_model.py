"""How a reward model learns from comparisons."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le

from megatron_qm.config.groups import GroupsRun
from megatron_qm.config.model import Head
from megatron_qm.config.preferences import PreferencesConfig


@dataclass(frozen=True)
class RewardLossConfig:
    """d is the score of the better response less that of the worse one, m their margin (what the better one is worth beyond the
    worse), each pair of a prompt's responses counting the same, and each prompt.

    `bradley-terry`: -log sigmoid(d). `margin`: -log sigmoid(d - m) (Llama 2, arXiv 2307.09288, section 3.2.2). `scaled`:
    -m log sigmoid(d) (HelpSteer2-Preference, arXiv 2410.01257). `regression`: (score - value)^2 of each response.
    """

    kind: Literal["bradley-terry", "margin", "scaled", "regression"] = "bradley-terry"  # what a pair costs
    # What a tie costs. ignore: nothing. closeness: -log sigmoid(-|d|), least at d = 0. rao-kupper: -log of the probability that
    # neither wins where a win takes a lead of log(theta) (Rao and Kupper 1967); that lead stands in bradley-terry's wins as well.
    ties: Literal["ignore", "closeness", "rao-kupper"] = "ignore"
    tie_weight: Annotated[float, Gt(0), Le(1000)] = 1.0  # of a tie beside a pair
    theta: Annotated[float, Gt(1), Le(1000)] = 1.5  # of rao-kupper: how many times as good the winner must be
    # What annotators are taken to add to d of a pair where the better response is longer, by doubling of the tokens: the score
    # learns what that leaves. `evaluate --pairs` tells the slope that is left, in standard deviations (after ODIN,
    # arXiv 2402.07319, which learns it in a head of its own).
    length: Annotated[float, Ge(-100), Le(100)] = 0.0
    # Weight of (score + other score)^2, which keeps scores near 0 (arXiv 2312.09244); they are else known up to a constant.
    centre: Annotated[float, Ge(0), Le(1000)] = 0.0


@dataclass(frozen=True)
class RewardModelConfig(PreferencesConfig):
    """What a reward model learns from, and how."""

    loss: RewardLossConfig = field(default_factory=RewardLossConfig)

    @property
    def needs_scores(self) -> bool:
        return self.loss.kind == "regression"


@dataclass(frozen=True)
class RewardModelRun(GroupsRun):
    """A run of `megatron-qm reward-model`: data.sources are made from reward_model.sources."""

    stage: str = "reward-model"
    output: str = "runs/reward-model"
    reward_model: RewardModelConfig = field(default_factory=RewardModelConfig)

    section: ClassVar[str] = "reward_model"

    @property
    def head(self) -> Head:
        return "score"

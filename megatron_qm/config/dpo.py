"""How a policy learns from comparisons directly, without a reward model."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le

from megatron_qm.config.groups import GroupsRun
from megatron_qm.config.preferences import PreferencesConfig


@dataclass(frozen=True)
class DpoLossConfig:
    """h is log p(better) - log p(worse) under the policy, less the same under the reference.

    `sigmoid`: -log sigmoid(beta h) (DPO, arXiv 2305.18290). `ipo`: (h - 1 / (2 beta))^2, of log-probabilities per token (IPO,
    arXiv 2310.12036). `hinge`: max(0, 1 - beta h) (SLiC-HF, arXiv 2305.10425).
    """

    kind: Literal["sigmoid", "ipo", "hinge"] = "sigmoid"  # what a pair costs
    beta: Annotated[float, Gt(0), Le(1000)] = 0.1  # how strongly the policy is held to the reference
    per_token: bool = False  # sigmoid, hinge: of log-probabilities per token, so that longer answers weigh no more; ipo: always
    # Weight of the cross entropy per token of the better response, which keeps its probability from falling (arXiv 2404.19733).
    sft: Annotated[float, Ge(0), Le(1000)] = 0.0


@dataclass(frozen=True)
class DpoConfig(PreferencesConfig):
    """What a policy learns to prefer, and how."""

    loss: DpoLossConfig = field(default_factory=DpoLossConfig)
    reference: str | None = None  # checkpoint of the frozen reference (default: train.start_from)


@dataclass(frozen=True)
class DpoRun(GroupsRun):
    """A run of `megatron-qm dpo`: data.sources are made from dpo.sources."""

    stage: str = "dpo"
    output: str = "runs/dpo"
    dpo: DpoConfig = field(default_factory=DpoConfig)

    section: ClassVar[str] = "dpo"

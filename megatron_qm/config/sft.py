"""What supervised fine-tuning learns from: conversations, in groups with a share each."""

from dataclasses import dataclass, field

from megatron_qm.config.bounds import Epochs, Share, Weight, WeightSchedule
from megatron_qm.config.run_config import RunConfig


@dataclass(frozen=True)
class ConversationsConfig:
    """One task group. `weight` is a share of the tokens, or a schedule [[consumed tokens, weight], ...] for a curriculum
    from simple to composite tasks (report, section 3.2); left out, every group is passed over equally often."""

    name: str  # its key in metrics and the ledger; a file name
    path: str  # JSON lines of conversations; may be a glob
    weight: Weight | WeightSchedule | None = None  # a share of the tokens, or a schedule; null: by the group's size
    # Keys of samples and messages that carry nothing to learn; any other key that no format knows is refused.
    ignore: list[str] = field(default_factory=lambda: ["id"])


@dataclass(frozen=True)
class SftConfig:
    """Conversations to learn from."""

    sources: list[ConversationsConfig] = field(default_factory=list)  # task groups to learn
    validation: list[ConversationsConfig] = field(default_factory=list)  # task groups to validate on
    epochs: Epochs | None = None  # passes over all groups, instead of train.steps
    # Several samples share a row of data.sequence_length tokens, each with attention and positions of its own. Not with CP.
    pack: bool = True
    only_last_answer: bool = False  # earlier answers of a conversation are read, not learnt
    max_left_out: Share = 0.5  # of a group's samples: a run of which more cannot be learnt from does not begin


@dataclass(frozen=True)
class SftRun(RunConfig):
    """A run of `megatron-qm sft`: data.sources are made from sft.sources."""

    stage: str = "sft"
    output: str = "runs/sft"
    sft: SftConfig = field(default_factory=SftConfig)

    @property
    def epochs(self) -> float | None:
        return self.sft.epochs

    @property
    def packing(self) -> str | None:
        return "sft.pack" if self.sft.pack else None

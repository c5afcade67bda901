"""What supervised fine-tuning learns from: conversations, in groups with a share each."""

from dataclasses import dataclass, field
from typing import ClassVar

from megatron_qm.config.groups import GroupsConfig, GroupsRun


@dataclass(frozen=True)
class SftConfig(GroupsConfig):
    """Conversations to learn from."""

    only_last_answer: bool = False  # earlier answers of a conversation are read, not learnt

    @property
    def only_last(self) -> bool:
        return self.only_last_answer

    @property
    def decisive(self) -> dict[str, object]:
        return super().decisive | {"only_last_answer": self.only_last_answer}


@dataclass(frozen=True)
class SftRun(GroupsRun):
    """A run of `megatron-qm sft`: data.sources are made from sft.sources."""

    stage: str = "sft"
    output: str = "runs/sft"
    sft: SftConfig = field(default_factory=SftConfig)

    section: ClassVar[str] = "sft"

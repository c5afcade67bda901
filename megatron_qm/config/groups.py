"""What a stage makes its datasets of: files of samples, in groups with a share each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from megatron_qm.config.bounds import Epochs, Share, Weight, WeightSchedule
from megatron_qm.config.run_config import RunConfig


@dataclass(frozen=True)
class GroupConfig:
    """One task group. `weight` is a share of the tokens, or a schedule [[consumed tokens, weight], ...] for a curriculum
    from simple to composite tasks (report, section 3.2); left out, every group is passed over equally often."""

    name: str  # its key in metrics and the ledger; a file name
    path: str  # JSON lines of samples; may be a glob
    weight: Weight | WeightSchedule | None = None  # a share of the tokens, or a schedule; null: by the group's size
    # Keys of samples and messages that carry nothing to learn; any other key that no format knows is refused.
    ignore: list[str] = field(default_factory=lambda: ["id"])


@dataclass(frozen=True)
class GroupsConfig:
    """Samples to learn from."""

    sources: Sequence[GroupConfig] = field(default_factory=list)  # task groups to learn
    validation: Sequence[GroupConfig] = field(default_factory=list)  # task groups to validate on
    epochs: Epochs | None = None  # passes over all groups, instead of train.steps
    # Several samples share a row of data.sequence_length tokens, each with attention and positions of its own. Not with CP.
    pack: bool = True
    max_left_out: Share = 0.5  # of a group's samples: a run of which more cannot be learnt from does not begin

    @property
    def only_last(self) -> bool:
        """Whether a sample's last answer alone is learnt."""
        return False

    @property
    def packed(self) -> bool:
        """Whether a row's documents have attention and positions of their own."""
        return self.pack

    @property
    def decisive(self) -> dict[str, object]:
        """What of it decides the bytes that are made of a group."""
        return {"pack": self.pack}


@dataclass(frozen=True)
class GroupsRun(RunConfig):
    """A run whose data.sources are made from groups of samples."""

    section: ClassVar[str]  # the key that `groups` stands under

    @property
    def groups(self) -> GroupsConfig:
        groups: GroupsConfig = getattr(self, self.section)
        return groups

    def place_of(self, group: GroupConfig) -> str:
        """What names a group, for messages."""
        return f"{self.section}.{'sources' if group in self.groups.sources else 'validation'}: group {group.name!r}"

    @property
    def epochs(self) -> float | None:
        return self.groups.epochs

    @property
    def epochs_key(self) -> str:
        return f"{self.section}.epochs"

    @property
    def packing(self) -> str | None:
        return f"{self.section}.pack" if self.groups.packed else None

"""What reward models and preference optimisation learn from: responses to one prompt, of which some are better than others."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from megatron_qm.config.groups import GroupConfig, GroupsConfig


@dataclass(frozen=True)
class PairGroupConfig(GroupConfig):
    """A group of pairs, or of more responses to each prompt."""

    # Keys of samples that carry nothing to learn; any other key that no format knows is refused.
    ignore: list[str] = field(default_factory=lambda: ["id", "key", "stratum", "style", "part", "metadata"])


@dataclass(frozen=True)
class PreferencesConfig(GroupsConfig):
    """Responses to compare."""

    sources: Sequence[PairGroupConfig] = field(default_factory=list)  # groups to learn
    validation: Sequence[PairGroupConfig] = field(default_factory=list)  # groups to validate on
    # A prompt is read once for all its responses. Needs attention of ours, which is a CPU's (model/attention.py).
    share_prompt: bool = True

    @property
    def packed(self) -> bool:
        """Always: responses of a row do not see each other."""
        return True

    @property
    def needs_scores(self) -> bool:
        """Whether what a response is worth by itself is learnt, and not which of two is better."""
        return False

    @property
    def decisive(self) -> dict[str, object]:
        return super().decisive | {"share_prompt": self.share_prompt, "needs_scores": self.needs_scores}

"""What the stages that learn from comparisons have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from megatron_qm.align.sft.groups_work import GroupsWork
from megatron_qm.config.groups import GroupsRun
from megatron_qm.config.preferences import PreferencesConfig
from megatron_qm.errors import UserError

if TYPE_CHECKING:
    from megatron_qm.align.sft.writing import Kind

P = TypeVar("P", bound=GroupsRun)


class PreferenceWork(GroupsWork[P]):
    @property
    def kind(self) -> Kind:
        from megatron_qm.align.preferences.samples import COMPARISONS

        return COMPARISONS

    def check(self, config: P) -> None:
        super().check(config)
        assert isinstance(config.groups, PreferencesConfig)
        if config.groups.share_prompt and config.device != "cpu":
            raise UserError(f"{config.section}.share_prompt = true on device = {config.device}: only the attention of CPU runs "
                            f"reads a prompt once for all its responses; set {config.section}.share_prompt=false")
        for key, asked in (("train.z_loss", config.train.z_loss), ("observe.entropy", config.observe.entropy)):
            if asked:
                raise UserError(f"{key} = {str(asked).lower()}: stage {config.stage} learns from comparisons and takes none; "
                                "leave it out")
        if config.parallel.cp > 1:
            raise UserError(f"parallel.cp = {config.parallel.cp}: responses to compare share a row, which context parallelism "
                            "would cut; set parallel.cp=1")

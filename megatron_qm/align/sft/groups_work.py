"""What the stages that make datasets of groups of samples have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

from megatron_qm.config.groups import GroupsRun
from megatron_qm.errors import UserError
from megatron_qm.evals.examination import check_examination
from megatron_qm.identities import check_named, newest_state, verify_named
from megatron_qm.pretrain import check_data, check_weights
from megatron_qm.work import Work

if TYPE_CHECKING:
    from megatron_qm.align.sft.writing import Kind
    from megatron_qm.training import Learning

G = TypeVar("G", bound=GroupsRun)
_LONGEST_NAME = 200  # bytes: a file's name has 255, of which endings take some


class GroupsWork(Work[G]):
    @property
    @abstractmethod
    def kind(self) -> Kind:
        """What samples they are; imported where it is asked for."""

    def need(self, config: G) -> None:
        self._need_data(config)

    def _need_data(self, config: G) -> None:
        if not config.groups.sources:
            raise UserError(f"{config.section}.sources is empty: name a group, for example "
                            f"'{config.section}.sources=[{{name: chat, path: chat.jsonl}}]'")
        if config.data.tokenizer is None:
            raise UserError("data.tokenizer is not set, and train.start_from carries none: name the model's tokenizer folder")

    def check(self, config: G) -> None:
        section = config.section
        names = [group.name for group in (*config.groups.sources, *config.groups.validation)]
        made = [source.name for source in (*config.data.sources, *config.data.validation)]
        if made not in ([], names):  # a resolved config has what was made of the groups
            raise UserError("data.sources and data.validation are for pretraining; "
                            f"{config.stage} takes {section}.sources and {section}.validation")
        for name in names:
            if not name or "/" in name or name.startswith("."):
                raise UserError(f"{section}: the group name {name!r} becomes a file name: use letters, digits, - and _")
            if len(name.encode()) > _LONGEST_NAME:
                raise UserError(f"{section}: the group name {name[:40]!r}... becomes a file name: give it at most "
                                f"{_LONGEST_NAME} bytes, not {len(name.encode())}")
            if names.count(name) > 1:
                raise UserError(f"{section}: the group name {name!r} is given twice (sources and validation share one folder)")
        sizes = 1.0  # of groups whose weight is not given: their rows, which are some
        check_weights({group.name: sizes if group.weight is None else group.weight for group in config.groups.sources},
                      f"{section}.sources")

    def counted(self, config: G) -> G:
        from megatron_qm.align.sft.prepare import counted

        return counted(config, self.kind) if config.groups.sources else config

    def prepare(self, config: G, rank: int, check: Callable[[G], None]) -> G:
        from megatron_qm.align.sft.prepare import prepare

        ready = prepare(config, self.kind, rank, check, self.refuse)
        check_data(ready)
        return ready

    def begins_from(self, config: G) -> list[tuple[str, str | None]]:
        """(the key, the checkpoint that it names) of all whose weights the run reads before its first step."""
        return [("train.start_from", None if newest_state(config) else config.train.start_from)]

    def refuse(self, config: G) -> None:
        """Raises UserError for what the ranks would refuse once the data were made."""
        for key, checkpoint in self.begins_from(config):
            if checkpoint is not None:
                verify_named(key, checkpoint)
        check_examination(config)

    def ready(self, config: G) -> None:
        from megatron_qm.align.sft.prepare import check_groups

        super().ready(config)
        for key, checkpoint in self.begins_from(config):
            if checkpoint is not None:
                check_named(key, checkpoint)
        check_groups(config)

    def data_plan(self, config: G) -> str:
        from megatron_qm.align.sft.prepare import describe

        self._need_data(config)
        return describe(config, self.kind)

    def show(self, config: G, count: int, stream: TextIO) -> None:
        from megatron_qm.align.sft.prepare import show

        self._need_data(config)
        show(config, self.kind, count, stream)

    def read_in(self, run: Path, step: int) -> str:
        from megatron_qm.align.sft.origins import with_origins
        from megatron_qm.data.ledger import documents_of_step

        return with_origins(run, step, documents_of_step(run, step))

    def learning(self, config: G) -> Learning:
        from megatron_qm.training import on_datasets

        return on_datasets(config)

    def drill(self, config: G, folder: Path) -> list[str]:
        return [f"{config.section}.epochs=null"]

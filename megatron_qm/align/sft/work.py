"""The stage that learns answers: conversations become datasets, which the trainer reads like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from megatron_qm.config.sft import SftRun
from megatron_qm.errors import UserError
from megatron_qm.pretrain import check_data
from megatron_qm.work import Work

if TYPE_CHECKING:
    from megatron_qm.training import Learning


class FineTuning(Work[SftRun]):
    epilog = """\
  megatron-qm sft --config sft-tiny-cpu train.start_from=runs/quickstart/run/checkpoints/step-00000450 \\
      'sft.sources=[{name: exams, path: data/exams.jsonl}]'
Model and tokenizer are those of train.start_from where the recipe names none. A sample is a JSON line in one of the formats of
OpenAI (`messages`), ShareGPT and NeMo-Aligner (`conversations`), Alpaca (`instruction` and `output`), or with `prompt` and
`completion`, `input` and `output`. --show 20 shows what is learnt of them.
"""

    def need(self, config: SftRun) -> None:
        if not config.sft.sources:
            raise UserError("sft.sources is empty: name a group, for example 'sft.sources=[{name: chat, path: chat.jsonl}]'")
        if config.data.tokenizer is None:
            raise UserError("data.tokenizer is not set, and train.start_from carries none: name the model's tokenizer folder")

    def check(self, config: SftRun) -> None:
        sft = config.sft
        names = [group.name for group in (*sft.sources, *sft.validation)]
        made = [source.name for source in (*config.data.sources, *config.data.validation)]
        if made not in ([], names):  # a resolved config has what was made of the groups
            raise UserError("data.sources and data.validation are for pretraining; sft takes sft.sources and sft.validation")
        for name in names:
            if not name or "/" in name or name.startswith("."):
                raise UserError(f"sft: the group name {name!r} becomes a file name: use letters, digits, - and _")
            if names.count(name) > 1:
                raise UserError(f"sft: the group name {name!r} is given twice (sources and validation share one folder)")

    def counted(self, config: SftRun) -> SftRun:
        from megatron_qm.align.sft.prepare import counted

        return counted(config) if config.sft.sources else config

    def prepare(self, config: SftRun, rank: int, check: Callable[[SftRun], None]) -> SftRun:
        from megatron_qm.align.sft.prepare import prepare

        ready = prepare(config, rank, check)
        check_data(ready)
        return ready

    def data_plan(self, config: SftRun) -> str:
        from megatron_qm.align.sft.prepare import describe

        self.need(config)
        return describe(config)

    def show(self, config: SftRun, count: int, stream: TextIO) -> None:
        from megatron_qm.align.sft.prepare import show

        self.need(config)
        show(config, count, stream)

    def read_in(self, run: Path, step: int) -> str:
        from megatron_qm.align.sft.origins import with_origins
        from megatron_qm.data.ledger import documents_of_step

        return with_origins(run, step, documents_of_step(run, step))

    def learning(self, config: SftRun) -> Learning:
        from megatron_qm.training import on_datasets

        return on_datasets(config)

    def drill(self, config: SftRun, folder: Path) -> list[str]:
        return ["sft.epochs=null"]

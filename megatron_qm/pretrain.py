"""The stage that reads indexed datasets: pretraining, from scratch or continued."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from megatron_qm.config.require import BrokenRuleError
from megatron_qm.config.run import RunConfig
from megatron_qm.data.blend import Mixture, Weight
from megatron_qm.data.reader import BatchReader
from megatron_qm.errors import UserError, in_key
from megatron_qm.identities import newest_state
from megatron_qm.work import Work

if TYPE_CHECKING:
    from megatron_qm.training import Learning


class Pretraining(Work[RunConfig]):
    epilog = """\
  megatron-qm pretrain --config tiny-cpu 'data.sources=[{name: medical, prefix: data/medical}]'
  megatron-qm pretrain --config qwen3-1.7b-h100 train.start_from=checkpoints/qwen3-1.7b ...
"""

    def check(self, config: RunConfig) -> None:
        check_weights({source.name: source.weight for source in config.data.sources}, "data.sources")

    def need(self, config: RunConfig) -> None:
        if not config.data.sources:
            raise UserError(
                "data.sources is empty: name at least one dataset, for example "
                "'data.sources=[{name: medical, prefix: data/medical}]'"
            )
        _check_files(config)

    def prepare(self, config: RunConfig, rank: int, check: Callable[[RunConfig], None]) -> RunConfig:
        check(config)
        if rank:  # the first has been asked whether it is ready
            check_data(config)
        return config

    def ready(self, config: RunConfig) -> None:
        super().ready(config)
        check_data(config)

    def data_plan(self, config: RunConfig) -> str:
        from megatron_qm.data.plan import plan_sources, render

        tokens = config.total_steps * config.tokens_per_step
        return "\n".join([
            f"{tokens:,} tokens: {config.total_steps:,} steps of {config.tokens_per_step:,}",
            render(plan_sources(config.data.sources, tokens, config.data.block_size)),
        ])

    def read_in(self, run: Path, step: int) -> str:
        from megatron_qm.data.ledger import render_step

        return render_step(run, step)

    def learning(self, config: RunConfig) -> Learning:
        from megatron_qm.training import on_datasets

        return on_datasets(config)

    def drill(self, config: RunConfig, folder: Path) -> list[str]:
        """A dataset of random tokens where the recipe names none: the drill is about the machine, not about medicine."""
        from megatron_qm.drills.data import random_dataset

        if config.data.sources:
            return []
        folder.mkdir(parents=True, exist_ok=True)
        return [random_dataset(folder.resolve() / "random", config.model.vocab_size)]


def check_weights(weights: Mapping[str, Weight], key: str) -> None:
    """Raises BrokenRuleError for those that leave nothing to read at some time of the run."""
    try:
        if weights:
            Mixture(weights)
    except UserError as error:
        raise BrokenRuleError(f"{key}: {error}", key) from None


def check_data(config: RunConfig) -> None:
    """Whether the datasets can be opened, hold a sequence, and are those that the run has read before: said before any rank
    starts."""
    with in_key("data.sources"):
        reader = BatchReader.from_config(replace(config.data, verify_checksums=False), config.model.vocab_size)
    for source, dataset in zip(reader.sources, reader.datasets, strict=True):
        if dataset.tokens < reader.sequence_length:
            raise UserError(
                f"data.sources: {source.name}: {source.prefix}.bin holds {dataset.tokens:,} tokens, fewer than one sequence "
                f"(data.sequence_length = {reader.sequence_length:,}): every sequence would hold it more than once; join it "
                "with others (`megatron-qm data merge`), leave it out, or train on shorter sequences"
            )
    before = newest_state(config)
    if before is not None:
        reader.restore(before.data, config.data.allow_removed)


def _check_files(config: RunConfig) -> None:
    for kind, sources in (("sources", config.data.sources), ("validation", config.data.validation)):
        for source in sources:
            for suffix in (".bin", ".idx"):
                path = Path(source.prefix + suffix)
                if not path.is_file():
                    raise UserError(
                        f"data.{kind}: {source.name}: there is no {path}; "
                        "make it with `python data_tools/preprocess.py --output-prefix " + source.prefix + " ...`"
                    )

"""Decontamination as a stage of build_corpus.py."""

from dataclasses import dataclass, field
from pathlib import Path

from data_tools.corpus.contamination.config import ContaminationConfig
from data_tools.corpus.contamination.items import Item, read_items
from data_tools.corpus.contamination.run import by_sets, prepare, write_kept
from data_tools.corpus.report import sample_record
from data_tools.corpus.stage import WholeResult, WholeWork
from megatron_qm.config.hints import Scalar
from megatron_qm.errors import UserError

REMOVED = "removed.jsonl"  # beside the output


@dataclass(frozen=True)
class DecontaminateConfig(ContaminationConfig):
    """Which evaluations, and when a document holds one of their items."""

    against: dict[str, Scalar] = field(default_factory=dict)  # {name: file}: JSON lines of an evaluation's items

    def __post_init__(self) -> None:
        if not self.against:
            raise UserError("decontaminate: against is empty: name the files of evaluations, as in against: {medqa: medqa.jsonl}")


def items_are_there(config: DecontaminateConfig) -> None:
    """Raises UserError for a set that cannot be read."""
    _items(config)


def decontaminate(config: DecontaminateConfig, work: WholeWork) -> WholeResult:
    """Beside the output is a line for each document that went, with the items that it holds."""
    corpus, items = work.corpus(), _items(config)
    index, look = prepare(corpus, items, config, work.workers)
    removed = work.output.with_name(REMOVED)
    tally = write_kept(corpus, index, look, work.output, removed, work.workers, work.seed)
    samples = [sample_record(one, corpus.files) for one in tally.samples]
    return WholeResult(tally.counts, samples, {"sets": by_sets(tally, index, items)})


def _items(config: DecontaminateConfig) -> dict[str, list[Item]]:
    for name, file in config.against.items():
        if not Path(str(file)).is_file():
            raise UserError(f"decontaminate: against.{name} = {file}: is no file that is there")
    return {name: read_items(Path(str(file))) for name, file in config.against.items()}

"""What a run will read, before it starts: tokens and epochs per source, in closed form from the weights."""

from collections.abc import Sequence
from dataclasses import dataclass

from megatron_qm.data.blend import Mixture
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.data.reader import Source, open_source
from megatron_qm.data.text_table import text_table

# Up to four epochs repeated tokens are worth nearly as much as new ones, after that less and less
# (Muennighoff et al. 2023, "Scaling Data-Constrained Language Models").
MANY_EPOCHS = 4
FEW_BLOCKS = 64  # below this many blocks an epoch is hardly shuffled


@dataclass(frozen=True)
class SourcePlan:
    """One source of a run: what it holds, and what is read of it (in expectation, within one sequence)."""

    name: str
    documents: int
    dataset_tokens: int
    tokens: float
    share: float  # of the run's tokens
    epochs: float
    warnings: tuple[str, ...]


def plan_sources(sources: Sequence[Source], total_tokens: int, block_size: int) -> list[SourcePlan]:
    """What a run of `total_tokens` reads of each source. Raises UserError as opening and blending them would."""
    datasets = [open_source(source) for source in sources]
    due = Mixture({source.name: source.weight for source in sources}).due(total_tokens)
    return [
        _plan_source(source.name, dataset, tokens, total_tokens, block_size)
        for source, dataset, tokens in zip(sources, datasets, due, strict=True)
    ]


def render(rows: Sequence[SourcePlan]) -> str:
    """The rows as a text table, with a total and the warnings below."""
    header = ("source", "documents", "tokens held", "tokens read", "share", "epochs")
    cells = [_cells(row.name, row.documents, row.dataset_tokens, row.tokens, row.share) for row in rows]
    documents, held = sum(row.documents for row in rows), sum(row.dataset_tokens for row in rows)
    cells.append(_cells("total", documents, held, sum(row.tokens for row in rows), sum(row.share for row in rows)))
    warnings = [f"warning: {row.name}: {warning}" for row in rows for warning in row.warnings]
    return "\n".join([text_table(header, cells), *warnings])


def _cells(name: str, documents: int, held: int, read: float, share: float) -> tuple[str, ...]:
    return name, f"{documents:,}", f"{held:,}", f"{read:,.0f}", f"{share:.2%}", f"{read / held:.2f}"


def _plan_source(name: str, dataset: IndexedDataset, tokens: float, total_tokens: int, block_size: int) -> SourcePlan:
    epochs = tokens / dataset.tokens
    blocks = dataset.tokens // block_size
    warnings = []
    if epochs > MANY_EPOCHS:
        warnings.append(f"is read {epochs:.1f} times; more than {MANY_EPOCHS} epochs teach less and less")
    if tokens == 0:
        warnings.append("is never read: its weight is 0 throughout")
    elif blocks < FEW_BLOCKS:
        warnings.append(
            f"has only {blocks} full blocks of {block_size} tokens, so its order is hardly shuffled; lower "
            f"data.block_size to {max(dataset.tokens // FEW_BLOCKS, 1)} or less"
        )
    return SourcePlan(name, dataset.documents, dataset.tokens, tokens, tokens / total_tokens, epochs, tuple(warnings))

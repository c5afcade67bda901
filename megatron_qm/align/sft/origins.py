"""Which lines of which files a step of fine-tuning has read."""

from collections.abc import Sequence
from pathlib import Path

from megatron_qm.data.ledger import DocumentSpan, recorded_step
from megatron_qm.data.text_table import text_table
from megatron_qm.errors import UserError


def with_origins(run: Path, step: int, spans: Sequence[DocumentSpan]) -> str:
    """The samples of a step as a text table. Raises UserError where the origins of a group are gone."""
    reader, _ = recorded_step(run, step)
    lines = {source["name"]: _origins(Path(f"{source['prefix']}.origin")) for source in reader["sources"]}
    rows = [(span.sequence, span.source, span.epoch, lines[span.source][span.document], span.tokens) for span in spans]
    samples = [row for row in rows if row[3] != "padding"]
    return "\n".join([f"step {step}: {len({row[0] for row in rows})} rows, {len(samples)} samples",
                      text_table(("row", "group", "epoch", "sample", "tokens"), samples)])


def _origins(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}; it says which line each sample came from") from None

"""What a run has made of a corpus: OUTPUT/report.json, and the page that shows it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_tools.corpus.config import Asked
from data_tools.corpus.passes import CorpusPass
from data_tools.corpus.table import counts_by_field
from megatron_qm.files import write_json

FORMAT = "megatron-qm corpus 1"


def write_report(asked: Asked, done: Sequence[tuple[CorpusPass, dict[str, Any]]]) -> Path:
    """The page, beside the JSON that it is drawn from."""
    output = Path(asked.config.output)
    found = corpus_report(asked, done)
    write_json(output / "report.json", found)
    return output / "report.json"


def corpus_report(asked: Asked, done: Sequence[tuple[CorpusPass, dict[str, Any]]]) -> dict[str, Any]:
    output = Path(asked.config.output)
    last, manifest = done[-1]
    return {
        "format": FORMAT,
        "output": str(output),
        "documents": manifest["documents"],
        "bytes": _bytes_kept(manifest),
        "passes": [{"folder": str(item.folder), "seconds": of["seconds"], "steps": of["steps"]} for item, of in done],
        "by": counts_by_field(output / "documents.parquet") if last.folder.name == "corpus" else {},
    }


def _bytes_kept(manifest: dict[str, Any]) -> int:
    kept: int = manifest["steps"][-1]["bytes"]["kept"]
    return kept

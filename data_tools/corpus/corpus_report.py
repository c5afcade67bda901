"""What a run has made of a corpus: OUTPUT/report.json, and the page that shows it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_tools.corpus.config import Asked
from data_tools.corpus.grading.rules import GRADES
from data_tools.corpus.page import render_corpus
from data_tools.corpus.passes import CorpusPass
from data_tools.corpus.table import TABLE, counts_by_field
from data_tools.corpus.tokens import WHOLE, prefix_of
from megatron_qm.files import write_json

FORMAT = "megatron-qm corpus 1"


def write_report(asked: Asked, done: Sequence[tuple[CorpusPass, dict[str, Any]]]) -> Path:
    """The page, beside the JSON that it is drawn from."""
    output = Path(asked.config.output)
    found = corpus_report(asked, done)
    write_json(output / "report.json", found)
    return render_corpus(found, output / "report.html")


def corpus_report(asked: Asked, done: Sequence[tuple[CorpusPass, dict[str, Any]]]) -> dict[str, Any]:
    output = Path(asked.config.output)
    last, manifest = done[-1]
    whole = last.folder.name == "corpus"
    return {
        "format": FORMAT,
        "output": str(output),
        "documents": manifest["documents"],
        "bytes": _bytes_kept(manifest),
        "passes": [{"folder": str(item.folder), "seconds": of["seconds"], "steps": of["steps"]} for item, of in done],
        "by": counts_by_field(output / TABLE) if whole else {},
        "tokens": _tokens(asked) if whole else None,
    }


def _tokens(asked: Asked) -> int | None:
    """Of the datasets, where some are made."""
    if asked.config.preprocess is None:
        return None
    names = GRADES if asked.config.preprocess.training else (WHOLE,)
    manifests = [path for name in names if (path := Path(f"{prefix_of(asked.config, name)}.json")).exists()]
    return sum(int(json.loads(path.read_bytes())["tokens"]) for path in manifests) or None


def _bytes_kept(manifest: dict[str, Any]) -> int:
    kept: int = manifest["steps"][-1]["bytes"]["kept"]
    return kept

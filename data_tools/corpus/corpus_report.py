"""What a run has made of a corpus: OUTPUT/report.json, and the page that shows it."""

import json
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from data_tools.corpus.config import Asked
from data_tools.corpus.covering import MISSING, read_coverage
from data_tools.corpus.grading.rules import GRADES
from data_tools.corpus.page import render_corpus
from data_tools.corpus.passes import CorpusPass
from data_tools.corpus.table import TABLE, counts_by_field, phi_by_language
from data_tools.corpus.tokens import WHOLE, prefix_of
from megatron_qm.errors import UserError
from megatron_qm.files import write_json

FORMAT = "megatron-qm corpus 1"
PLACES = "phi-samples.jsonl"  # of `deidentify.py --samples`, where somebody has put it beside the report
_SHOWN = 100  # points that are missing


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
        "phi": _phi(asked, output) if whole else None,
        "coverage": _coverage(output) if whole and asked.config.coverage else None,
    }


def _phi(asked: Asked, output: Path) -> dict[str, Any] | None:
    """What was replaced in the documents that are left, by language; None where nothing was looked for."""
    found = phi_by_language(output / TABLE)
    looked_for = any(stage.name == "deidentify" for stage, _ in asked.stages)
    if not looked_for and not any(of["touched"] for of in found.values()):
        return None
    return {"by language": found, "samples": _places(output / PLACES)}


def _places(path: Path) -> dict[str, Any]:
    """How many places there are to read, by type. Raises UserError for a file that is none."""
    try:
        rows = map(json.loads, path.read_bytes().splitlines()) if path.exists() else []
        found = Counter(str(row["type"]) for row in rows)
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: holds no places as `deidentify.py --samples` writes them: take it away") from None
    return {"file": str(path), "places": dict(sorted(found.items()))}


def _coverage(output: Path) -> dict[str, Any]:
    with open(output / MISSING, encoding="utf-8") as lines:
        first = [json.loads(line) for line in islice(lines, _SHOWN)]
    return {**read_coverage(output), "first missing": first, "list": str(output / MISSING)}


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

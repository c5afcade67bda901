"""Indexed datasets of a corpus, beside each the side table of its documents; and the recipe that weighs them."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from data_tools.corpus.config import CorpusConfig
from data_tools.corpus.table import write_table_of_dataset
from data_tools.options import Options
from data_tools.pipeline import preprocess
from data_tools.stopping import StopRequest
from megatron_qm.errors import UserError
from megatron_qm.files import write_text

WHOLE = "corpus"  # the dataset of all documents
_LONGEST_DOCUMENT = 1 << 30  # what the corpus kept is not measured again


def prefix_of(config: CorpusConfig, name: str = WHOLE) -> Path:
    return Path(config.output) / "dataset" / name


def make_tokens(
    config: CorpusConfig, name: str, folder: Path, manifest: dict[str, Any], table: Path, workers: int, again: bool,
    stop: StopRequest,
) -> int:  # fmt: skip
    """OUTPUT/dataset/NAME.bin, .idx, .json and .documents.parquet of the shards in `folder`, whose documents `table` lists;
    returns its tokens. again: whatever is there. Raises UserError and Interrupted."""
    assert config.preprocess is not None
    prefix, asked = prefix_of(config, name), config.preprocess
    options = Options(
        input=[str(folder / shard["name"]) for shard in manifest["shards"] if shard["documents"]], output_prefix=str(prefix),
        tokenizer=asked.tokenizer, append_eod=asked.append_eod, eod_token=asked.eod_token,
        split_special_tokens=asked.split_special_tokens, max_document_bytes=_LONGEST_DOCUMENT, workers=workers,
        commit_seconds=config.commit_seconds, resume=not again, overwrite=again,
    )  # fmt: skip
    try:
        preprocess(options, stop)
    except UserError as error:
        raise UserError(f"preprocess: {error} (here: --redo preprocess)") from None
    made = json.loads(Path(f"{prefix}.json").read_bytes())
    target = Path(f"{prefix}.documents.parquet")
    rows = write_table_of_dataset(table, manifest, _left_out(Path(f"{prefix}.rejects")), made["checksums"]["bin"], target)
    if rows != made["documents"]:
        target.unlink()
        raise UserError(f"{target}: {rows:,} documents where {prefix}.json says {made['documents']:,}; --redo preprocess")
    return int(made["tokens"])


def write_recipe(config: CorpusConfig, tokens: Mapping[str, int], weights: Mapping[str, float]) -> None:
    """OUTPUT/dataset/recipe.yaml: a dataset is read by its size times the weight of its grade. tokens: of each dataset."""
    sources = [{"name": name, "prefix": os.path.abspath(prefix_of(config, name)), "weight": float(count * weights[name])}
               for name, count in tokens.items()]  # fmt: skip
    head = "# For --config after a recipe: sources by grade, each weighing its tokens times the weight of the grade.\n"
    body = yaml.safe_dump({"data": {"sources": sources}}, sort_keys=False, allow_unicode=True)
    write_text(prefix_of(config, "recipe").with_suffix(".yaml"), head + body)


def _left_out(rejects: Path) -> set[tuple[str, int]]:
    """(name of the shard, line from 1)."""
    rows = map(json.loads, rejects.read_bytes().splitlines()) if rejects.exists() else []
    return {(Path(row["file"]).name, row["line"]) for row in rows}

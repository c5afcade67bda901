"""The indexed dataset of a corpus, and beside it the side table of its documents."""

import json
from pathlib import Path
from typing import Any

from data_tools.corpus.config import CorpusConfig
from data_tools.corpus.table import write_table_of_dataset
from data_tools.options import Options
from data_tools.pipeline import preprocess
from data_tools.stopping import StopRequest
from megatron_qm.errors import UserError

_LONGEST_DOCUMENT = 1 << 30  # what the corpus kept is not measured again


def prefix_of(config: CorpusConfig) -> Path:
    return Path(config.output) / "dataset" / "corpus"


def make_tokens(
    config: CorpusConfig, folder: Path, manifest: dict[str, Any], workers: int, again: bool, stop: StopRequest
) -> None:
    """OUTPUT/dataset/corpus.bin, .idx, .json and .documents.parquet. again: whatever is there. Raises UserError and
    Interrupted."""
    assert config.preprocess is not None
    prefix, asked = prefix_of(config), config.preprocess
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
    made = json.loads(prefix.with_suffix(".json").read_bytes())
    table = Path(config.output) / "documents.parquet"
    target = Path(f"{prefix}.documents.parquet")
    rows = write_table_of_dataset(table, manifest, _left_out(Path(f"{prefix}.rejects")), made["checksums"]["bin"], target)
    if rows != made["documents"]:
        target.unlink()
        raise UserError(f"{target}: {rows:,} documents where {prefix}.json says {made['documents']:,}; --redo preprocess")


def _left_out(rejects: Path) -> set[tuple[str, int]]:
    """(name of the shard, line from 1)."""
    rows = map(json.loads, rejects.read_bytes().splitlines()) if rejects.exists() else []
    return {(Path(row["file"]).name, row["line"]) for row in rows}

"""All stages one after another, on one machine. On a cluster each stage is a job: `write_signatures` an array task a shard,
`candidates_of_bands` one a band, on files of a folder that all see."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from data_tools.corpus.duplicates.config import DuplicatesConfig
from data_tools.corpus.duplicates.decide import write_near
from data_tools.corpus.duplicates.sets import write_sets
from data_tools.corpus.duplicates.signatures import check_best, write_signatures
from data_tools.corpus.duplicates.tables import (
    Tables,
    candidates_of_bands,
    join_candidates,
    locate_pairs,
    name_removed,
    order_verified,
    places_of_candidates,
    rank_documents,
)
from data_tools.corpus.duplicates.verify import write_verified
from data_tools.corpus.rows import Corpus, Refused


@dataclass
class Found:
    """What a run came to. seconds: of each stage, by the clock. passed_over: pairs that are no candidates, as very many documents
    met in one band. compared: candidates but for those whose sizes are too unlike for the threshold."""

    documents: int = 0
    text_bytes: int = 0
    exact: int = 0
    near: int = 0
    candidates: int = 0
    compared: int = 0
    under_half: int = 0
    reaching: int = 0
    passed_over: int = 0
    refused: list[Refused] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        self.seconds[stage] = round(time.monotonic() - began, 3)

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        removed = {kind: values.pop(kind) for kind in ("exact", "near")}
        return {**values, "refused": len(self.refused), "removed": removed}


def find_duplicates(corpus: Corpus, config: DuplicatesConfig, folder: Path, workers: int = 1, shards: int = 1) -> Found:
    """Leaves `removed.parquet` in `folder`, which is there, empty and only for this."""
    found, tables = Found(), Tables(folder, config.memory_gib, workers)
    keys: set[str] = set()
    with found.timed("signatures"):
        for shard in range(shards):
            counts = write_signatures(corpus, config, folder / f"signatures-{shard}.parquet", shard, shards, workers)
            found.documents += counts.documents
            found.text_bytes += counts.text_bytes
            found.refused += counts.refused
            keys |= counts.keys
        check_best(config.best, keys, found.documents)
    with found.timed("exact"):
        rank_documents(tables)
    with found.timed("bands"):
        candidates_of_bands(tables, config, range(config.bands))
        found.candidates, found.passed_over = join_candidates(tables, config.bands)
    with found.timed("verification"):
        places_of_candidates(tables)
        write_sets(corpus, tables, config.shingle, workers)
        locate_pairs(tables, config.threshold)
        found.compared, found.under_half, found.reaching = write_verified(tables, config.threshold, workers)
    with found.timed("decisions"):
        order_verified(tables)
        write_near(tables, found.documents)
        kinds = name_removed(tables)
        found.exact, found.near = kinds.get("exact", 0), kinds.get("near", 0)
    return found

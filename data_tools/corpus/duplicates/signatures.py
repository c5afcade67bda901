"""Stage 1: of each document its place, its rank's reasons, a digest of its units and one key for each band, in Parquet."""

from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_tools.corpus.duplicates.config import DuplicatesConfig
from data_tools.corpus.duplicates.parquet import writing
from data_tools.corpus.extra import needed
from data_tools.corpus.grading.rules import GRADES
from data_tools.corpus.rows import Corpus, Piece, Refused, Row, pieces, rows_of
from data_tools.corpus.units import Hashes, Units, batches, bytes_of, grams, mixed, read_units
from data_tools.corpus.workers import outcomes
from data_tools.sources.parse import BadLine
from megatron_qm.errors import UserError
from megatron_qm.json_types import nearest

NO_GRADE = "no grade"
_SEED = 1
_SHOWN = 12  # keys


@dataclass(frozen=True)
class Signed:
    """What stage 1 makes of a piece: columns of Parquet, the lines that hold no document, bytes of text, keys beside it."""

    columns: dict[str, Any]
    refused: list[Refused]
    text_bytes: int
    keys: frozenset[str]


@dataclass(frozen=True)
class Counts:
    documents: int
    text_bytes: int
    refused: list[Refused]
    keys: frozenset[str]  # that some document has


def write_signatures(corpus: Corpus, config: DuplicatesConfig, file: Path, shard: int, shards: int, workers: int) -> Counts:
    """Those of one shard's documents, to `file`. Shards need not know of each other."""
    documents = text_bytes = 0
    refused: list[Refused] = []
    keys: set[str] = set()
    with writing(file, _schema(config)) as write:
        for signed in outcomes(partial(sign_piece, config), pieces(corpus, shard, shards), workers):
            write(signed.columns)
            documents += len(signed.columns["place"])
            text_bytes += signed.text_bytes
            refused += signed.refused
            keys |= signed.keys
    return Counts(documents, text_bytes, refused, frozenset(keys))


def sign_piece(config: DuplicatesConfig, piece: Piece) -> Signed:
    rows, refused = rows_of(piece)
    keys = frozenset[str]().union(*(row.document.known for row in rows))
    graded = []
    for row in rows:
        try:
            graded.append((_grade(row, config.best), row))
        except BadLine as error:
            refused.append(Refused(row.place, row.line, *error.args))
    rows = [row for _, row in graded]
    texts = [row.document.text for row in rows]
    units = [read_units(batch) for batch in batches(texts)]
    columns: dict[str, Any] = {
        "place": np.array([row.place for row in rows], np.int64),
        "id": [None if name is None else str(name) for name in (row.document.known.get("id") for row in rows)],
        "line": np.array([row.line for row in rows], np.int64),
        "grade": np.array([grade for grade, _ in graded], np.uint8),
        "length": np.array([len(text) for text in texts], np.int32),
        "digest": [digest for batch, some in zip(batches(texts), units, strict=True) for digest in _digests(batch, some)],
    }
    columns |= _band_keys([grams(some, config.shingle) for some in units], config)
    return Signed(columns, refused, bytes_of(texts), keys)


def check_best(key: str, keys: Collection[str], documents: int) -> None:
    """Raises UserError for the key of a grade that no document has: all would be taken for ungraded. keys: that some have."""
    if key and documents and key not in keys:
        near = nearest(key, sorted(keys))
        have = ", ".join(sorted(keys)[:_SHOWN]) or "none but the text"
        there = f"did you mean {near!r}?" if near else f"their keys are {have};"
        raise UserError(f"deduplicate.best (--best) = {key!r}: none of {documents:,} documents has this key; {there} leave it "
                        "out where nothing is graded")


def _grade(row: Row, key: str) -> int:
    """0 for A, 4 for E, 5 for none. Raises BadLine for another."""
    value = row.document.known.get(key) if key else None
    if value is None:
        return len(GRADES)
    if value not in GRADES:
        raise BadLine(NO_GRADE, f"{key} = {value!r:.60}: A, B, C, D or E is meant")
    return GRADES.index(value)


def _digests(texts: Sequence[str], units: Units) -> list[bytes]:
    """Equal where all units are; of a text without any, where the texts are."""
    found = []
    for text, start, end in zip(texts, units.starts.tolist(), units.ends.tolist(), strict=True):
        data = units.hashes[start:end].tobytes() or text.encode()
        found.append(blake2b(data, digest_size=16).digest())
    return found


def _band_keys(shingles: Sequence[Units], config: DuplicatesConfig) -> dict[str, Any]:
    """Column by column; of documents without units empty, as they meet nobody."""
    import pyarrow

    hashes = [_minhashes(some, config.hashes) for some in shingles]
    matrix = np.concatenate(hashes) if hashes else np.zeros((0, config.hashes), np.uint32)
    empty = np.concatenate([some.ends == some.starts for some in shingles]) if hashes else np.zeros(0, bool)
    keys = _keys(matrix, config)
    return {band_column(band): pyarrow.array(keys[:, band], mask=empty) for band in range(config.bands)}


def _minhashes(shingles: Units, count: int) -> NDArray[np.uint32]:
    rensa = needed("rensa")
    offsets = np.concatenate([np.zeros(1, np.int64), shingles.ends]).astype(np.uint64)
    matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(shingles.hashes, offsets, count, _SEED)
    rows = b"".join(array("I", row) for row in matrix.to_rows())  # much quicker than numpy reads lists
    return np.frombuffer(rows, np.uint32).reshape(-1, count)


def _keys(hashes: NDArray[np.uint32], config: DuplicatesConfig) -> Hashes:
    """[documents, bands]: one number for the hashes of a band, in their order."""
    cells = hashes.reshape(-1, config.bands, config.rows)
    keys = np.zeros(cells.shape[:2], np.uint64)
    for row in range(config.rows):
        keys = mixed(keys ^ cells[:, :, row])
    return keys


def band_column(band: int) -> str:
    return f"band_{band}"


def _schema(config: DuplicatesConfig) -> Any:
    import pyarrow

    fields = [("place", pyarrow.int64()), ("id", pyarrow.string()), ("line", pyarrow.int64()), ("grade", pyarrow.uint8()),
              ("length", pyarrow.int32()), ("digest", pyarrow.binary())]
    return pyarrow.schema(fields + [(band_column(band), pyarrow.uint64()) for band in range(config.bands)])

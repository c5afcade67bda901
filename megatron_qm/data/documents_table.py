"""PREFIX.documents.parquet: for each document of a dataset where it comes from (data_tools/corpus/table.py writes it)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.data.text_table import text_table
from megatron_qm.errors import UserError

if TYPE_CHECKING:
    import pyarrow.parquet

SHARED = ("source", "licence", "grade")
_COLUMNS = ("id", *SHARED, "file", "line")
_MADE_OF = b"made_of"
_UNKNOWN = "not said"


@dataclass(frozen=True)
class Origin:
    """Of a document. place: file and line."""

    id: str
    source: str
    licence: str
    grade: str
    place: str


def origins(prefix: str, documents: Iterable[int]) -> dict[int, Origin] | None:
    """Of those `documents` of the dataset; None where it has no such table. Raises UserError for a table of another dataset."""
    path = Path(f"{prefix}.documents.parquet")
    if not path.is_file():
        return None
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    try:
        with parquet.ParquetFile(path) as file:
            _check(path, file, IndexedDataset.open(prefix))
            return dict(_rows(file, sorted(set(documents))))
    except (arrow.ArrowException, OSError, KeyError) as error:
        raise UserError(f"{path}: cannot be read: {str(error)[:200]}; copy it again with its dataset, or take it away") from None


def render_shares(tokens: Sequence[tuple[Origin | None, int]]) -> str:
    """Shares of the tokens of a step by source, licence and grade. tokens: where a document comes from, and its tokens read."""
    total = sum(count for _, count in tokens) or 1
    parts = []
    for key in SHARED:
        sums: dict[str, int] = {}
        for origin, count in tokens:
            name = getattr(origin, key) if origin else _UNKNOWN
            sums[name] = sums.get(name, 0) + count
        ordered = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
        parts.append(text_table((key, "tokens", "share"), [(name, count, f"{count / total:.1%}") for name, count in ordered]))
    return "\n\n".join(parts)


def _check(path: Path, file: "pyarrow.parquet.ParquetFile", dataset: IndexedDataset) -> None:
    metadata: Mapping[bytes, bytes] = file.schema_arrow.metadata or {}
    checksum = dataset.manifest.checksums["bin"] if dataset.manifest else None
    rows = file.metadata.num_rows
    if rows != dataset.documents or checksum and metadata.get(_MADE_OF) != checksum.encode():
        raise UserError(f"{path}: is of another dataset than {dataset.bin_path} ({rows:,} documents, and {dataset.documents:,} "
                        "in the dataset): make both again, or take it away")


def _rows(file: "pyarrow.parquet.ParquetFile", documents: Sequence[int]) -> Iterable[tuple[int, Origin]]:
    """Row groups without one of `documents`, which rise, are not read."""
    first = at = 0
    for group in range(file.num_row_groups):
        stop = first + file.metadata.row_group(group).num_rows
        wanted = []
        while at < len(documents) and documents[at] < stop:
            wanted.append(documents[at])
            at += 1
        if wanted:
            table = file.read_row_group(group, columns=list(_COLUMNS)).take([document - first for document in wanted])
            for document, row in zip(wanted, table.to_pylist(), strict=True):
                yield document, _origin(row)
        first = stop


def _origin(row: Mapping[str, object]) -> Origin:
    named = {key: _UNKNOWN if row[key] is None else str(row[key]) for key in ("id", *SHARED)}
    place = _UNKNOWN if row["file"] is None else f"{row['file']}:{row['line']}"
    return Origin(**named, place=place)

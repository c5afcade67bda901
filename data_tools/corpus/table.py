"""The side table: a row for each document by its place in the corpus, or in the dataset that was made of it. It tells of any
token where it comes from."""

import hashlib
import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import pyarrow as arrow
import pyarrow.compute as compute
import pyarrow.parquet as parquet
import zstandard

from megatron_qm.errors import UserError
from megatron_qm.files import atomic_write

TABLE = "documents.parquet"  # in the folder of a corpus
FIELDS = ("source", "licence", "kind", "type", "language", "grade")  # that documents are counted by
_SCHEMA = arrow.schema([
    ("id", arrow.string()), *((name, arrow.dictionary(arrow.int32(), arrow.string())) for name in FIELDS),
    ("file", arrow.string()), ("line", arrow.int64()), ("bytes", arrow.int64()),
    ("phi", arrow.list_(arrow.struct([("type", arrow.string()), ("values", arrow.int64())]))),  # what deidentify replaced
])  # fmt: skip
_ROWS = 1 << 15
_MADE_OF = b"made_of"


def write_table(folder: Path, manifest: dict[str, Any], target: Path) -> None:
    """A row for each document of the shards in `folder`, in their order; left alone where it is there and of the same."""
    made_of = _digest([*_SCHEMA.names, *(shard["sha256"] for shard in manifest["shards"])])
    if _made_of(target) == made_of:
        return
    rows = (_row(line) for shard in manifest["shards"] for line in _lines(folder / shard["name"]))
    count = _write(target, rows, made_of)
    if count != manifest["documents"]:
        target.unlink()
        raise UserError(f"{folder}: holds {count:,} documents where its manifest says {manifest['documents']:,}: take the folder "
                        "away, and it is made again")


def write_table_of_dataset(
    table: Path, manifest: dict[str, Any], left_out: set[tuple[str, int]], checksum: str, target: Path
) -> int:
    """The rows of `table` without those of (name of a shard, line from 1) that the dataset left out; how many there are."""
    if _made_of(target) == checksum:
        return int(parquet.read_metadata(target).num_rows)
    return _write(target, _kept(table, manifest, left_out), checksum)


def counts_by_field(table: Path) -> dict[str, dict[str, dict[str, int]]]:
    """{field: {value: {"documents", "bytes"}}}, the most bytes first; grades from A on."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    with parquet.ParquetFile(table) as file:
        for name in FIELDS:
            sums: dict[str, list[int]] = {}
            for batch in file.iter_batches(batch_size=_ROWS, columns=[name, "bytes"], use_threads=False):
                grouped = arrow.table([batch.column(0).cast(arrow.string()), batch.column(1)], names=["value", "bytes"])
                for row in grouped.group_by("value").aggregate([("bytes", "sum"), ("bytes", "count")]).to_pylist():
                    entry = sums.setdefault(row["value"] or "", [0, 0])
                    entry[0] += row["bytes_count"]
                    entry[1] += row["bytes_sum"]
            ordered = sorted(sums.items(), key=_by_grade if name == "grade" else _by_bytes)
            found[name] = {value: {"documents": documents, "bytes": size} for value, (documents, size) in ordered}
    return found


def phi_by_language(table: Path) -> dict[str, dict[str, Any]]:
    """{language: {"documents", "touched", "values": {type: number}}}, the most documents first; touched: that hold any."""
    documents, touched = Counter[str](), Counter[str]()
    values: dict[str, Counter[str]] = defaultdict(Counter)
    with parquet.ParquetFile(table) as file:
        for batch in file.iter_batches(batch_size=_ROWS, columns=["language", "phi"], use_threads=False):
            languages, phi = batch.column(0).cast(arrow.string()).fill_null(""), batch.column(1)
            for row in compute.value_counts(languages).to_pylist():
                documents[row["values"]] += row["counts"]
            for row in compute.value_counts(languages.filter(phi.is_valid())).to_pylist():
                touched[row["values"]] += row["counts"]
            kinds, counts = compute.list_flatten(phi).flatten()
            of = arrow.table([languages.take(compute.list_parent_indices(phi)), kinds, counts], ["language", "type", "values"])
            for row in of.group_by(["language", "type"]).aggregate([("values", "sum")]).to_pylist():
                values[row["language"]][row["type"]] += row["values_sum"]
    return {language: {"documents": count, "touched": touched[language], "values": dict(sorted(values[language].items()))}
            for language, count in sorted(documents.items(), key=lambda item: (-item[1], item[0]))}  # fmt: skip


def _by_grade(item: tuple[str, list[int]]) -> tuple[int, str]:
    return 0, item[0] or "not said"


def _by_bytes(item: tuple[str, list[int]]) -> tuple[int, str]:
    return -item[1][1], item[0]


def _row(line: bytes) -> tuple[Any, ...]:
    """In the order of _SCHEMA."""
    known = orjson.loads(line)
    origin = known.get("origin") or {}
    text = known["text"]
    size = len(text) if text.isascii() else len(text.encode())
    return (*map(_text, map(known.get, ("id", *FIELDS))), _text(origin.get("file")), origin.get("line"), size,
            _counts(known.get("phi_counts")))  # fmt: skip


def _lines(path: Path) -> Iterator[bytes]:
    with open(path, "rb") as stream:
        if path.suffix == ".zst":
            reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
            yield from io.BufferedReader(reader, 1 << 20)
        else:
            yield from stream


def _kept(table: Path, manifest: dict[str, Any], left_out: set[tuple[str, int]]) -> Iterator[tuple[Any, ...]]:
    places = ((shard["name"], line + 1) for shard in manifest["shards"] for line in range(shard["documents"]))
    with parquet.ParquetFile(table) as file:
        for batch in file.iter_batches(batch_size=_ROWS, use_threads=False):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                if next(places) not in left_out:
                    yield row


def _write(target: Path, rows: Iterable[tuple[Any, ...]], made_of: str) -> int:
    count, left = 0, iter(rows)
    schema = _SCHEMA.with_metadata({_MADE_OF: made_of})
    with atomic_write(target) as stream, parquet.ParquetWriter(stream, schema, compression="zstd") as writer:
        while batch := list(islice(left, _ROWS)):
            columns = [arrow.array(values, of.type) for values, of in zip(zip(*batch, strict=True), schema, strict=True)]
            writer.write_batch(arrow.RecordBatch.from_arrays(columns, schema=schema))
            count += len(batch)
    return count


def _made_of(path: Path) -> str | None:
    """What a table was made of; None where there is none, or another kind of file."""
    try:
        metadata = parquet.read_schema(path).metadata or {}
    except (OSError, arrow.ArrowException):
        return None
    return metadata[_MADE_OF].decode() if _MADE_OF in metadata else None


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _counts(value: object) -> list[dict[str, object]] | None:
    """Of a document's `phi_counts`; a source may mean something else by that name."""
    pairs = value.items() if isinstance(value, dict) else []
    return [{"type": kind, "values": count} for kind, count in pairs if type(count) is int and 0 < count < 1 << 32] or None


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)

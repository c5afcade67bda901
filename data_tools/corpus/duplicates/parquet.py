"""Files between stages: whole or not there."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from megatron_qm.files import atomic_write

_ROWS = 1 << 16  # gathered before they are written: a group of rows of Parquet
_READ_ROWS = 1 << 14
_PLAIN = {"compression": "none", "use_dictionary": False}  # hashes and places: nothing to be gained


@contextmanager
def writing(file: Path, schema: Any) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A function that appends columns of equal length to `file`, which is there when the block ends without an error."""
    import pyarrow
    from pyarrow import parquet

    waiting: list[Any] = []

    def append(columns: dict[str, Any]) -> None:
        waiting.append(pyarrow.table(columns, schema))
        if sum(table.num_rows for table in waiting) >= _ROWS:
            flush()

    def flush() -> None:
        if waiting:
            writer.write_table(pyarrow.concat_tables(waiting))
            waiting.clear()

    with atomic_write(file) as stream, parquet.ParquetWriter(stream, schema, **_PLAIN) as writer:
        yield append
        flush()


def batches_of(file: Path, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Columns of a file as numpy arrays (texts as lists), some thousand rows at a time."""
    import pyarrow
    from pyarrow import parquet

    with parquet.ParquetFile(file) as reader:
        for batch in reader.iter_batches(_READ_ROWS, columns=list(names)):
            yield {name: column.to_pylist() if pyarrow.types.is_string(column.type) else column.to_numpy(zero_copy_only=False)
                   for name, column in zip(batch.schema.names, batch.columns, strict=True)}

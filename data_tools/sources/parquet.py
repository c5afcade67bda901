"""Blocks of the text column of a Parquet file, row group by row group."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from data_tools.sources.blocks import Block, Position
from data_tools.sources.inputs import Input, Share
from megatron_qm.errors import UserError

if TYPE_CHECKING:
    import pyarrow.parquet

_ROWS_AT_ONCE = 1024


def check_parquet(item: Input, text_key: str) -> None:
    """Raise UserError unless `item` is a Parquet file with a text column named `text_key`."""
    import pyarrow as arrow

    with _open(item) as file:
        schema = file.schema_arrow
        if text_key not in schema.names:
            raise UserError(f"{item.path}: no column {text_key!r} (--text-key); it has {', '.join(schema.names)}")
        kind = schema.field(text_key).type
        text = arrow.types.is_string(kind) or arrow.types.is_large_string(kind)
        if not text and not (arrow.types.is_dictionary(kind) and arrow.types.is_string(kind.value_type)):
            raise UserError(f"{item.path}: column {text_key!r} holds {kind}, not text")


def read_parquet_blocks(item: Input, share: Share, at: Position, text_key: str) -> Iterator[Block]:
    """Blocks of the row groups that start in `share`, from row `at.offset`. Raises UserError for a damaged file."""
    import pyarrow as arrow

    with _open(item) as file:
        groups = file.num_row_groups
        row = 0
        for group in range(groups):
            rows = file.metadata.row_group(group).num_rows
            starts = item.size * group // groups
            mine = share.start <= starts < share.stop
            if mine and row + rows > at.offset:
                skip = max(0, at.offset - row)
                consumed = item.size * (group + 1) // groups
                try:
                    yield from _read_group(file, group, text_key, Position(at.input, row, row), skip, consumed)
                except (arrow.ArrowException, OSError) as error:
                    raise UserError(f"{item.path}: row group {group} cannot be read: {error}") from None
            row += rows


def _read_group(
    file: "pyarrow.parquet.ParquetFile", group: int, text_key: str, at: Position, skip: int, consumed: int
) -> Iterator[Block]:
    """Rows of one row group after the first `skip`; its first row is number `at.offset` of the file."""
    row = at.offset
    for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, row_groups=[group], columns=[text_key], use_threads=False):
        column = batch.column(0)
        if hasattr(column, "dictionary_decode"):
            column = column.dictionary_decode()
        start = min(skip, len(column))
        skip -= start
        row += start
        cells = list(column.slice(start))
        if cells:
            end = Position(at.input, row + len(cells), row + len(cells))
            yield Block(at.input, row, len(cells), cells, end, consumed, None, row == 0)
            row += len(cells)


def _open(item: Input) -> "pyarrow.parquet.ParquetFile":
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    try:
        # Page by page instead of whole column chunks: a row group may be gigabytes.
        return parquet.ParquetFile(item.path, buffer_size=1 << 20, pre_buffer=False)
    except (arrow.ArrowException, OSError) as error:
        raise UserError(f"{item.path}: not a readable Parquet file: {error}") from None

"""Blocks of the text column of a Parquet file, row group by row group."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from data_tools.sources.blocks import Block, Damage, Position
from data_tools.sources.inputs import Input, Share
from megatron_qm.errors import UserError

if TYPE_CHECKING:
    import pyarrow.parquet

_ROWS_AT_ONCE = 1024
_TEXTS = ("string", "large_string", "string_view")


def check_parquet(item: Input, text_key: str) -> None:
    """Raise UserError unless `item` is a Parquet file with a text column named `text_key`."""
    import pyarrow as arrow

    with _open(item) as file:
        groups = sum(file.metadata.row_group(group).num_rows for group in range(file.num_row_groups))
        if groups != file.metadata.num_rows:
            raise UserError(f"{item.path}: not a readable Parquet file: its footer says {file.metadata.num_rows} rows, and "
                            f"{groups} in its row groups")
        schema = file.schema_arrow
        found = schema.names.count(text_key)
        if found != 1:
            what = f"{found} columns" if found else "no column"
            raise UserError(f"{item.path}: {what} {text_key!r} (--text-key); it has {', '.join(schema.names)}")
        kind = schema.field(text_key).type
        if str(kind.value_type if arrow.types.is_dictionary(kind) else kind) not in _TEXTS:
            raise UserError(f"{item.path}: column {text_key!r} holds {kind}, not text")


def read_parquet_blocks(item: Input, share: Share, at: Position, column: str | None) -> Iterator[Block]:
    """Blocks of the row groups that start in `share`, from row `at.offset`; a damaged one ends with its last good rows.

    column: whose cells they hold; None for whole rows.
    """
    import pyarrow as arrow

    with _open(item) as file:
        groups = file.num_row_groups
        row = 0
        for group in range(groups):
            rows = file.metadata.row_group(group).num_rows
            starts = item.size * group // groups
            mine = share.start <= starts < share.stop
            if mine and row + rows > at.offset:
                consumed = item.size * (group + 1) // groups
                reached = max(row, at.offset)
                try:
                    for block in _read_group(file, group, column, Position(at.input, row, row), reached - row, consumed):
                        reached = block.end.offset
                        yield block
                    if reached != row + rows:
                        raise arrow.ArrowInvalid(f"it holds {reached - row} rows where the footer says {rows}")
                except (arrow.ArrowException, OSError) as error:
                    # In rows: asked for the place of a damaged group in the file, the library may end the process.
                    reason = f"row group {group} cannot be read to its end: {' '.join(str(error).split())}"
                    end = Position(at.input, row + rows, row + rows)
                    damage = Damage(reached, end.offset - reached, reason, unit="row")
                    yield Block(at.input, reached, 0, [], end, consumed, damage=damage)
            row += rows


def _read_group(
    file: "pyarrow.parquet.ParquetFile", group: int, name: str | None, at: Position, skip: int, consumed: int
) -> Iterator[Block]:
    """Rows of one row group after the first `skip`; its first row is number `at.offset` of the file."""
    row = at.offset
    columns = None if name is None else [name]
    for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE, row_groups=[group], columns=columns, use_threads=False):
        column = batch.to_struct_array() if name is None else batch.column(name)
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
        return parquet.ParquetFile(item.path, buffer_size=1 << 20, pre_buffer=False, page_checksum_verification=True)
    except (arrow.ArrowException, OSError) as error:
        raise UserError(f"{item.path}: not a readable Parquet file: {error}") from None

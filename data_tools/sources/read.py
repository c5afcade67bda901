"""One stream of blocks over all inputs of a shard, from any position."""

from collections.abc import Iterator, Sequence

from data_tools.sources.blocks import TOO_LONG, Block, Position, Reject
from data_tools.sources.decompress import DamagedStream
from data_tools.sources.inputs import Input, Share
from data_tools.sources.lines import read_line_blocks, read_pieces
from data_tools.sources.parquet import read_parquet_blocks


def read_blocks(
    inputs: Sequence[Input], shares: Sequence[Share], start: Position, column: str | None, block_bytes: int, limit: int
) -> Iterator[Block]:
    """Blocks of all shares in order, beginning at `start`; documents over `limit` bytes come as faults.

    column: what is read of Parquet; None for whole rows.
    """
    for share in shares:
        if share.input < start.input:
            continue
        at = start if share.input == start.input else Position(share.input, 0, 0)
        item = inputs[share.input]
        if item.kind == "parquet":
            yield from read_parquet_blocks(item, share, at, column)
        elif item.kind == "file":
            if at.offset == 0:
                yield _whole_file(item, share.input, limit)
        else:
            yield from read_line_blocks(item, share, at, block_bytes, limit)


def _whole_file(item: Input, number: int, limit: int) -> Block:
    """A file that is one document."""
    parts, size = [], 0
    fault = damage = None
    try:
        for piece, _ in read_pieces(item, 0, limit + 1):
            parts.append(piece)
            size += len(piece)
            if size > limit:
                fault = Reject(0, TOO_LONG, f"more than --max-document-bytes {limit}")
                parts = []
                break
    except DamagedStream as error:
        damage = error.damage
    return Block(number, 0, 1, b"".join(parts), Position(number + 1, 0, 0), item.size, fault, True, damage)

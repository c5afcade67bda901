"""Blocks of whole lines from plain and compressed files, in bounded memory however long a line or its expansion is."""

from collections.abc import Iterator

from data_tools.sources.blocks import TOO_LONG, Block, Damage, Position, Reject
from data_tools.sources.decompress import DamagedStream, decompress
from data_tools.sources.inputs import Input, Share

Pieces = Iterator[tuple[bytes, int]]  # (decompressed bytes, bytes of the file on disk consumed so far)

_SCAN_BYTES = 1 << 20


def read_line_blocks(item: Input, share: Share, at: Position, block_bytes: int, limit: int) -> Iterator[Block]:
    """Blocks of `item` from `at` to the end of `share`; lines over `limit` bytes come as faults.

    `at.offset` 0 in a share that starts inside the file means its first line there.
    """
    if not item.compression:
        at = at._replace(offset=at.offset or first_line_start(item, share.start))
    return _cut(read_pieces(item, at.offset, block_bytes, share.stop), at, limit)


def read_pieces(item: Input, offset: int, piece_bytes: int, stop: int | None = None) -> Pieces:
    """The file's content from byte `offset` of what it holds decompressed; a plain file to the line of byte `stop` - 1.

    Pieces hold about `piece_bytes`. Raises DamagedStream where the compressed stream breaks.
    """
    if item.compression:
        return _decompressed_pieces(item, offset, piece_bytes)
    return _plain_pieces(item, offset, item.size if stop is None else stop, piece_bytes)


def first_line_start(item: Input, start: int) -> int:
    """Offset of the first line that starts at or after byte `start`; the file's size if there is none."""
    if start == 0:
        return 0
    position = start - 1
    with open(item.path, "rb", buffering=0) as stream:
        stream.seek(position)
        while piece := stream.read(_SCAN_BYTES):
            newline = piece.find(b"\n")
            if newline >= 0:
                return position + newline + 1
            position += len(piece)
    return position


def lines_before(item: Input, offset: int) -> int:
    """How many lines end before byte `offset` of a plain file."""
    count = 0
    with open(item.path, "rb", buffering=0) as stream:
        while offset > 0 and (piece := stream.read(min(_SCAN_BYTES, offset))):
            count += piece.count(b"\n")
            offset -= len(piece)
    return count


def _plain_pieces(item: Input, offset: int, stop: int, block_bytes: int) -> Pieces:
    """Bytes from `offset` to the end of the line that holds byte `stop` - 1; cut at multiples of `block_bytes` in the file, so
    that a run that is resumed sees the same blocks."""
    if offset >= stop:
        return
    with open(item.path, "rb", buffering=0) as stream:
        stream.seek(offset)
        while piece := stream.read(block_bytes - offset % block_bytes):
            end = offset + len(piece)
            if end >= stop and (newline := piece.find(b"\n", max(0, stop - 1 - offset))) >= 0:
                yield piece[: newline + 1], offset + newline + 1
                return
            offset = end
            yield piece, offset


def _decompressed_pieces(item: Input, skip: int, piece_bytes: int) -> Pieces:
    """Decompressed bytes after the first `skip`. Raises DamagedStream after the last good ones."""
    with open(item.path, "rb", buffering=0) as stream:
        for piece in decompress(stream, item.compression or "", piece_bytes):
            skipped = min(skip, len(piece))
            skip -= skipped
            if skipped < len(piece):
                yield piece[skipped:], stream.tell()


def _cut(pieces: Pieces, at: Position, limit: int) -> Iterator[Block]:
    """Cut a stream at its last newline per piece; a line that outgrows `limit` is skipped as it streams by."""
    number, offset, line = at
    pending: list[bytes] = []
    held = 0  # bytes in `pending`
    skipping = 0  # bytes so far of a line over the limit
    consumed = 0
    damage: Damage | None = None

    def block(data: bytes, size: int, lines: int, fault: Reject | None = None) -> Block:
        nonlocal offset, line
        starts_input = offset == 0
        offset, line = offset + size, line + lines
        return Block(number, line - lines, lines, data, Position(number, offset, line), consumed, fault, starts_input)

    def too_long(size: int) -> Reject:
        return Reject(line, TOO_LONG, f"{size} bytes, over --max-document-bytes {limit}")

    try:
        for piece, consumed in pieces:  # noqa: B007 (read in block())
            if skipping:
                newline = piece.find(b"\n")
                if newline < 0:
                    skipping += len(piece)
                    continue
                skipping += newline
                yield block(b"", skipping + 1, 1, too_long(skipping))
                skipping, piece = 0, piece[newline + 1 :]
            cut = piece.rfind(b"\n") + 1
            if cut:
                data = b"".join([*pending, piece[:cut]])
                yield block(data, len(data), data.count(b"\n"))
                pending, held = [], 0
            if cut < len(piece):
                pending.append(piece[cut:])
                held += len(piece) - cut
            if held > limit:
                pending, held, skipping = [], 0, held
    except DamagedStream as error:
        damage = error.damage
    if skipping:
        yield _last(block(b"", skipping, 1, too_long(skipping)), damage)
    elif held or damage:
        yield _last(block(b"".join(pending), held, 1 if held else 0), damage)


def _last(block: Block, damage: Damage | None) -> Block:
    """What a damaged file holds behind `block` is not read again when a run resumes there."""
    return block._replace(damage=damage, end=Position(block.input + 1, 0, 0)) if damage else block

"""A source as an endless stream of tokens: epoch after epoch, each in a shuffled order of fixed-size blocks.

Any position of the stream is found in O(1): there is nothing to build at start-up and nothing to save but the position.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from megatron_qm.data.permutation import Permutation


@dataclass(frozen=True)
class Span:
    """Tokens [start, start + length) of the dataset, which the stream reads in this order during `epoch`."""

    epoch: int
    start: int
    length: int

    @property
    def stop(self) -> int:
        return self.start + self.length


@dataclass(frozen=True)
class EpochOrder:
    """The order of one epoch: full blocks permuted, and the short block that is left over put in among them.

    Every token of the dataset stands at exactly one offset in [0, tokens).
    """

    tokens: int
    block_size: int
    permutation: Permutation
    tail_slot: int  # the left-over block is read after this many full blocks

    @classmethod
    def keyed(cls, tokens: int, block_size: int, seed: int, source: str, epoch: int) -> "EpochOrder":
        full_blocks = tokens // block_size
        permutation = Permutation.keyed(full_blocks, "blocks", seed, source, epoch)
        tail_slot = Permutation.keyed(full_blocks + 1, "tail", seed, source, epoch)(0)
        return cls(tokens, block_size, permutation, tail_slot)

    def locate(self, offset: int) -> tuple[int, int]:
        """(token of the dataset at `offset` of the epoch, how many tokens follow contiguously in its block)."""
        full_blocks, tail = divmod(self.tokens, self.block_size)
        into_tail = offset - self.tail_slot * self.block_size
        if 0 <= into_tail < tail:
            return full_blocks * self.block_size + into_tail, tail - into_tail
        if into_tail >= tail:
            offset -= tail
        slot, into_block = divmod(offset, self.block_size)
        return self.permutation(slot) * self.block_size + into_block, self.block_size - into_block


class SourceStream:
    """The endless order in which the tokens of one dataset are read.

    `tokens` is the dataset's length. The order depends on it, on `block_size`, `seed`, the source's `name` and the
    epoch, and on nothing else: not on how the stream is cut into sequences or batches.
    """

    def __init__(self, name: str, tokens: int, block_size: int, seed: int) -> None:
        self.name = name
        self.tokens = tokens
        self.block_size = block_size
        self.seed = seed
        self._latest = (-1, self._order(0))  # one tuple, so that a reading thread never sees half of a change

    def spans(self, position: int, length: int) -> Iterator[Span]:
        """What stands at [position, position + length) of the stream, as the fewest contiguous spans of the dataset."""
        pending: Span | None = None
        while length > 0:
            epoch, offset = divmod(position, self.tokens)
            start, run = self._order_of(epoch).locate(offset)
            run = min(run, length)
            position, length = position + run, length - run
            if pending is not None and pending.stop == start and pending.epoch == epoch:
                pending = Span(epoch, pending.start, pending.length + run)
                continue
            if pending is not None:
                yield pending
            pending = Span(epoch, start, run)
        if pending is not None:
            yield pending

    def _order(self, epoch: int) -> EpochOrder:
        return EpochOrder.keyed(self.tokens, self.block_size, self.seed, self.name, epoch)

    def _order_of(self, epoch: int) -> EpochOrder:
        latest, order = self._latest
        if latest != epoch:
            order = self._order(epoch)
            self._latest = (epoch, order)
        return order

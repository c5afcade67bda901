"""Several continuations of one text in a packed row, which is read once: prompt, answer, the prompt's last token, other answer.

    tokens      p0 p1 p2 p3 a0 a1 | p3 b0 | ...
    positions    0  1  2  3  4  5 |  3  4 |
    prefixes    of the first segment none; of the second [0, 3): its tokens see p0 p1 p2, and themselves

The last token of the prompt stands before every answer, so that each answer's first token has one that predicts it.

Axes: t tokens of a packed row.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from megatron.core.models.common.embeddings.rotary_pos_embedding import RotaryEmbedding
from megatron.core.packed_seq_params import PackedSeqParams
from torch import Tensor, nn


@dataclass
class Branches(PackedSeqParams):
    """Segments of a packed row, of which some continue a prefix. positions_t: of each token in its own text. prefixes: of each
    segment the tokens [first, last) that it sees beside its own; where both are equal, none. Only our attention reads it
    (model/attention.py): Transformer Engine's would take the segments for texts of their own."""

    positions_t: Tensor | None = None
    prefixes: Sequence[tuple[int, int]] = ()


@contextmanager
def turned(rope: RotaryEmbedding, packed: PackedSeqParams | None) -> Iterator[None]:
    """While it lasts, `rope` gives the angles of each token's own position. Megatron takes angles as they are where there is one
    for each token of the row, and starts every segment at position 0 otherwise."""
    if not isinstance(packed, Branches):
        yield
        return

    def of_positions(_module: nn.Module, _inputs: object, angles_p11d: Tensor) -> Tensor:
        return angles_p11d[packed.positions_t]

    handle = rope.register_forward_hook(of_positions)
    try:
        yield
    finally:
        handle.remove()

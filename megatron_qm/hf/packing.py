"""How the rows of Hugging Face tensors lie in one Megatron tensor: a list of runs, read in either direction.

Every difference between the two formats is one of axis 0: query, key and value heads interleaved by group, gate above
up, padded vocabulary rows at the end. So a table of runs is all the conversion there is, and no whole tensor is needed
to carry it out.
"""

from collections.abc import Callable
from dataclasses import dataclass

from megatron_qm.config.model import ModelConfig

PADDING = -1  # in place of a part: rows that only Megatron has

Run = tuple[int, int]  # (part, rows): the next rows of that part
Packing = Callable[[ModelConfig], list[Run]]
Width = Callable[[ModelConfig], int]


@dataclass(frozen=True)
class Rule:
    """`megatron`, a tensor of the checkpoint, holds the rows of the tensors `hf` as `packing` says.

    width: of the second axis; None for a vector. Names within a layer lack the layer's prefix.
    """

    megatron: str
    hf: tuple[str, ...]
    packing: Packing
    width: Width | None = None


@dataclass(frozen=True)
class Span:
    """Rows start:stop of `part`, which stand one after another in the Megatron tensor as well, from row `at`."""

    part: int
    start: int
    stop: int
    at: int

    @property
    def rows(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class PackedTensor:
    """A rule applied to one model and, for a layer's tensor, one layer."""

    megatron: str  # name in the checkpoint, without the layer's number
    layer: int | None
    hf: tuple[str, ...]  # full names
    runs: tuple[Run, ...]
    width: int | None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the Megatron tensor (of this layer)."""
        return self._shape(sum(rows for _, rows in self.runs))

    def hf_shape(self, part: int) -> tuple[int, ...]:
        return self._shape(sum(rows for owner, rows in self.runs if owner == part))

    def spans(self) -> list[Span]:
        """The Megatron tensor from its first row to its last."""
        spans, at, used = [], 0, dict.fromkeys((*range(len(self.hf)), PADDING), 0)
        for part, rows in self.runs:
            if rows:
                spans.append(Span(part, used[part], used[part] + rows, at))
            used[part] += rows
            at += rows
        return spans

    def spans_of(self, part: int) -> list[Span]:
        """The HF tensor `part` from its first row to its last."""
        return [span for span in self.spans() if span.part == part]

    def _shape(self, rows: int) -> tuple[int, ...]:
        return (rows,) if self.width is None else (rows, self.width)

"""The conversion itself: rows of a checkpoint's tensors to Hugging Face tensors, and back, a block at a time.

Nothing here holds more than a block, so memory does not grow with the model.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from megatron_qm.errors import UserError
from megatron_qm.files import write_json
from megatron_qm.hf.opened import Opened
from megatron_qm.hf.packing import PADDING, PackedTensor
from megatron_qm.hf.safetensors_io import (
    INDEX,
    StoredTensor,
    TensorInfo,
    shard_names,
    split_into_shards,
    write_shard,
)

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
_BLOCK_BYTES = 1 << 25


@dataclass(frozen=True)
class HfTensor(TensorInfo):
    """A tensor of the release: `part` of a packed tensor of the checkpoint."""

    source: PackedTensor
    part: int


def hf_tensors(opened: Opened, dtype: torch.dtype) -> list[HfTensor]:
    """Every tensor of the release, in order."""
    return [
        HfTensor(name, packed.hf_shape(part), dtype, packed, part)
        for packed in opened.tensors
        for part, name in enumerate(packed.hf)
    ]


def blocks(opened: Opened, tensor: HfTensor) -> Iterator[torch.Tensor]:
    """The rows of `tensor` from first to last, in its dtype. Raises UserError for numbers that are not finite."""
    packed, reader = tensor.source, opened.reader
    step = _rows_at_a_time(tensor)
    for span in packed.spans_of(tensor.part):
        for at in range(0, span.rows, step):
            start = span.at + at
            stop = min(start + step, span.at + span.rows)
            rows = reader.rows(packed.megatron, start, stop, packed.layer)
            what = f"{opened.folder}: {tensor.name} ({packed.megatron})"
            _refuse_not_finite(rows, what)
            block = rows.to(tensor.dtype)
            _refuse_overflow(rows, block, what)
            yield block


def write_weights(opened: Opened, folder: Path, dtype: torch.dtype, max_shard_bytes: int) -> None:
    """The release's safetensors files, with an index where there is more than one."""
    tensors = hf_tensors(opened, dtype)
    shards = split_into_shards(tensors, max_shard_bytes)
    names = shard_names(len(shards))
    for name, shard in zip(names, shards, strict=True):
        write_shard(folder / name, shard, (block for tensor in shard for block in blocks(opened, tensor)))
    if len(shards) > 1:
        where = {tensor.name: name for name, shard in zip(names, shards, strict=True) for tensor in shard}
        write_json(folder / INDEX, {"metadata": {"total_size": sum(t.bytes for t in tensors)}, "weight_map": where})


def first_different(opened: Opened, tensor: HfTensor, stored: StoredTensor) -> int | None:
    """The first row at which a file does not hold what the checkpoint does; None if it holds just that."""
    row = 0
    for block in blocks(opened, tensor):
        found = stored.rows(row, row + len(block))
        if not torch.equal(_bits(found), _bits(block)):
            differs = (_bits(found) != _bits(block)).reshape(len(block), -1).any(1)
            return row + int(differs.int().argmax())
        row += len(block)
    return None


def packed_rows(
    packed: PackedTensor, stored: Mapping[str, StoredTensor], start: int, stop: int, dtype: torch.dtype
) -> torch.Tensor:
    """Rows start:stop of a Megatron tensor from HF files. Rows that only Megatron has (padded vocabulary) are zeros.

    Their logits are masked out of the loss, so they get no gradient: any finite number would do.
    """
    out = torch.zeros((stop - start, *packed.shape[1:]), dtype=dtype)
    for span in packed.spans():
        first, last = max(span.at, start), min(span.at + span.rows, stop)
        if span.part != PADDING and first < last:
            shift = span.start - span.at
            rows = stored[packed.hf[span.part]].rows(first + shift, last + shift)
            _refuse_not_finite(rows, f"{stored[packed.hf[span.part]].file}: {packed.hf[span.part]}")
            out[first - start : last - start] = rows
    return out


def _bits(block: torch.Tensor) -> torch.Tensor:
    return block.view({2: torch.int16, 4: torch.int32}[block.dtype.itemsize])


def _rows_at_a_time(tensor: HfTensor) -> int:
    return max(1, _BLOCK_BYTES // max(1, tensor.bytes // tensor.shape[0]))


def _refuse_not_finite(block: torch.Tensor, what: str) -> None:
    if not _is_finite(block):
        raise UserError(f"{what}: holds NaN or infinity; such a model computes nothing")


def _refuse_overflow(rows: torch.Tensor, block: torch.Tensor, what: str) -> None:
    if not _is_finite(block):
        largest, most = rows.abs().max().item(), torch.finfo(block.dtype).max
        raise UserError(
            f"{what}: holds {largest:.9g}, and the largest number of {str(block.dtype).removeprefix('torch.')} is {most:.9g}: it "
            "would become infinity; release the model with --dtype fp32"
        )


def _is_finite(block: torch.Tensor) -> bool:
    # The extremes carry NaN along, and cost a twentieth of isfinite().
    return not block.numel() or all(extreme.isfinite() for extreme in block.aminmax())

"""A Megatron `torch_dist` folder written tensor by tensor, chunk by chunk: no model, no process group.

What comes out is what Megatron's `dist_checkpointing.load` reads at any TP, PP, VPP and DP: chunks of one file, their
places in `.metadata`, the files without tensors beside them.
"""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import IO

import torch
from torch.distributed.checkpoint.filesystem import _StorageInfo
from torch.distributed.checkpoint.metadata import (
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    TensorProperties,
    TensorStorageMetadata,
)

CHUNK_BYTES = 1 << 27  # a chunk is held in memory while torch.save writes it
_FILE_BYTES = 1 << 32  # begin another file after this many bytes: files are what is copied, hashed and re-sent
_DATA = "__0_{}.distcp"


class TorchDistWriter:
    """Use as a context; `weights` is made by it and whole once the block has ended without an error."""

    def __init__(self, weights: Path) -> None:
        self.folder = Path(weights)
        self._metadata = Metadata(state_dict_metadata={}, storage_data={})
        self._stream: IO[bytes] | None = None
        self._files = 0

    def __enter__(self) -> "TorchDistWriter":
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._stream is not None:
            self._stream.close()
        if kind is None:
            with open(self.folder / ".metadata", "wb") as stream:
                pickle.dump(self._metadata, stream)

    def add(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: torch.dtype,
        rows: Callable[[int, int], torch.Tensor],
        layer: int | None = None,
        layers: int | None = None,
    ) -> None:
        """Write a tensor of `shape`, or the one of `layer` among `layers` that are stored stacked.

        rows: called with (start, stop) for the rows from start to stop, in order; each result is written and let go.
        """
        whole = shape if layers is None else (layers, *shape)
        stored = self._metadata.state_dict_metadata.setdefault(
            name, TensorStorageMetadata(TensorProperties(dtype=dtype), torch.Size(whole), [])
        )
        if stored.properties.dtype != dtype or tuple(stored.size) != whole:
            before = f"{stored.properties.dtype} {tuple(stored.size)}"
            raise ValueError(f"{name}: layer {layer} is of {dtype} {whole}, layers before it of {before}")
        row_bytes = dtype.itemsize * max(1, torch.Size(shape[1:]).numel())
        step = max(1, CHUNK_BYTES // row_bytes)
        for start in range(0, shape[0], step):
            stop = min(start + step, shape[0])
            block = rows(start, stop).to(dtype)
            offsets = (start, *[0] * (len(shape) - 1))
            if layers is not None:
                block, offsets = block[None], (layer, *offsets)
            self._write(name, stored, offsets, block)

    def _write(self, name: str, stored: TensorStorageMetadata, offsets: tuple[int, ...], block: torch.Tensor) -> None:
        if self._stream is None or self._stream.tell() > _FILE_BYTES:
            self._next_file()
        start = self._stream.tell()
        torch.save(block.contiguous(), self._stream)
        place = _StorageInfo(_DATA.format(self._files - 1), start, self._stream.tell() - start)
        chunk = ChunkStorageMetadata(offsets=torch.Size(offsets), sizes=block.shape)
        stored.chunks.append(chunk)
        self._metadata.storage_data[MetadataIndex(name, chunk.offsets)] = place

    def _next_file(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = open(self.folder / _DATA.format(self._files), "wb")
        self._files += 1

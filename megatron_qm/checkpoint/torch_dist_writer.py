"""A Megatron `torch_dist` folder written tensor by tensor, chunk by chunk: no model, no process group.

What comes out is what Megatron's `dist_checkpointing.load` reads at any TP, PP, VPP and DP: chunks of one file, their
places in `.metadata`, the files without tensors beside them.
"""

import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import torch
from torch.distributed.checkpoint.filesystem import _StorageInfo
from torch.distributed.checkpoint.metadata import (
    BytesStorageMetadata,
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
    """Use as a context; `weights` is made by it and whole once the block has ended without an error.

    Threads may write at the same time: each has files of its own.
    """

    def __init__(self, weights: Path) -> None:
        self.folder = Path(weights)
        self._metadata = Metadata(state_dict_metadata={}, storage_data={})
        self._tensors: dict[str, TensorStorageMetadata] = {}
        self._mine = threading.local()
        self._streams: list[IO[bytes]] = []
        self._lock = threading.Lock()

    def __enter__(self) -> "TorchDistWriter":
        self.folder.mkdir(parents=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for stream in self._streams:
            stream.close()
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
        stored = self.declare(name, whole, dtype)
        if stored.properties.dtype != dtype or tuple(stored.size) != whole:
            before = f"{stored.properties.dtype} {tuple(stored.size)}"
            raise ValueError(f"{name}: layer {layer} is of {dtype} {whole}, layers before it of {before}")
        row_bytes = dtype.itemsize * max(1, torch.Size(shape[1:]).numel())
        step = max(1, CHUNK_BYTES // row_bytes)
        for start in range(0, shape[0], step):
            stop = min(start + step, shape[0])
            block = rows(start, stop).to(dtype)
            offsets: tuple[int, ...] = (start, *[0] * (len(shape) - 1))
            if layer is not None:
                block, offsets = block[None], (layer, *offsets)
            self.write(name, offsets, block)

    def declare(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> TensorStorageMetadata:
        """Make the tensor `name` known, of which `write` then writes every element once; what is known stays."""
        new = TensorStorageMetadata(TensorProperties(dtype=dtype), torch.Size(shape), [])
        with self._lock:
            self._metadata.state_dict_metadata[name] = known = self._tensors.setdefault(name, new)
            return known

    def write(self, name: str, offsets: tuple[int, ...], block: torch.Tensor) -> None:
        """The part of a declared tensor that begins at element `offsets`."""
        chunk = ChunkStorageMetadata(offsets=torch.Size(offsets), sizes=block.shape)
        place = self._append(lambda stream: torch.save(block.contiguous(), stream))
        with self._lock:
            self._tensors[name].chunks.append(chunk)
            self._metadata.storage_data[MetadataIndex(name, chunk.offsets)] = place

    def write_object(self, name: str, data: bytes) -> None:
        """What is stored among the tensors and is none."""
        place = self._append(lambda stream: stream.write(data))
        with self._lock:
            self._metadata.state_dict_metadata[name] = BytesStorageMetadata()
            self._metadata.storage_data[MetadataIndex(name)] = place

    def _append(self, save: Callable[[IO[bytes]], object]) -> _StorageInfo:
        stream, name = self._file()
        start = stream.tell()
        save(stream)
        return _StorageInfo(name, start, stream.tell() - start)

    def _file(self) -> tuple[IO[bytes], str]:
        """This thread's file, or a new one where that is long enough."""
        current = getattr(self._mine, "file", None)
        if current is None or current[0].tell() > _FILE_BYTES:
            if current is not None:
                current[0].close()
            with self._lock:
                name = _DATA.format(len(self._streams))
                stream = open(self.folder / name, "wb")
                self._streams.append(stream)
            self._mine.file = current = (stream, name)
        return current


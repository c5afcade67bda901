"""Rows of a tensor out of a Megatron `torch_dist` folder: no model, no process group, and only those rows in memory.

    weights/.metadata     which chunks each global tensor was saved in, and where each chunk lies
    weights/*.distcp      the chunks, each as torch.save wrote it: a zip archive that holds the numbers uncompressed

A chunk's numbers are one contiguous piece of its file, so a range of its rows is as well.
"""

import io
import pickle
import struct
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from torch.distributed.checkpoint import FileSystemReader
from torch.distributed.checkpoint.metadata import Metadata, MetadataIndex, TensorStorageMetadata
from torch.serialization import skip_data

from megatron_qm.checkpoint.manifest import MEGATRON_LAYERS
from megatron_qm.errors import UserError

_LOCAL_HEADER = 30  # bytes of a zip entry's header before its name; the lengths of name and extra field end it


@dataclass(frozen=True)
class _Chunk:
    """The block of a global tensor from element `offsets` on, of shape `sizes`: an archive at `start` of `file`."""

    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    file: Path
    start: int
    length: int


class TorchDistReader:
    """The tensors of a checkpoint's `weights` folder by name. Raises UserError for a folder that is none."""

    def __init__(self, weights: Path) -> None:
        self.folder = Path(weights)
        try:
            self._metadata: Metadata = FileSystemReader(self.folder).read_metadata()
        except (OSError, pickle.UnpicklingError, EOFError, AttributeError) as error:
            raise UserError(f"{self.folder / '.metadata'}: not a torch_dist checkpoint, or torn: {error}") from None
        self._chunks: dict[str, list[_Chunk]] = {}
        self._begins: dict[_Chunk, int | None] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        stored = self._metadata.state_dict_metadata.items()
        return frozenset(name for name, what in stored if isinstance(what, TensorStorageMetadata))

    def shape(self, name: str, layer: int | None = None) -> tuple[int, ...]:
        """Of a tensor, or of one layer of it. Raises UserError where it is not there."""
        stored, index = self._find(name, layer)
        shape = tuple(self._metadata.state_dict_metadata[stored].size)
        return shape if index is None else shape[1:]

    def dtype(self, name: str, layer: int | None = None) -> torch.dtype:
        return self._metadata.state_dict_metadata[self._find(name, layer)[0]].properties.dtype

    def rows(self, name: str, start: int, stop: int, layer: int | None = None) -> torch.Tensor:
        """Rows start:stop along the first axis of a tensor, or of one layer of it, in the dtype it is stored in."""
        stored, index = self._find(name, layer)
        out = torch.empty((stop - start, *self.shape(name, layer)[1:]), dtype=self.dtype(name, layer))
        filled = 0
        for chunk in self._chunks_of(stored):
            offsets, sizes, outer = chunk.offsets, chunk.sizes, 0
            if index is not None:
                if not offsets[0] <= index < offsets[0] + sizes[0]:
                    continue
                outer = index - offsets[0]
                offsets, sizes = offsets[1:], sizes[1:]
            first, last = max(offsets[0], start), min(offsets[0] + sizes[0], stop)
            if first < last:
                row = outer * sizes[0] + first - offsets[0]
                target = out[first - start : last - start]
                for axis, (offset, size) in enumerate(zip(offsets[1:], sizes[1:], strict=True), start=1):
                    target = target.narrow(axis, offset, size)  # split over TP along this axis
                self._read(chunk, row, target)
                filled += target.numel()
        if filled != out.numel():
            raise UserError(f"{self.folder}: {stored}: rows are missing between {start} and {stop}; the checkpoint is torn")
        return out

    def _find(self, name: str, layer: int | None) -> tuple[str, int | None]:
        """The stored tensor, and the index on its first axis where the layers are stacked."""
        if name in self.names:
            return self._checked(name, layer), layer
        single = name if layer is None else name.replace(MEGATRON_LAYERS, f"{MEGATRON_LAYERS}{layer}.", 1)
        if single in self.names:
            return single, None
        raise UserError(f"{self.folder}: has no tensor {name}; was the checkpoint made by another model?")

    def _checked(self, name: str, layer: int | None) -> str:
        layers = self._metadata.state_dict_metadata[name].size[0]
        if layer is not None and layer >= layers:
            raise UserError(f"{self.folder}: {name} has {layers} layers, none numbered {layer}")
        return name

    def _chunks_of(self, stored: str) -> list[_Chunk]:
        if stored not in self._chunks:
            chunks = []
            for chunk in self._metadata.state_dict_metadata[stored].chunks:
                info = self._metadata.storage_data[MetadataIndex(stored, chunk.offsets)]
                file = self.folder / info.relative_path
                if getattr(info, "transform_descriptors", None):
                    raise UserError(f"{file}: written through {info.transform_descriptors}; only plain files are read")
                chunks.append(_Chunk(tuple(chunk.offsets), tuple(chunk.sizes), file, info.offset, info.length))
            self._chunks[stored] = chunks
        return self._chunks[stored]

    def _read(self, chunk: _Chunk, row: int, target: torch.Tensor) -> None:
        """Fill `target` from row `row` of a chunk on (its leading axes count as one), straight from the file."""
        if chunk not in self._begins:
            self._begins[chunk] = _numbers(chunk, target.dtype)
        begin, inner = self._begins[chunk], target.shape[1:]
        if begin is None:
            with _opened(chunk) as window:
                whole = torch.load(window, weights_only=True)
            target.copy_(whole.reshape(-1, *inner)[row : row + len(target)])
            return
        block = target if target.is_contiguous() else torch.empty(target.shape, dtype=target.dtype)
        read_into(block, chunk.file, begin + row * inner.numel() * target.dtype.itemsize)
        if block is not target:
            target.copy_(block)


def read_into(out: torch.Tensor, file: Path, start: int) -> None:
    """Fill a contiguous tensor from the bytes of `file` at `start`. Raises UserError where there are too few."""
    view = memoryview(out.view(-1).view(torch.uint8).numpy())
    with open(file, "rb", buffering=0) as stream:
        stream.seek(start)
        while view:
            got = stream.readinto(view)
            if not got:
                raise UserError(f"{file}: truncated: {len(view)} bytes are missing at its end")
            view = view[got:]


def _numbers(chunk: _Chunk, dtype: torch.dtype) -> int | None:
    """Where in its file the chunk's numbers begin; None if they do not lie there row by row."""
    try:
        with _opened(chunk) as window, zipfile.ZipFile(window) as archive:
            entries = {entry.filename.partition("/")[2]: entry for entry in archive.infolist()}
            data, order = entries.get("data/0"), entries.get("byteorder")
            little = order is None or archive.read(order) == b"little"
            window.seek(0)
            with skip_data():
                like = torch.load(window, weights_only=True)
            if data is None or data.compress_type != zipfile.ZIP_STORED or not little:
                return None
            window.seek(data.header_offset)
            name, extra = struct.unpack("<HH", window.read(_LOCAL_HEADER)[-4:])
    except (zipfile.BadZipFile, RuntimeError, pickle.UnpicklingError) as error:
        raise UserError(f"{chunk.file}: torn or altered at byte {chunk.start}: {error}") from None
    if tuple(like.shape) != chunk.sizes or like.dtype != dtype:
        raise UserError(f"{chunk.file}: torn or altered: not the tensor that .metadata says is at byte {chunk.start}")
    plain = like.is_contiguous() and like.storage_offset() == 0
    return chunk.start + data.header_offset + _LOCAL_HEADER + name + extra if plain else None


def _opened(chunk: _Chunk) -> io.BufferedReader:
    return io.BufferedReader(_Window(chunk))


class _Window(io.RawIOBase):
    """A chunk's bytes as a file of their own."""

    def __init__(self, chunk: _Chunk) -> None:
        try:
            self._stream = open(chunk.file, "rb", buffering=0)
        except OSError as error:
            raise UserError(f"{chunk.file}: cannot be read: {error.strerror}") from None
        self._start, self._length = chunk.start, chunk.length
        self._stream.seek(self._start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.tell() - self._start

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._length}[whence]
        self._stream.seek(self._start + max(0, base + offset))
        return self.tell()

    def readinto(self, buffer: bytearray) -> int:
        view = memoryview(buffer)
        return self._stream.readinto(view[: max(0, min(len(view), self._length - self.tell()))])

    def close(self) -> None:
        self._stream.close()
        super().close()

"""Rows of a tensor out of a Megatron `torch_dist` folder: no model, no process group, and only those rows in memory.

    weights/.metadata     which chunks each global tensor was saved in, and where each chunk lies
    weights/*.distcp      the chunks, each as torch.save wrote it: a zip archive that holds the numbers uncompressed

A chunk's numbers are one contiguous piece of its file, so a range of its rows is as well.
"""

import io
import itertools
import math
import pickle
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch.distributed.checkpoint.metadata import MetadataIndex, TensorStorageMetadata
from torch.serialization import skip_data

from megatron_qm.checkpoint.manifest import MEGATRON_LAYERS
from megatron_qm.checkpoint.pickles import read_metadata
from megatron_qm.errors import UserError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

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
        self._metadata = read_metadata(self.folder)
        self._chunks: dict[str, list[_Chunk]] = {}
        self._begins: dict[_Chunk, int | None] = {}

    @cached_property
    def names(self) -> frozenset[str]:
        stored = self._metadata.state_dict_metadata.items()
        return frozenset(name for name, what in stored if isinstance(what, TensorStorageMetadata))

    @cached_property
    def objects(self) -> frozenset[str]:
        """Names of what was stored among the tensors and is none."""
        return frozenset(self._metadata.state_dict_metadata) - self.names

    def shape(self, name: str, layer: int | None = None) -> tuple[int, ...]:
        """Of a tensor, or of one layer of it. Raises UserError where it is not there."""
        stored, index = self._find(name, layer)
        shape = tuple(self._stored(stored).size)
        return shape if index is None else shape[1:]

    def dtype(self, name: str, layer: int | None = None) -> torch.dtype:
        return self._stored(self._find(name, layer)[0]).properties.dtype

    def rows(self, name: str, start: int, stop: int, layer: int | None = None) -> torch.Tensor:
        """Rows start:stop along the first axis of a tensor, or of one layer of it, in the dtype it is stored in."""
        stored, index = self._find(name, layer)
        inner = self.shape(name, layer)[1:]
        offsets, sizes = (start, *[0] * len(inner)), (stop - start, *inner)
        if index is None:
            return self.block(stored, offsets, sizes)
        return self.block(stored, (index, *offsets), (1, *sizes))[0]

    def block(self, stored: str, offsets: Sequence[int], sizes: Sequence[int]) -> torch.Tensor:
        """The box of shape `sizes` at element `offsets` of a tensor as it is stored, layers stacked."""
        out = torch.empty(tuple(sizes), dtype=self._stored(stored).properties.dtype)
        filled = 0
        for chunk in self._chunks_of(stored):
            first = [max(at, begin) for at, begin in zip(offsets, chunk.offsets, strict=True)]
            ends = zip(offsets, sizes, chunk.offsets, chunk.sizes, strict=True)
            last = [min(at + size, begin + there) for at, size, begin, there in ends]
            if all(low < high for low, high in zip(first, last, strict=True)):
                within = zip(first, last, offsets, strict=True)
                target = out[tuple(slice(low - at, high - at) for low, high, at in within)]
                self._read(chunk, [low - begin for low, begin in zip(first, chunk.offsets, strict=True)], target)
                filled += target.numel()
        if filled != out.numel():
            raise UserError(
                f"{self.folder}: {stored}: {out.numel() - filled} numbers are missing of the {list(sizes)} at "
                f"{list(offsets)}; the checkpoint is torn"
            )
        return out

    def object(self, name: str) -> bytes:
        """What was stored among the tensors and is none, as torch.save or pickle left it."""
        info = self._metadata.storage_data[MetadataIndex(name)]
        with _opened(_Chunk((), (), self.folder / info.relative_path, info.offset, info.length)) as window:
            data = window.read()
        if len(data) != info.length:
            raise UserError(f"{self.folder / info.relative_path}: truncated: {name} is not whole")
        return data

    def _stored(self, name: str) -> TensorStorageMetadata:
        """Of one of `names`."""
        what = self._metadata.state_dict_metadata[name]
        assert isinstance(what, TensorStorageMetadata), name
        return what

    def _find(self, name: str, layer: int | None) -> tuple[str, int | None]:
        """The stored tensor, and the index on its first axis where the layers are stacked."""
        if name in self.names:
            return self._checked(name, layer), layer
        single = name if layer is None else name.replace(MEGATRON_LAYERS, f"{MEGATRON_LAYERS}{layer}.", 1)
        if single in self.names:
            return single, None
        raise UserError(f"{self.folder}: has no tensor {name}; was the checkpoint made by another model?")

    def _checked(self, name: str, layer: int | None) -> str:
        size = self._stored(name).size
        if layer is not None and not (size and layer < size[0]):
            raise UserError(f"{self.folder}: {name} has {size[0] if size else 'no'} layers, none numbered {layer}")
        return name

    def _chunks_of(self, stored: str) -> list[_Chunk]:
        if stored not in self._chunks:
            chunks = []
            for chunk in self._stored(stored).chunks:
                info = self._metadata.storage_data[MetadataIndex(stored, chunk.offsets)]
                file = self.folder / info.relative_path
                if getattr(info, "transform_descriptors", None):
                    raise UserError(f"{file}: written through {info.transform_descriptors}; only plain files are read")
                chunks.append(_Chunk(tuple(chunk.offsets), tuple(chunk.sizes), file, info.offset, info.length))
            self._chunks[stored] = chunks
        return self._chunks[stored]

    def _read(self, chunk: _Chunk, start: Sequence[int], target: torch.Tensor) -> None:
        """Fill `target` from element `start` of a chunk on, straight from the file, one run of its bytes at a time."""
        if chunk not in self._begins:
            self._begins[chunk] = _numbers(chunk, target.dtype)
        begin = self._begins[chunk]
        if begin is None:
            with _opened(chunk) as window:
                whole = _tensor(window, chunk)
            target.copy_(whole[tuple(slice(at, at + size) for at, size in zip(start, target.shape, strict=True))])
            return
        strides = _strides(chunk.sizes)
        outer = _axes_before_a_run(target.shape, chunk.sizes)
        for index in itertools.product(*map(range, target.shape[:outer])):
            run = target[index]
            at = sum((a + i) * n for a, i, n in itertools.zip_longest(start, index, strides, fillvalue=0))
            block = run if run.is_contiguous() else torch.empty(run.shape, dtype=run.dtype)
            read_into(block, chunk.file, begin + at * run.dtype.itemsize)
            if block is not run:
                run.copy_(block)


def _strides(sizes: Sequence[int]) -> list[int]:
    """In elements, of a tensor that lies row by row."""
    return [math.prod(sizes[axis + 1 :]) for axis in range(len(sizes))]


def _axes_before_a_run(box: Sequence[int], sizes: Sequence[int]) -> int:
    """How many leading axes to step through so that what is left of a box is one run of the tensor's elements."""
    axis = max(0, len(box) - 1)
    while axis and box[axis] == sizes[axis]:
        axis -= 1
    return axis


def read_into(out: torch.Tensor, file: Path, start: int) -> None:
    """Fill a contiguous tensor from the bytes of `file` at `start`. Raises UserError where there are too few."""
    view = out.view(-1).view(torch.uint8).numpy().data
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
    if not isinstance(like, torch.Tensor) or tuple(like.shape) != chunk.sizes or like.dtype != dtype:
        raise UserError(f"{chunk.file}: torn or altered: not the tensor that .metadata says is at byte {chunk.start}")
    plain = like.is_contiguous() and like.storage_offset() == 0
    return chunk.start + data.header_offset + _LOCAL_HEADER + name + extra if plain else None


def _tensor(window: io.BufferedReader, chunk: _Chunk) -> torch.Tensor:
    try:
        whole = torch.load(window, weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise UserError(f"{chunk.file}: torn or altered at byte {chunk.start}: {error}") from None
    assert isinstance(whole, torch.Tensor), chunk.file  # _numbers has looked
    return whole


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

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer)
        return self._stream.readinto(view[: max(0, min(len(view), self._length - self.tell()))])

    def close(self) -> None:
        self._stream.close()
        super().close()

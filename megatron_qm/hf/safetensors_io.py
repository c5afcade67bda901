"""safetensors files row by row: written without holding a tensor, read without mapping a file.

The library saves only tensors that are all in memory, and reads through a map of the whole file, which counts as
memory of the process. The format itself is a length, a JSON header and the numbers; the library still checks every
header that is read here.
"""

import json
import struct
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open

from megatron_qm.checkpoint.torch_dist_reader import read_into
from megatron_qm.errors import UserError
from megatron_qm.json_types import parse_json

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
_COMPARED_ROWS = 4096
_ALIGNMENT = 8  # the header's length is padded to it, so that numbers begin at a multiple
_NAMES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}
_DTYPES = {name: dtype for dtype, name in _NAMES.items()}


Info = TypeVar("Info", bound="TensorInfo")


@dataclass(frozen=True)
class TensorInfo:
    """A tensor to write."""

    name: str
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def bytes(self) -> int:
        return torch.Size(self.shape).numel() * self.dtype.itemsize


@dataclass(frozen=True)
class StoredTensor(TensorInfo):
    """A tensor in a file; its numbers begin at `start`."""

    file: Path
    start: int

    def rows(self, first: int, last: int) -> torch.Tensor:
        """Rows first:last along the first axis."""
        out = torch.empty((last - first, *self.shape[1:]), dtype=self.dtype)
        read_into(out, self.file, self.start + first * torch.Size(self.shape[1:]).numel() * self.dtype.itemsize)
        return out


def split_into_shards(tensors: Iterable[Info], max_bytes: int) -> list[list[Info]]:
    """In order, each shard at most `max_bytes` of numbers; a larger tensor gets a shard to itself."""
    shards: list[list[Info]] = [[]]
    size = 0
    for tensor in tensors:
        if shards[-1] and size + tensor.bytes > max_bytes:
            shards.append([])
            size = 0
        shards[-1].append(tensor)
        size += tensor.bytes
    return shards


def shard_names(count: int) -> list[str]:
    """As transformers names them."""
    return [SINGLE] if count == 1 else [f"model-{i + 1:05d}-of-{count:05d}.safetensors" for i in range(count)]


def write_shard(path: Path, tensors: Sequence[TensorInfo], blocks: Iterable[torch.Tensor]) -> None:
    """One file of `tensors`; `blocks` are their numbers one after another, in pieces of any size."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for tensor in tensors:
        span = [at, at + tensor.bytes]
        header[tensor.name] = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": span}
        at += tensor.bytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    with open(path, "wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        for block in blocks:
            stream.write(block.contiguous().view(-1).view(torch.uint8).numpy().data)
        written = stream.tell() - 8 - len(text)
    if written != at:
        raise ValueError(f"{path}: {written} bytes of numbers were written, {at} announced")


def read_headers(folder: Path, may_lack: Collection[str] = ()) -> dict[str, StoredTensor]:
    """Every tensor of an HF folder: of its single file, or of all that its index names, in whichever of them it stands (so
    transformers reads them). may_lack: tensors that the index may name and no file hold.

    Raises UserError naming a file that is missing, torn or of another format, a tensor of another dtype, or one that stands in
    two files with other numbers.
    """
    files = index_of(folder)
    found: dict[str, StoredTensor] = {}
    for file in sorted(set(files.values())) or [SINGLE]:
        for tensor in _read_header(Path(folder) / file):
            there = found.setdefault(tensor.name, tensor)
            if there is not tensor and not same_numbers(there, tensor):
                raise UserError(f"{tensor.file}: {tensor.name} is not what it is in {there.file.name}: which is the model's?")
    missing = next((name for name in files if name not in found and name not in may_lack), None)
    if missing is not None:
        raise UserError(f"{Path(folder) / INDEX}: says that {missing} is in {files[missing]}, where it is not")
    return found


def same_numbers(one: StoredTensor, other: StoredTensor) -> bool:
    """Row by row, in the wider of their dtypes."""
    if one.shape != other.shape:
        return False
    dtype, rows = torch.promote_types(one.dtype, other.dtype), one.shape[0] if one.shape else 0
    starts = range(0, rows, _COMPARED_ROWS)
    pieces = ((at, min(at + _COMPARED_ROWS, rows)) for at in starts)
    return all(torch.equal(one.rows(*piece).to(dtype), other.rows(*piece).to(dtype)) for piece in pieces)


def index_of(folder: Path) -> dict[str, str]:
    """Tensor name to file name, from the index; empty where there is only the single file."""
    path = Path(folder) / INDEX
    if path.is_file() and (Path(folder) / SINGLE).is_file():
        raise UserError(f"{folder}: has both {SINGLE} and {INDEX}: which of them is the model? Remove the other")
    if not path.is_file():
        if (Path(folder) / SINGLE).is_file():
            return {}
        others = sorted(p.name for p in Path(folder).glob("*") if p.suffix in (".bin", ".gguf", ".pth"))
        hint = f" ({others[0]} is there: load it with transformers and save_pretrained it)" if others else ""
        raise UserError(f"{folder}: has neither {SINGLE} nor {INDEX}{hint}")
    try:
        files: dict[str, str] = parse_json(path.read_bytes())["weight_map"]
        if not all(isinstance(file, str) and Path(file).name == file for file in files.values()):
            raise ValueError("weight_map must give a file of this folder for each tensor")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}: not an index of safetensors files: {error!r}") from None
    return files


def _read_header(path: Path) -> Iterator[StoredTensor]:
    try:
        with safe_open(path, "pt"):  # the library's own checks of header, offsets and length
            pass
        with open(path, "rb") as stream:
            length = struct.unpack("<Q", stream.read(8))[0]
            header = parse_json(stream.read(length))
    except FileNotFoundError:
        raise UserError(f"{path}: missing") from None
    except (OSError, SafetensorError, ValueError) as error:
        raise UserError(f"{path}: torn, or no safetensors file: {error}") from None
    header.pop("__metadata__", None)
    for name, entry in header.items():
        if entry["dtype"] not in _DTYPES:
            raise UserError(f"{path}: {name} is stored as {entry['dtype']}; only {', '.join(_DTYPES)} are read")
        start = 8 + length + entry["data_offsets"][0]
        yield StoredTensor(name, tuple(entry["shape"]), _DTYPES[entry["dtype"]], path, start)

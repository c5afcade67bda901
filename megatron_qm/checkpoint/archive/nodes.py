"""What a checkpoint consists of, as arrays for an archive: its tensors, Megatron's objects, its other files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from megatron_qm.checkpoint.archive.zarr_v3 import FILES, OBJECTS, TENSORS, node_of, storage_dtype
from megatron_qm.checkpoint.manifest import MANIFEST, WEIGHTS, FileRecord
from megatron_qm.checkpoint.torch_dist_reader import TorchDistReader, read_into
from megatron_qm.errors import UserError

INDEX = f"{WEIGHTS}/.metadata"
_TENSOR_FILES = ".distcp"

Box = Callable[[tuple[int, ...], tuple[int, ...]], np.ndarray]


@dataclass(frozen=True)
class Node:
    """An array of an archive. path: below the archive. read: its numbers from (offsets, sizes), as they are stored.

    attributes: "name", and for a tensor "dtype", torch's name of what the numbers are.
    """

    path: str
    shape: tuple[int, ...]
    dtype: np.dtype
    attributes: Mapping[str, str]
    read: Box

    @property
    def bytes(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


def nodes_of(checkpoint: Path, files: Mapping[str, FileRecord]) -> list[Node]:
    """Everything in a verified checkpoint. Raises UserError naming a tensor that has no place in an archive."""
    reader = TorchDistReader(checkpoint / WEIGHTS)
    others = [name for name in files if name != INDEX and not name.endswith(_TENSOR_FILES)]
    return [
        *(_tensor(reader, name) for name in sorted(reader.names)),
        *(_object(reader, name) for name in sorted(reader.objects)),
        *(_file(checkpoint, name) for name in (MANIFEST, *others)),
    ]


def _tensor(reader: TorchDistReader, name: str) -> Node:
    dtype = str(reader.dtype(name)).removeprefix("torch.")
    stored = storage_dtype(dtype, f"{reader.folder}: {name}")

    def read(offsets: tuple[int, ...], sizes: tuple[int, ...]) -> np.ndarray:
        block = reader.block(name, offsets, sizes)
        return block.reshape(-1).view(torch.uint8).numpy().view(stored).reshape(sizes)

    attributes = {"name": name, "dtype": dtype}
    return Node(node_of(TENSORS, name), reader.shape(name), stored, attributes, read)


def _object(reader: TorchDistReader, name: str) -> Node:
    data = np.frombuffer(reader.object(name), dtype=np.uint8)

    def read(offsets: tuple[int, ...], sizes: tuple[int, ...]) -> np.ndarray:
        return data[offsets[0] : offsets[0] + sizes[0]]

    return Node(node_of(OBJECTS, name), data.shape, data.dtype, {"name": name}, read)


def _file(checkpoint: Path, name: str) -> Node:
    path = checkpoint / name
    try:
        size = path.stat().st_size
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None

    def read(offsets: tuple[int, ...], sizes: tuple[int, ...]) -> np.ndarray:
        block = torch.empty(sizes, dtype=torch.uint8)
        read_into(block, path, offsets[0])
        return block.numpy()

    return Node(node_of(FILES, name), (size,), np.dtype(np.uint8), {"name": name}, read)

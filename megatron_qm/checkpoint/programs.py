"""Programs in a checkpoint, looked for by whoever hands it on without reading all of it: `archive` and `restore`."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch

from megatron_qm.checkpoint.manifest import WEIGHTS
from megatron_qm.checkpoint.pickles import check_state, check_values, read_values
from megatron_qm.checkpoint.torch_dist_reader import TorchDistReader

_METADATA, _TENSORS = ".metadata", ".distcp"
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"  # with which torch.save's files and pickles begin


def refuse_programs(checkpoint: Path) -> None:
    """Raises UserError where a file or an object that is unpickled, on whatever rank, holds more than tensors and plain values.
    The tensors themselves are read, and so looked at, by who archives them."""
    for path in sorted(Path(checkpoint).rglob("*")):
        if path.is_file() and path.name != _METADATA and path.suffix != _TENSORS and _unpickled(path):
            read_values(path)
    reader = TorchDistReader(Path(checkpoint) / WEIGHTS)
    for name in sorted(reader.objects):
        where = f"{reader.folder}: the object {name}"
        for data in _states(check_values(reader.object(name), where)):
            check_state(data, where)


def _unpickled(path: Path) -> bool:
    """By its name or its beginning: a file that is called otherwise may be renamed."""
    with open(path, "rb") as stream:
        begin = stream.read(len(_ZIP))
    return path.suffix == ".pt" or begin == _ZIP or begin[:1] == _PICKLE


def _states(value: object) -> Iterator[bytes]:
    """What Transformer Engine unpickles out of an object: bytes within it, or a tensor of them."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            yield from _states(one)
    elif isinstance(value, io.BytesIO):
        yield value.getvalue()
    elif isinstance(value, bytes | bytearray):
        yield bytes(value)
    elif isinstance(value, torch.Tensor) and value.dtype == torch.uint8:
        yield value.contiguous().numpy().tobytes()

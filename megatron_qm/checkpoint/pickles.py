"""What is unpickled of a checkpoint: the classes of distributed checkpoints and plain values. A pickle is a program, and a
checkpoint may be anybody's.

`known_classes_only` is for torch's and Megatron's own readers, which take any class: `.metadata` (torch), `common.pt` (Megatron),
what was stored among the tensors and is none (torch), and the FP8 state of Transformer Engine's layers (pickled in a tensor).
"""

import io
import pickle
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import IO, Any
from unittest import mock

import torch
from torch.distributed.checkpoint import CheckpointException
from torch.distributed.checkpoint.metadata import Metadata

from megatron_qm.errors import UserError

_METADATA = {
    "torch.distributed.checkpoint.metadata": {
        "Metadata", "MetadataIndex", "StorageMeta", "TensorProperties", "ChunkStorageMetadata", "TensorStorageMetadata",
        "BytesStorageMetadata", "_MEM_FORMAT_ENCODING",
    },
    "torch.distributed.checkpoint.planner": {"SavePlan", "WriteItem", "WriteItemType", "TensorWriteData", "BytesIOWriteData"},
    "torch.distributed.checkpoint.filesystem": {"_StorageInfo", "_StoragePrefix"},
    "torch.distributed._shard.sharded_tensor.metadata": {"TensorProperties", "MEM_FORMAT_ENCODING"},  # torch before 2.3
    "torch.serialization": {"_get_layout"},
    "torch": {"Size", "device"},
    "collections": {"OrderedDict"},
    "pathlib": {"PosixPath", "PurePosixPath", "Path"},
}
_FP8_STATE = {
    "torch._utils": {"_rebuild_tensor_v2"},
    "torch._tensor": {"_rebuild_from_type_v2"},
    "torch": {"Tensor", "Size", "device"},
    "collections": {"OrderedDict"},
    "transformer_engine.common.recipe": {
        "DelayedScaling", "Float8CurrentScaling", "Float8BlockScaling", "MXFP8BlockScaling", "NVFP4BlockScaling", "Format",
        "_FormatHelper", "MMParams", "QParams",
    },
    "megatron.core.extensions.transformer_engine": {"TEDelayedScaling"},
}
_STORAGES = {("torch.storage", "_load_from_bytes"), ("megatron.core.safe_globals", "safe_load_from_bytes")}
_READERS = ("torch.distributed.checkpoint.", "megatron.core.", "transformer_engine.")  # who unpickles, by module
_NO_PART = "which is no part of a checkpoint; it may be a program and is not run"
_torch_load = torch.load

Known = dict[str, set[str]]


class _Unpickler(pickle.Unpickler):
    """Of names it finds those of `known` alone, and torch's dtypes and memory formats."""

    def __init__(self, stream: IO[bytes], known: Known) -> None:
        super().__init__(stream)
        self._known = known

    def find_class(self, module: str, name: str) -> Any:
        if name in self._known.get(module, ()):
            return super().find_class(module, name)
        if module == "torch" and isinstance(vars(torch).get(name), torch.dtype | torch.memory_format):
            return vars(torch)[name]
        if (module, name) in _STORAGES:
            return _storage
        raise pickle.UnpicklingError(f"names {module}.{name}, {_NO_PART}")


class _Checker(_Unpickler):
    """Makes nothing of names that are known and cannot be imported here."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return super().find_class(module, name)
        except (ImportError, AttributeError):
            return _Absent


class _Absent:
    def __new__(cls, *_: object, **__: object) -> "_Absent":
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        pass


def read_metadata(weights: Path) -> Metadata:
    """The `.metadata` of a folder `weights`. Raises UserError for a file that is none, torn, or holds anything else."""
    path = Path(weights) / ".metadata"
    try:
        with open(path, "rb") as stream:
            metadata = _load(stream)
    except OSError as error:
        raise UserError(f"{path}: not a torch_dist checkpoint, or torn: {error.strerror}") from None
    except Exception as error:  # of a damaged pickle: whatever its opcodes lead to
        raise UserError(f"{path}: not a torch_dist checkpoint, or torn: {error}") from None
    if not isinstance(metadata, Metadata):
        raise UserError(f"{path}: not a torch_dist checkpoint: it holds a {type(metadata).__name__}")
    for info in (metadata.storage_data or {}).values():
        name = str(getattr(info, "relative_path", ""))
        if PurePath(name).name != name or name == "..":
            raise UserError(f"{path}: lists {name!r}, which is outside the checkpoint; do not use it")
    return metadata


def read_values(path: Path) -> Any:
    """What torch.save wrote of tensors and plain values. Raises UserError for anything else."""
    try:
        return _torch_load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except Exception as error:  # a damaged file: whatever its opcodes lead to
        raise UserError(f"{path}: {_reason(error)}") from None


def check_values(data: bytes, where: str) -> Any:
    """What torch.save wrote, from its bytes. Raises UserError for more than tensors and plain values."""
    try:
        return _torch_load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged object: whatever its opcodes lead to
        raise UserError(f"{where}: {_reason(error)}") from None


def check_state(data: bytes, where: str) -> None:
    """Bytes that a layer may unpickle as its state: of torch.save's kind, pickled, or only bytes. Raises UserError for what names
    a thing that is no part of a checkpoint; Transformer Engine's classes need not be installed here."""
    if data[:4] == b"PK\x03\x04":
        check_values(data, where)
    elif data[:1] == b"\x80":
        try:
            _Checker(io.BytesIO(data), _FP8_STATE).load()
        except Exception as error:  # generators' bytes, too, may begin as a pickle does
            if str(error).endswith(_NO_PART):
                raise UserError(f"{where}: {_reason(error)}") from None


@contextmanager
def known_classes_only(weights: Path) -> Iterator[None]:
    """Within this block the readers of torch, Megatron and Transformer Engine unpickle known classes alone. Raises UserError for
    what holds others, and for what cannot be read; on all ranks, where they read together."""
    try:
        with ExitStack() as stack:
            safe = SimpleNamespace(**{**vars(pickle), "load": _load, "loads": _loads})
            for name, module in list(sys.modules.items()):
                if name.startswith(_READERS) and vars(module).get("pickle") is pickle:
                    stack.enter_context(mock.patch.object(module, "pickle", safe))
            stack.enter_context(mock.patch.object(torch, "load", _values_only(torch.load)))
            yield
    except pickle.UnpicklingError as error:
        program = str(error).endswith(_NO_PART)  # the file is whole, and worse than damaged
        raise (None if program else _damaged(Path(weights))) or UserError(f"{weights}: {_reason(error)}") from None
    except CheckpointException as error:
        raise _damaged(Path(weights)) or UserError(f"{weights}: {_first(error)}") from None


def _damaged(weights: Path) -> UserError | None:
    """Which file it is, where that can be told: readers say what went wrong, and not where."""
    try:
        parts = (read_metadata(weights).storage_data or {}).values()
    except UserError as error:
        return error
    for part in sorted(parts, key=lambda part: (part.relative_path, part.offset)):
        path = weights / part.relative_path
        try:
            with open(path, "rb") as stream:
                stream.seek(part.offset)
                begins, size = stream.read(2), path.stat().st_size
        except OSError as error:
            return UserError(f"{path}: cannot be read: {error.strerror}; copy the checkpoint again")
        if size < part.offset + part.length or begins != b"PK":  # each part is a zip archive
            return UserError(f"{path}: torn or altered: no part of a tensor at byte {part.offset:,}, of {size:,} that are there; "
                             "copy the checkpoint again")
    return None


def _load(stream: IO[bytes], **_: object) -> Any:
    return _Unpickler(stream, _METADATA).load()


def _loads(data: bytes, **_: object) -> Any:
    return _Unpickler(io.BytesIO(data), _FP8_STATE).load()


def _storage(data: bytes) -> Any:
    """torch.storage._load_from_bytes, of tensors alone."""
    return _torch_load(io.BytesIO(data), weights_only=True)


def _values_only(load: Callable[..., Any]) -> Callable[..., Any]:
    def only(*args: Any, **options: Any) -> Any:
        return load(*args, **{**options, "weights_only": True})

    return only


def _first(error: CheckpointException) -> str:
    """What went wrong on the lowest rank on which something did."""
    failures = error.failures
    return _reason(failures[min(failures)][0]) if failures else _reason(error)


def _reason(error: BaseException) -> str:
    text = str(error)
    if isinstance(error, pickle.UnpicklingError) and text.endswith(_NO_PART):
        return f"a pickle in it {text}"
    if isinstance(error, pickle.UnpicklingError) and "Weights only load failed" in text:
        named = text.partition("GLOBAL ")[2].partition(" ")[0]
        return f"a pickle in it names {named or 'something'}, {_NO_PART}"
    return f"cannot be read: {text.partition(chr(10))[0] or type(error).__name__}"

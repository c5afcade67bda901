"""The datasets of a mix: each named, or all below a folder."""

import glob
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from megatron_qm.config.bounds import Weight, WeightSchedule
from megatron_qm.config.build import Shorthand
from megatron_qm.errors import UserError

# What opens PREFIX.idx: magic, version, code of the tokens' type (megatron_qm/data/indexed_format.py, which needs numpy and is
# of another room; tests/config/test_sources.py holds both to each other).
_HEADER = struct.Struct("<9sQB")
_MAGIC = b"MMIDIDX\x00\x00"
_TOKEN_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 8: 2}
_UNFINISHED = ".partial"  # of data_tools/workspace.py


@dataclass(frozen=True)
class SourceConfig:
    """One indexed dataset. `weight` is a share of the tokens, or a schedule [[consumed tokens, weight], ...]."""

    name: str  # its key in metrics, the ledger and the state of the data; the order of its documents depends on it
    prefix: str  # PREFIX of PREFIX.bin and PREFIX.idx
    weight: Weight | WeightSchedule = 1.0  # a share of the tokens, or a schedule [[consumed tokens, weight], ...]


@dataclass(frozen=True)
class FolderConfig:
    """All datasets below a folder, each by its path in there. size: a dataset's weight is the number of its tokens."""

    folder: str  # seen from where the command is run
    weights: Literal["size", "equal"] = "size"


def sources_of_folder(config: FolderConfig) -> list[SourceConfig]:
    """Sorted by name. Raises UserError for a folder without datasets, for half of one and for one that holds no tokens."""
    folder = Path(config.folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder")
    files = (name for end in (".idx", ".bin") for name in glob.glob(f"**/*{end}", root_dir=folder, recursive=True))
    found = {name[:-4] for name in files}
    if not found:
        raise UserError(f"there is no dataset (PREFIX.idx and PREFIX.bin) below {folder}; make one with data_tools/preprocess.py")
    tokens = {name: _tokens(folder / name) for name in sorted(found)}
    return [SourceConfig(name, str(folder / name), float(count) if config.weights == "size" else 1.0)
            for name, count in tokens.items()]


Sources = Annotated[list[SourceConfig], Shorthand(FolderConfig, sources_of_folder)]


def _tokens(prefix: Path) -> int:
    """By the size of the .bin and the type that the .idx names."""
    if prefix.parent.name.endswith(_UNFINISHED):
        raise UserError(f"{prefix.parent}: a dataset that is not finished: run its preprocess.py again, or remove it")
    idx, bin_ = Path(f"{prefix}.idx"), Path(f"{prefix}.bin")
    try:
        with open(idx, "rb") as stream:
            head = stream.read(_HEADER.size)
        size = bin_.stat().st_size
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}; a dataset is a .idx and a .bin of the same name") from None
    magic, _, code = _HEADER.unpack(head) if len(head) == _HEADER.size else (b"", 0, 0)
    if magic != _MAGIC or code not in _TOKEN_BYTES:
        raise UserError(f"{idx}: not an index of a Megatron indexed dataset of tokens")
    if not size:
        raise UserError(f"{bin_}: holds no tokens; remove this dataset")
    return size // _TOKEN_BYTES[code]

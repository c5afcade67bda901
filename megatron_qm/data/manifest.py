"""PREFIX.json: what `data_tools/preprocess.py` says about the dataset it wrote, and the comparison with the files.

Datasets written by Megatron-LM have no manifest, or an unrelated PREFIX.json (often the raw text): that is left alone. Ours is
known by its `format`, however it is laid out; what is no JSON at all is refused, as a manifest that was torn may look like it.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from megatron_qm.data.tokenizer_identity import TokenizerIdentity
from megatron_qm.errors import UserError
from megatron_qm.files import sha256
from megatron_qm.json_types import parse_json

_FORMAT = "megatron-qm indexed dataset"
_LARGEST = 1 << 30  # bytes of a manifest; raw text may be any number


@dataclass(frozen=True)
class Manifest:
    """The part of a manifest that readers compare with the files."""

    path: Path
    documents: int
    tokens: int
    dtype: str
    sizes: dict[str, int]  # bytes, by "bin" and "idx"
    checksums: dict[str, str]  # SHA-256 in hex, by "bin" and "idx"
    tokenizer: TokenizerIdentity | None = None  # that made the ids

    @classmethod
    def read(cls, path: Path) -> "Manifest | None":
        """The manifest at `path`; None where there is none. Raises UserError if it is damaged."""
        try:
            with open(path, "rb") as stream:
                values = _read(stream)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror}") from None
        except ValueError as error:
            raise UserError(f"{path}: the manifest is damaged ({error}); copy it again with its dataset, or, if it is no "
                            "manifest, move it elsewhere") from None
        if not _is_ours(values):
            return None
        try:
            counted = {key: values[key] for key in ("documents", "tokens", "dtype", "sizes", "checksums")}
            return cls(path, **counted, tokenizer=_tokenizer(values.get("tokenizer")))
        except KeyError as error:
            raise UserError(f"{path}: the manifest lacks {error}; copy it again with its dataset") from None

    def check_counts(self, found: dict[str, int | str]) -> None:
        """Compare "documents", "tokens", "dtype" as found in the files. Raises UserError for the first difference."""
        for key, value in found.items():
            stated = getattr(self, key)
            if stated != value:
                raise UserError(
                    f"{self.path}: says {key} = {stated}, but the .bin and .idx beside it hold {value}: files of two "
                    "datasets were mixed, or they were altered; copy all three again"
                )

    def check_size(self, kind: str, file: Path, size: int) -> None:
        """Compare the size of the "bin" or "idx" `file`, in bytes. Raises UserError."""
        stated = self.sizes[kind]
        if stated != size:
            state = "truncated" if size < stated else "altered"
            raise UserError(f"{file}: {size} bytes where {self.path} says {stated}: it is {state}; copy it again")

    def check_checksum(self, kind: str, file: Path) -> None:
        """Read the "bin" or "idx" `file` through and compare its SHA-256. Raises UserError."""
        if self.checksums[kind] != sha256(file):
            raise UserError(
                f"{file}: its bytes differ from the checksum in {self.path}: it was altered or damaged; copy it again "
                "or rerun preprocessing"
            )


def _read(stream: BinaryIO) -> Any:
    """What the file says; None where it is raw text, which may be huge. Raises ValueError for what is no JSON, or empty."""
    if os.fstat(stream.fileno()).st_size > _LARGEST:
        return None
    first = stream.readline()
    with suppress(ValueError):
        value = parse_json(first)
        if value and not _is_ours(value):  # the first of JSON lines
            return None
    values = parse_json(first + stream.read())
    if not values:
        raise ValueError("it is empty")
    return values


def _is_ours(values: object) -> bool:
    return isinstance(values, dict) and str(values.get("format")).startswith(_FORMAT)


def _tokenizer(values: object) -> TokenizerIdentity | None:
    if not isinstance(values, dict) or not isinstance(values.get("sha256"), str):
        return None
    ids = values.get("ids")
    return TokenizerIdentity(values["sha256"], lambda: ids if isinstance(ids, str) else None)

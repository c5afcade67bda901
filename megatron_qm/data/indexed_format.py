"""Byte layout of Megatron's indexed datasets: what the writer and the reader agree on.

PREFIX.bin holds nothing but token ids. PREFIX.idx, little-endian (megatron/core/datasets/indexed_dataset.py,
`_IndexWriter`): `MMIDIDX\\0\\0`, u64 version 1, u8 dtype code, u64 sequences S, u64 document indices D (documents + 1);
then i32 lengths[S] in tokens, i64 pointers[S] in bytes of the .bin, i64 document_indices[D] in sequences, 0 to S;
multimodal sets end with i8 modes[S].
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from megatron_qm.errors import UserError

MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
HEADER = struct.Struct("<9sQBQQ")
LENGTH_DTYPE = np.dtype("<i4")
POINTER_DTYPE = np.dtype("<i8")
DOCUMENT_DTYPE = np.dtype("<i8")

# Megatron's codes 6 and 7 are floats, which are no tokens.
_DTYPES = {1: "<u1", 2: "<i1", 3: "<i2", 4: "<i4", 5: "<i8", 8: "<u2"}
_CODES = {np.dtype(name): code for code, name in _DTYPES.items()}
# Megatron's DType.optimal_dtype: uint16 below this many entries of the vocabulary, else int32.
_UINT16_VOCABULARY = 65500


@dataclass(frozen=True)
class Header:
    """What the first 34 bytes of an .idx file say, and where its arrays start (bytes from the start of the file)."""

    dtype: np.dtype
    sequences: int
    documents: int
    lengths_offset: int
    pointers_offset: int
    documents_offset: int
    has_modes: bool


def dtype_of_code(code: int) -> np.dtype:
    """The token type of a dtype code, little-endian. Raises KeyError for a code that is no integer type."""
    return np.dtype(_DTYPES[code])


def code_of_dtype(dtype: np.dtype) -> int:
    """The dtype code of a token type. Raises KeyError for a type that the format has no code for."""
    return _CODES[np.dtype(dtype).newbyteorder("<")]


def token_dtype(vocabulary_size: int) -> np.dtype:
    """The type that Megatron gives to the tokens of a vocabulary of that many entries."""
    return np.dtype("<u2") if vocabulary_size < _UINT16_VOCABULARY else np.dtype("<i4")


def pack_header(dtype: np.dtype, sequences: int, documents: int) -> bytes:
    """The 34 bytes that open an .idx file."""
    return HEADER.pack(MAGIC, VERSION, code_of_dtype(dtype), sequences, documents + 1)


def index_bytes(sequences: int, documents: int) -> int:
    """Size of the .idx file of a text dataset (one without modes)."""
    arrays = sequences * (LENGTH_DTYPE.itemsize + POINTER_DTYPE.itemsize) + (documents + 1) * DOCUMENT_DTYPE.itemsize
    return HEADER.size + arrays


def read_header(path: Path) -> Header:
    """Read the header of an .idx file and compare the file's size with it.

    Raises UserError naming the file where magic, version, dtype or size are wrong, OSError where it cannot be read.
    """
    path = Path(path)
    with open(path, "rb") as stream:
        raw = stream.read(HEADER.size)
        size = stream.seek(0, 2)
    if len(raw) < HEADER.size:
        raise UserError(f"{path}: {size} bytes, shorter than the header of an index: it is truncated; copy it again")
    magic, version, code, sequences, entries = HEADER.unpack(raw)
    if magic != MAGIC or version != VERSION:
        raise UserError(f"{path}: not an index of a Megatron indexed dataset (starts with {raw[:17]!r})")
    if code not in _DTYPES:
        raise UserError(f"{path}: dtype code {code} is not one of integer tokens {sorted(_DTYPES)}")
    if entries == 0:
        raise UserError(f"{path}: has no document indices, not even the leading 0: it is damaged; write it again")
    expected = index_bytes(sequences, entries - 1)
    if size not in (expected, expected + sequences):
        state = "truncated" if size < expected else "altered"
        raise UserError(
            f"{path}: {size} bytes where its header ({sequences} sequences, {entries - 1} documents) asks for "
            f"{expected}: it is {state}; copy it again or rerun preprocessing"
        )
    pointers_offset = HEADER.size + sequences * LENGTH_DTYPE.itemsize
    documents_offset = pointers_offset + sequences * POINTER_DTYPE.itemsize
    has_modes = size > expected
    return Header(
        dtype_of_code(code), sequences, entries - 1, HEADER.size, pointers_offset, documents_offset, has_modes
    )

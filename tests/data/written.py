"""Small indexed datasets for tests, written straight from the description of the format."""

import json
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from megatron_qm.files import sha256

CODES = {"uint8": 1, "int8": 2, "int16": 3, "int32": 4, "int64": 5, "uint16": 8}


def write_dataset(
    prefix: Path, documents: Sequence[Sequence[Sequence[int]]], dtype: str = "int32", manifest: bool = False
) -> str:
    """Documents of sequences of token ids; returns the prefix as text."""
    sequences = [sequence for document in documents for sequence in document]
    item = np.dtype(dtype).itemsize
    lengths = [len(sequence) for sequence in sequences]
    pointers = np.concatenate([[0], np.cumsum(lengths)[:-1]]) * item if lengths else []
    indices = np.concatenate([[0], np.cumsum([len(document) for document in documents])])
    with open(f"{prefix}.bin", "wb") as stream:
        for sequence in sequences:
            stream.write(np.asarray(sequence, dtype).tobytes())
    with open(f"{prefix}.idx", "wb") as stream:
        stream.write(b"MMIDIDX\x00\x00" + struct.pack("<QB", 1, CODES[dtype]))
        stream.write(struct.pack("<QQ", len(sequences), len(indices)))
        stream.write(np.asarray(lengths, "<i4").tobytes())
        stream.write(np.asarray(pointers, "<i8").tobytes())
        stream.write(np.asarray(indices, "<i8").tobytes())
    if manifest:
        write_manifest(prefix, len(documents), sum(lengths), dtype)
    return str(prefix)


def write_manifest(prefix: Path, documents: int, tokens: int, dtype: str) -> None:
    files = {kind: Path(f"{prefix}.{kind}") for kind in ("bin", "idx")}
    values = {
        "format": "megatron-qm indexed dataset 1",
        "documents": documents,
        "tokens": tokens,
        "dtype": dtype,
        "sizes": {kind: file.stat().st_size for kind, file in files.items()},
        "checksums": {kind: sha256(file) for kind, file in files.items()},
    }
    Path(f"{prefix}.json").write_text(json.dumps(values, indent=2))


def counting_dataset(
    prefix: Path, document_lengths: Sequence[int], dtype: str = "int32", manifest: bool = False
) -> str:
    """Documents of one sequence each, in which token t of the dataset has the id t."""
    ends = np.cumsum(document_lengths)
    documents = [[range(end - length, end)] for length, end in zip(document_lengths, ends, strict=True)]
    return write_dataset(prefix, documents, dtype, manifest)

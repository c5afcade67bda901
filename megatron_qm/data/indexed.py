"""Reading Megatron's indexed datasets: PREFIX.bin (tokens) and PREFIX.idx (where sequences and documents lie).

What Megatron-LM wrote is read as it is; `data_tools/preprocess.py` adds PREFIX.json, a manifest that the files are
compared with. A PREFIX.learn, of one byte a token, says which tokens are to be learnt (1) and which are only read (0); what
responses a document holds lies beside it too (responses.py).
Opening costs the same for any size: nothing is loaded, both files are read where they are asked for.
"""

import hashlib
import os
from pathlib import Path

import numpy as np

from megatron_qm.data.file_array import FileArray, ReadOnlyFile
from megatron_qm.data.index_file import IndexFile
from megatron_qm.data.manifest import Manifest
from megatron_qm.data.responses import Responses
from megatron_qm.errors import UserError

# Files up to this size are always compared with their checksum and enter the fingerprint whole: a few ms.
_SMALL_BYTES = 8 << 20
_FINGERPRINT_SAMPLES = 256
_FINGERPRINT_SAMPLE_BYTES = 4096


class IndexedDataset:
    """One dataset: `tokens` token ids of type `dtype` in `documents` documents (of one or more sequences each)."""

    def __init__(self, prefix: str, index: IndexFile, manifest: Manifest | None, bin_path: Path) -> None:
        self.prefix = prefix
        self.bin_path = bin_path
        self.index = index
        self.manifest = manifest
        self.dtype = index.dtype
        self.documents = index.documents
        self.tokens = index.bin_bytes // index.dtype.itemsize
        self._tokens = FileArray(ReadOnlyFile(bin_path), self.dtype, 0, self.tokens)
        self.learn_path = Path(f"{prefix}.learn")
        self._learn = _open_learn(self.learn_path, self.tokens)
        self.responses = Responses.beside(prefix, self.tokens)

    @classmethod
    def open(cls, prefix: str | Path, verify: bool = False) -> "IndexedDataset":
        """Open PREFIX.bin and PREFIX.idx and check them against each other and against PREFIX.json, if there is one.

        With `verify` every byte is read: all index entries, and the checksums, which must then exist. Raises UserError
        naming the file that is missing, truncated, altered or not an indexed dataset.
        """
        prefix = os.fspath(prefix)
        idx_path, bin_path = Path(f"{prefix}.idx"), Path(f"{prefix}.bin")
        for path in (idx_path, bin_path):
            if not path.is_file():
                hint = f"; give the prefix without {Path(prefix).suffix}" if prefix.endswith((".bin", ".idx")) else ""
                raise UserError(f"{path}: no such file{hint}")
        manifest = Manifest.read(Path(f"{prefix}.json"))
        if verify and manifest is None:
            raise UserError(
                f"{prefix}.json: no manifest, so no checksums to verify {bin_path} with; turn verification off"
            )
        try:
            index = IndexFile(idx_path)
            index.check(whole=verify)
            _check_bin_size(bin_path, index)
            if manifest is not None:
                _check_manifest(manifest, index, idx_path, bin_path, verify)
            return cls(prefix, index, manifest, bin_path)
        except OSError as error:
            raise UserError(f"{error.filename or prefix}: cannot be read: {error.strerror}") from None

    def read(self, start: int, count: int) -> np.ndarray:
        """Tokens [start, start + count), shape [count], type `dtype`. Raises UserError if the file was cut short."""
        if not 0 <= start <= start + count <= self.tokens:
            raise IndexError(f"{self.bin_path}: no tokens {start} to {start + count} among {self.tokens}")
        return self._tokens[start : start + count]

    def learnt(self, start: int, count: int) -> np.ndarray | None:
        """uint8 [count]: 1 where the token is to be learnt; None for a dataset of which all are."""
        return None if self._learn is None else self._learn[start : start + count]

    def document_at(self, token: int) -> int:
        """The document that holds `token`, 0 <= token < tokens."""
        return self.index.document_of(self.index.sequence_at(token * self.dtype.itemsize))

    def document_range(self, document: int) -> tuple[int, int]:
        """(first token, one past the last) of a document; both are equal where it is empty."""
        first, last = self.index.document_indices[document : document + 2].tolist()
        return self._first_token(first), self._first_token(last)

    def document_starts(self, start: int, stop: int) -> np.ndarray:
        """First tokens of the documents (empty ones aside) that start in [start, stop), rising, int64."""
        itemsize = self.dtype.itemsize
        starts = self.index.document_pointers(start * itemsize, stop * itemsize) // itemsize
        return starts[np.diff(starts, prepend=-1) > 0]  # empty documents start where the next one does

    def fingerprint(self) -> str:
        """A digest of sizes and contents: of all bytes of small files, of samples of large ones."""
        digest = hashlib.sha256()
        paths = [self.index.path, self.bin_path] + [self.learn_path] * (self._learn is not None)
        paths += self.responses.paths if self.responses else []
        for path in paths:
            size = path.stat().st_size
            digest.update(f"{size}\n".encode())
            with open(path, "rb", buffering=0) as stream:
                for offset, length in _sample_ranges(size):
                    stream.seek(offset)
                    digest.update(stream.read(length))
        return digest.hexdigest()[:32]

    def _first_token(self, sequence: int) -> int:
        if sequence == self.index.sequences:
            return self.tokens
        return self.index.pointers[sequence] // self.dtype.itemsize


def _open_learn(path: Path, tokens: int) -> FileArray | None:
    if not path.is_file():
        return None
    size = path.stat().st_size
    if size != tokens:
        raise UserError(f"{path}: {size} bytes for a dataset of {tokens} tokens, one each: make both again")
    return FileArray(ReadOnlyFile(path), np.dtype(np.uint8), 0, tokens)


def _check_bin_size(bin_path: Path, index: IndexFile) -> None:
    size = bin_path.stat().st_size
    if size != index.bin_bytes:
        state = "truncated" if size < index.bin_bytes else "longer than its index"
        raise UserError(
            f"{bin_path}: {size} bytes where {index.path} asks for {index.bin_bytes}: it is {state}; copy both again "
            "or rerun preprocessing"
        )


def _check_manifest(manifest: Manifest, index: IndexFile, idx_path: Path, bin_path: Path, verify: bool) -> None:
    tokens = index.bin_bytes // index.dtype.itemsize
    manifest.check_counts({"documents": index.documents, "tokens": tokens, "dtype": index.dtype.name})
    for kind, path in (("idx", idx_path), ("bin", bin_path)):
        size = path.stat().st_size
        manifest.check_size(kind, path, size)
        if verify or size <= _SMALL_BYTES:
            manifest.check_checksum(kind, path)


def _sample_ranges(size: int) -> list[tuple[int, int]]:
    """(offset, length) of the bytes of a file that enter the fingerprint."""
    if size <= _SMALL_BYTES:
        return [(0, size)]
    last = size - _FINGERPRINT_SAMPLE_BYTES
    steps = _FINGERPRINT_SAMPLES - 1
    return [(last * step // steps, _FINGERPRINT_SAMPLE_BYTES) for step in range(_FINGERPRINT_SAMPLES)]

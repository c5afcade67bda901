import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data_tools import indexed_writer
from data_tools.indexed_writer import IndexedWriter
from megatron_qm.data.indexed_format import code_of_dtype, dtype_of_code, read_header, token_dtype
from megatron_qm.errors import UserError
from megatron_qm.files import sha256
from tests.data_tools.raw_texts import megatron_bytes


def _documents(count: int, vocabulary: int) -> list[list[int]]:
    chance = np.random.default_rng(count)
    return [chance.integers(0, vocabulary, length).tolist() for length in chance.integers(1, 30, count)]


def _append(writer: IndexedWriter, documents: list[list[int]]) -> None:
    flat = np.array([token for document in documents for token in document], writer.dtype)
    writer.append(flat, np.array([len(document) for document in documents], "<i4"))


def _paths(folder: Path) -> tuple[Path, Path]:
    return folder / "a.bin", folder / "a.idx"


@pytest.mark.parametrize("count", [0, 1, 7, 8, 100])
@pytest.mark.parametrize("dtype", [np.uint16, np.int32])
def test_the_bytes_are_megatrons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, dtype: type) -> None:
    monkeypatch.setattr(indexed_writer, "_PIECE_ENTRIES", 7)
    documents = _documents(count, 60_000)
    writer = IndexedWriter(*_paths(tmp_path), np.dtype(dtype))
    for first in range(0, count, 9):
        _append(writer, documents[first : first + 9])
    finished = writer.finish()
    writer.close()
    expected = megatron_bytes(documents, dtype, tmp_path)
    assert tuple(path.read_bytes() for path in _paths(tmp_path)) == expected
    for kind, path in zip(("bin", "idx"), _paths(tmp_path), strict=True):
        assert finished.checksums[kind] == sha256(path)
        assert finished.sizes[kind] == path.stat().st_size
    header = read_header(tmp_path / "a.idx")
    assert (header.sequences, header.documents, header.has_modes) == (count, count, False)
    assert header.dtype == np.dtype(dtype)


def test_work_behind_the_last_commit_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexed_writer, "_PIECE_BYTES", 11)
    documents = _documents(50, 1000)
    writer = IndexedWriter(*_paths(tmp_path), np.dtype(np.uint16))
    _append(writer, documents[:20])
    sizes = writer.bin_bytes, writer.sequences
    _append(writer, documents[:9])
    writer.finish()  # a crash may come after the index was completed, and before anyone knew
    writer.close()
    resumed = IndexedWriter(*_paths(tmp_path), np.dtype(np.uint16), *sizes)
    _append(resumed, documents[20:])
    finished = resumed.finish()
    resumed.close()
    assert tuple(path.read_bytes() for path in _paths(tmp_path)) == megatron_bytes(documents, np.uint16, tmp_path)
    assert finished.checksums["bin"] == sha256(tmp_path / "a.bin")


MANY_DOCUMENTS = """
import resource, sys
from pathlib import Path
import numpy as np
from data_tools.indexed_writer import IndexedWriter
writer = IndexedWriter(Path(sys.argv[1], "a.bin"), Path(sys.argv[1], "a.idx"), np.dtype("<u2"))
for _ in range(int(sys.argv[2])):
    writer.append(np.ones(100_000, "<u2"), np.ones(100_000, "<i4"))
writer.finish()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_number_of_documents(tmp_path: Path) -> None:
    peaks = []
    for hundred_thousands in (20, 80):
        command = [sys.executable, "-c", MANY_DOCUMENTS, str(tmp_path), str(hundred_thousands)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
        peaks.append(int(done.stdout))
    assert peaks[1] - peaks[0] < 10 << 10  # KiB; the index has grown by 120 MB


@pytest.mark.parametrize("name", ["a.bin", "a.idx"])
def test_a_file_shorter_than_what_was_committed_is_refused(tmp_path: Path, name: str) -> None:
    writer = IndexedWriter(*_paths(tmp_path), np.dtype(np.uint16))
    _append(writer, _documents(5, 1000))
    writer.close()
    os.truncate(tmp_path / name, 20)
    with pytest.raises(UserError, match=name):
        IndexedWriter(*_paths(tmp_path), np.dtype(np.uint16), writer.bin_bytes, writer.sequences)


def test_dtypes_are_those_that_megatron_chooses() -> None:
    from megatron.core.datasets.indexed_dataset import DType

    for vocabulary in (1, 65_499, 65_500, 65_536, 151_669):
        assert token_dtype(vocabulary) == np.dtype(DType.optimal_dtype(vocabulary))
    for code in (1, 2, 3, 4, 5, 8):
        assert dtype_of_code(code) == np.dtype(DType.dtype_from_code(code))
        assert code_of_dtype(dtype_of_code(code)) == code


@pytest.mark.parametrize(
    ("offset", "data"), [(0, b"X"), (9, b"\x02"), (17, b"\x07"), (18, b"\xff"), (26, bytes(8))]
)
def test_a_damaged_header_is_refused_by_name(tmp_path: Path, offset: int, data: bytes) -> None:
    writer = IndexedWriter(*_paths(tmp_path), np.dtype(np.uint16))
    _append(writer, _documents(5, 1000))
    writer.finish()
    writer.close()
    with open(tmp_path / "a.idx", "r+b") as stream:
        stream.seek(offset)
        stream.write(data)
    with pytest.raises(UserError, match="a.idx"):
        read_header(tmp_path / "a.idx")
    os.truncate(tmp_path / "a.idx", 20)
    with pytest.raises(UserError, match="a.idx"):
        read_header(tmp_path / "a.idx")

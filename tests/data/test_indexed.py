"""Datasets that Megatron-LM wrote are read as they are; damaged ones are refused by name."""

import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from megatron_qm.data import index_file
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.errors import UserError
from tests.data.written import counting_dataset, write_dataset, write_manifest

DOCUMENTS = [[[5, 6, 7], [8]], [[9, 10]], [[], [11, 12, 13, 14]], [[15]], [[], []], [[16, 17]]]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "int64"])
@pytest.mark.parametrize("multimodal", [False, True])
def test_reads_what_megatron_writes(tmp_path: Path, dtype: str, multimodal: bool) -> None:
    import torch
    from megatron.core.datasets.indexed_dataset import IndexedDataset as MegatronDataset
    from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder

    prefix = str(tmp_path / "mcore")
    builder = IndexedDatasetBuilder(f"{prefix}.bin", getattr(np, dtype), multimodal)
    for document in DOCUMENTS:
        for sequence in document:
            builder.add_item(torch.tensor(sequence, dtype=torch.int64), mode=1)
        builder.end_document()
    builder.finalize(f"{prefix}.idx")

    theirs = MegatronDataset(prefix, multimodal)
    ours = IndexedDataset.open(prefix)
    flat = [token for document in DOCUMENTS for sequence in document for token in sequence]
    assert (ours.documents, ours.tokens, ours.dtype) == (len(DOCUMENTS), len(flat), np.dtype(dtype))
    assert ours.read(0, ours.tokens).tolist() == flat
    start = 0
    for number, document in enumerate(DOCUMENTS):
        first, stop = ours.document_range(number)
        first_sequence, last_sequence = theirs.document_indices[number : number + 2]
        text = [token for row in range(first_sequence, last_sequence) for token in _item(theirs, row, multimodal)]
        assert ours.read(first, stop - first).tolist() == text == [token for part in document for token in part]
        assert first == start
        start = stop


def _item(dataset: object, row: int, multimodal: bool) -> list[int]:
    item = dataset[row]
    return (item[0] if multimodal else item).tolist()


def test_the_tests_own_writer_makes_megatrons_bytes(tmp_path: Path) -> None:
    import torch
    from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder

    builder = IndexedDatasetBuilder(str(tmp_path / "theirs.bin"), np.uint16)
    for document in DOCUMENTS:
        for sequence in document:
            builder.add_item(torch.tensor(sequence, dtype=torch.int64))
        builder.end_document()
    builder.finalize(str(tmp_path / "theirs.idx"))
    write_dataset(tmp_path / "ours", DOCUMENTS, "uint16")
    for kind in ("bin", "idx"):
        assert (tmp_path / f"ours.{kind}").read_bytes() == (tmp_path / f"theirs.{kind}").read_bytes()


documents_strategy = st.lists(st.lists(st.lists(st.integers(0, 99), max_size=6), max_size=3), min_size=1, max_size=12)


@given(documents=documents_strategy, data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_documents_are_found_as_a_plain_list_has_them(tmp_path: Path, documents: list, data: st.DataObject) -> None:
    dataset = IndexedDataset.open(write_dataset(tmp_path / "d", documents))
    owner = [number for number, document in enumerate(documents) for part in document for _ in part]
    assert [dataset.document_at(token) for token in range(dataset.tokens)] == owner
    firsts = [token for token in range(len(owner)) if token == 0 or owner[token - 1] != owner[token]]
    start = data.draw(st.integers(0, len(owner)))
    stop = data.draw(st.integers(start, len(owner)))
    assert dataset.document_starts(start, stop).tolist() == [token for token in firsts if start <= token < stop]


def test_an_empty_dataset_opens(tmp_path: Path) -> None:
    dataset = IndexedDataset.open(write_dataset(tmp_path / "empty", []))
    assert (dataset.documents, dataset.tokens) == (0, 0)
    assert dataset.read(0, 0).tolist() == []


def _truncate(kind: str, by: int) -> Callable[[Path], None]:
    return lambda prefix: os.truncate(f"{prefix}.{kind}", os.path.getsize(f"{prefix}.{kind}") - by)


def _append(kind: str) -> Callable[[Path], None]:
    def damage(prefix: Path) -> None:
        with open(f"{prefix}.{kind}", "ab") as stream:
            stream.write(b"\0\0\0")

    return damage


def _overwrite(kind: str, offset: int, data: bytes) -> Callable[[Path], None]:
    def damage(prefix: Path) -> None:
        with open(f"{prefix}.{kind}", "r+b") as stream:
            stream.seek(offset, os.SEEK_SET if offset >= 0 else os.SEEK_END)
            stream.write(data)

    return damage


ITEMS = 50
POINTERS = 34 + 4 * ITEMS
DAMAGES = {
    "no bin": ("bin", lambda prefix: os.remove(f"{prefix}.bin")),
    "no idx": ("idx", lambda prefix: os.remove(f"{prefix}.idx")),
    "bin cut by a token": ("bin", _truncate("bin", 4)),
    "bin cut by a byte": ("bin", _truncate("bin", 1)),
    "bin empty": ("bin", lambda prefix: os.truncate(f"{prefix}.bin", 0)),
    "bin longer": ("bin", _append("bin")),
    "idx cut": ("idx", _truncate("idx", 8)),
    "idx cut within its header": ("idx", lambda prefix: os.truncate(f"{prefix}.idx", 20)),
    "idx empty": ("idx", lambda prefix: os.truncate(f"{prefix}.idx", 0)),
    "idx longer": ("idx", _append("idx")),
    "other magic": ("idx", _overwrite("idx", 0, b"GGUF")),
    "other version": ("idx", _overwrite("idx", 9, b"\2")),
    "float tokens": ("idx", _overwrite("idx", 17, b"\7")),
    "huge count": ("idx", _overwrite("idx", 18, b"\xff" * 8)),
    "no documents": ("idx", _overwrite("idx", 26, b"\0" * 8)),
    "length changed": ("idx", _overwrite("idx", 34 + 4 * 7, b"\x09")),
    "negative length": ("idx", _overwrite("idx", 34 + 4 * 7, b"\xff" * 4)),
    "pointer changed": ("idx", _overwrite("idx", POINTERS + 8 * 20, b"\x01")),
    "first pointer": ("idx", _overwrite("idx", POINTERS, b"\x04")),
    "documents out of order": ("idx", _overwrite("idx", POINTERS + 8 * ITEMS + 8 * 5, b"\x02")),
    "last document index": ("idx", _overwrite("idx", -8, b"\x07")),
}


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("manifest", [False, True])
@pytest.mark.parametrize("entries_at_a_time", [5, 1 << 20])
def test_damage_is_refused_with_the_name_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, manifest: bool, entries_at_a_time: int
) -> None:
    monkeypatch.setattr(index_file, "_CHECK_PIECE", entries_at_a_time)
    kind, damage = DAMAGES[name]
    prefix = tmp_path / "d"
    counting_dataset(prefix, [3] * ITEMS, manifest=manifest)
    IndexedDataset.open(prefix)
    damage(prefix)
    with pytest.raises(UserError, match=rf"d\.{kind}"):
        IndexedDataset.open(prefix)


def test_negative_lengths_are_refused_even_where_the_sums_agree(tmp_path: Path) -> None:
    counting_dataset(tmp_path / "d", [3] * ITEMS)
    _overwrite("idx", 34 + 4 * 7, np.array([8, -2], "<i4").tobytes())(tmp_path / "d")
    _overwrite("idx", POINTERS + 8 * 8, np.array([(21 + 8) * 4], "<i8").tobytes())(tmp_path / "d")
    with pytest.raises(UserError, match=r"d\.idx: sequence 8 has length -2"):
        IndexedDataset.open(tmp_path / "d")


def test_tokens_before_the_first_sequence_are_refused(tmp_path: Path) -> None:
    counting_dataset(tmp_path / "d", [3])
    _overwrite("idx", 34 + 4, b"\x04")(tmp_path / "d")
    with open(tmp_path / "d.bin", "ab") as stream:
        stream.write(b"\0" * 4)
    with pytest.raises(UserError, match=r"d\.idx: sequence 0 .* starts at byte 4"):
        IndexedDataset.open(tmp_path / "d")


def test_many_documents_in_one_range_are_all_found(tmp_path: Path) -> None:
    dataset = IndexedDataset.open(counting_dataset(tmp_path / "d", [1, 2] * 1000))
    starts = np.cumsum([0] + [1, 2] * 1000)
    for start, stop in ((0, 3000), (5, 2999), (700, 900), (2999, 3000), (1500, 1500)):
        assert dataset.document_starts(start, stop).tolist() == [s for s in starts[:-1] if start <= s < stop]


def test_reading_past_the_end_is_a_programming_error(tmp_path: Path) -> None:
    dataset = IndexedDataset.open(counting_dataset(tmp_path / "d", [5]))
    for start, count in ((0, 6), (5, 1), (-1, 2), (3, -1)):
        with pytest.raises(IndexError):
            dataset.read(start, count)


@pytest.mark.parametrize("kind", ["bin", "idx"])
def test_every_flipped_byte_is_found_with_a_manifest(tmp_path: Path, kind: str) -> None:
    prefix = tmp_path / "d"
    counting_dataset(prefix, [2, 3], manifest=True)
    file = Path(f"{prefix}.{kind}")
    good = file.read_bytes()
    for offset in range(len(good)):
        file.write_bytes(good[:offset] + bytes([good[offset] ^ 1]) + good[offset + 1 :])
        with pytest.raises(UserError, match=r"d\.(bin|idx|json)"):
            IndexedDataset.open(prefix)
    file.write_bytes(good)
    IndexedDataset.open(prefix, verify=True)


@pytest.mark.parametrize("key", ["documents", "tokens", "dtype"])
def test_counts_of_the_manifest_are_compared(tmp_path: Path, key: str) -> None:
    prefix = tmp_path / "d"
    counting_dataset(prefix, [2, 3], manifest=True)
    path = Path(f"{prefix}.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), key: "uint8" if key == "dtype" else 4}, indent=2))
    with pytest.raises(UserError, match=rf"d\.json.*{key}"):
        IndexedDataset.open(prefix)


def test_large_files_are_read_through_on_request_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("megatron_qm.data.indexed._SMALL_BYTES", 64)
    prefix = tmp_path / "d"
    counting_dataset(prefix, [100, 200], manifest=True)
    _overwrite("bin", 600, b"\x55")(prefix)
    IndexedDataset.open(prefix)
    with pytest.raises(UserError, match=r"d\.bin.*checksum"):
        IndexedDataset.open(prefix, verify=True)


def test_verification_without_checksums_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"d\.json"):
        IndexedDataset.open(counting_dataset(tmp_path / "d", [4]), verify=True)


@pytest.mark.parametrize("text", ['{"text": "raw"}\n{"text": "lines"}\n', '{"text": "raw"}\r\n{"te', "[1, 2]", "[1]\n[2]\n",
                                  '[\n  {"text": "one"}\n]', '{\n  "text": "one"\n}', '{"text": "one"}'])
def test_a_json_file_of_another_kind_beside_the_dataset_is_left_alone(tmp_path: Path, text: str) -> None:
    prefix = counting_dataset(tmp_path / "d", [4])
    Path(f"{prefix}.json").write_text(text)
    assert IndexedDataset.open(prefix).manifest is None


LAYOUTS: dict[str, Callable[[str], bytes]] = {
    "as written": str.encode,
    "compact": lambda text: json.dumps(json.loads(text), separators=(",", ":")).encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "a byte order mark": lambda text: text.encode("utf-8-sig"),
    "indented by a tab, after an empty line": lambda text: ("\n" + json.dumps(json.loads(text), indent="\t")).encode(),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_manifest_counts_however_it_is_laid_out(tmp_path: Path, layout: str) -> None:
    prefix = counting_dataset(tmp_path / "d", [4], manifest=True)
    path = Path(f"{prefix}.json")
    whole = LAYOUTS[layout](path.read_text())
    path.write_bytes(whole)
    assert IndexedDataset.open(prefix).manifest is not None
    for size in (*range(0, len(whole.rstrip()), 7), 1):
        path.write_bytes(whole[:size])
        with pytest.raises(UserError, match=r"d\.json: the manifest is damaged"):
            IndexedDataset.open(prefix)
    path.write_bytes(whole)
    _overwrite("bin", 8, b"\x55")(tmp_path / "d")
    with pytest.raises(UserError, match=r"d\.bin.*checksum"):
        IndexedDataset.open(prefix)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "\n", "\0" * 40, "no JSON", "null"])
def test_what_no_raw_text_can_be_is_refused(tmp_path: Path, text: str) -> None:
    prefix = counting_dataset(tmp_path / "d", [4])
    Path(f"{prefix}.json").write_text(text)
    with pytest.raises(UserError, match=r"d\.json: the manifest is damaged .*; copy it again with its dataset, or, if"):
        IndexedDataset.open(prefix)


def test_a_torn_manifest_is_refused(tmp_path: Path) -> None:
    prefix = counting_dataset(tmp_path / "d", [4], manifest=True)
    path = Path(f"{prefix}.json")
    path.write_text(path.read_text()[:60])
    with pytest.raises(UserError, match=r"d\.json"):
        IndexedDataset.open(prefix)


def test_a_prefix_with_its_ending_is_explained(tmp_path: Path) -> None:
    prefix = counting_dataset(tmp_path / "d", [4])
    with pytest.raises(UserError, match=r"without \.bin"):
        IndexedDataset.open(f"{prefix}.bin")


def test_a_file_cut_short_after_opening_is_an_error_with_a_name(tmp_path: Path) -> None:
    prefix = counting_dataset(tmp_path / "d", [400])
    dataset = IndexedDataset.open(prefix)
    os.truncate(f"{prefix}.bin", 800)
    assert dataset.read(0, 200).tolist() == list(range(200))
    with pytest.raises(UserError, match=r"d\.bin"):
        dataset.read(150, 100)


@pytest.mark.parametrize("damaged", [7, 20_000, 99_999])
def test_long_indexes_are_read_through_on_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damaged: int
) -> None:
    monkeypatch.setattr(index_file, "CHECK_ALL_ENTRIES", 1000)
    monkeypatch.setattr("megatron_qm.data.indexed._SMALL_BYTES", 64)
    prefix = tmp_path / "d"
    count = 100_000
    counting_dataset(prefix, [1] * count)
    _overwrite("idx", 34 + 4 * count + 8 * damaged, b"\x77")(prefix)
    write_manifest(prefix, count, count, "int32")
    with pytest.raises(UserError, match=rf"d\.idx: sequence ({damaged}|{damaged + 1}) "):
        IndexedDataset.open(prefix, verify=True)


def test_fingerprints_follow_the_bytes_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = IndexedDataset.open(counting_dataset(tmp_path / "a", [2, 3])).fingerprint()
    assert IndexedDataset.open(counting_dataset(tmp_path / "b", [2, 3], manifest=True)).fingerprint() == first
    assert IndexedDataset.open(counting_dataset(tmp_path / "c", [3, 2])).fingerprint() != first
    _overwrite("bin", 8, b"\x55")(tmp_path / "a")
    assert IndexedDataset.open(tmp_path / "a").fingerprint() != first

    monkeypatch.setattr("megatron_qm.data.indexed._SMALL_BYTES", 1 << 16)
    counting_dataset(tmp_path / "large", [1_000_000])
    sampled = IndexedDataset.open(tmp_path / "large").fingerprint()
    for offset in (0, 4_000_000 - 4):
        _overwrite("bin", offset, b"\x55")(tmp_path / "large")
        changed = IndexedDataset.open(tmp_path / "large").fingerprint()
        assert changed != sampled
        sampled = changed


HUGE_TOKENS, HUGE_DOCUMENTS, LONG = 10**12, 10**9, 2 * 10**9

READ_HUGE = """
import json, sys
from megatron_qm.data.reader import BatchReader, SourceSpec

def peak():  # MiB, mapped pages included; not ru_maxrss, which starts at the parent's
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return int(status["VmHWM"].split()[0]) // 1024

start = peak()
reader = BatchReader([SourceSpec("huge", sys.argv[1])], sequence_length=4096, block_size=65536, seed=1)
opened = peak()
dataset = reader.datasets[0]
steps = 20
for _ in range(steps):
    plan = reader.plan_step(8)
    reader.read(plan)
    reader.advance(plan)
values = {"tokens": dataset.tokens, "documents": dataset.documents, "state": len(json.dumps(reader.state())),
          "open_mib": opened - start, "read_mib": peak() - opened}
print(json.dumps(values))
"""


def _write_huge(prefix: Path) -> None:
    """Sparse files: a billion documents of which the last holds all 10^12 tokens, in sequences of 2 x 10^9."""
    full = HUGE_TOKENS // LONG
    with open(f"{prefix}.bin", "wb") as stream:
        stream.truncate(HUGE_TOKENS * 2)
    with open(f"{prefix}.idx", "wb") as stream:
        stream.write(struct.pack("<9sQBQQ", b"MMIDIDX\x00\x00", 1, 8, HUGE_DOCUMENTS, HUGE_DOCUMENTS + 1))
        stream.seek(34 + 4 * (HUGE_DOCUMENTS - full))
        stream.write(np.full(full, LONG, "<i4").tobytes())
        stream.seek(34 + 4 * HUGE_DOCUMENTS + 8 * (HUGE_DOCUMENTS - full))
        stream.write((np.arange(full, dtype="<i8") * LONG * 2).tobytes())
        stream.seek(34 + 12 * HUGE_DOCUMENTS + 8 * HUGE_DOCUMENTS)
        stream.write(np.array([HUGE_DOCUMENTS], "<i8").tobytes())


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
def test_a_trillion_tokens_in_a_billion_documents_need_no_memory(tmp_path: Path) -> None:
    try:
        _write_huge(tmp_path / "huge")
    except OSError as error:
        pytest.skip(f"this file system has no sparse files of 2 TB: {error.strerror}")
    command = [sys.executable, "-c", READ_HUGE, str(tmp_path / "huge")]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    values = json.loads(run.stdout)
    assert (values["tokens"], values["documents"]) == (HUGE_TOKENS, HUGE_DOCUMENTS)
    assert values["open_mib"] < 64  # the index alone is 20 GB
    assert values["read_mib"] < 64
    assert values["state"] < 1000

"""Files that are cut or corrupt: what the format's own tool reads of them is kept, and nothing ends well without a word."""

import gzip
import json
import random
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from data_tools.options import Options
from data_tools.pipeline import preprocess
from data_tools.preprocess import main
from data_tools.sources import decompress
from data_tools.sources.blocks import Block, Damage, Position
from data_tools.sources.inputs import find_inputs, shares_of
from data_tools.sources.parse import parse_block
from data_tools.sources.read import read_blocks
from data_tools.stopping import Interrupted, StopRequest
from megatron_qm.errors import UserError
from tests.data_tools.raw_texts import COMPRESS, json_lines, reference_ids, rejects, run, texts, tokens, write_file, write_parquet

TOOLS = {".gz": ("gzip", "-dc"), ".bz2": ("bzip2", "-dc"), ".xz": ("xz", "-dc"), ".zst": ("zstd", "-dc", "-q")}
PLACES = 50


def _needs(ending: str) -> None:
    if not shutil.which(TOOLS[ending][0]):
        pytest.skip(f"{TOOLS[ending][0]} is not installed: nothing to compare with")


def _blocks(path: Path, block_bytes: int) -> list[Block]:
    inputs = find_inputs([str(path)], None, "line")
    return list(read_blocks(inputs, shares_of(inputs, 0, 1), Position(0, 0, 0), "text", block_bytes, 1 << 25))


def _read(path: Path, block_bytes: int = 1 << 20) -> tuple[list[str], list[Damage]]:
    kind = "parquet" if path.suffix == ".parquet" else "jsonl"
    blocks = _blocks(path, block_bytes)
    documents = [text for block in blocks for text in parse_block(block, kind, "text", 1 << 25).texts]
    return documents, [block.damage for block in blocks if block.damage]


def _documents(data: bytes) -> list[str]:
    """Of JSON lines, the last of which may be cut."""
    found = []
    for line in data.split(b"\n"):
        try:
            found.append(json.loads(line)["text"])
        except (ValueError, KeyError, TypeError):
            continue
    return found


def _by_tool(ending: str, data: bytes) -> tuple[list[str], bytes]:
    """(documents, what it says)."""
    done = subprocess.run(TOOLS[ending], input=data, capture_output=True)
    return _documents(done.stdout), done.stderr


def _corpus(chance: random.Random, documents: int, ended: bool) -> bytes:
    """Text of which half can be compressed."""
    lines = [f"{chance.randbytes(chance.randint(1, 80)).hex()} {'word ' * chance.randint(0, 40)}" for _ in range(documents)]
    return json_lines(lines) if ended else json_lines(lines).removesuffix(b"\n")


def _damaged(whole: bytes, chance: random.Random) -> bytes:
    """Cut, or a bit flipped anywhere or in what is checked last."""
    kind, at = chance.choice(("cut", "flip", "flip near the end")), chance.randrange(len(whole))
    if kind == "cut":
        return whole[:at]
    at = len(whole) - 1 - chance.randrange(16) if kind == "flip near the end" else at
    return whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :]


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("ending", COMPRESS)
def test_what_the_formats_own_tool_reads_of_a_damaged_file_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, members: int
) -> None:
    _needs(ending)
    monkeypatch.setattr(decompress, "_FEED_BYTES", 1 << 12)  # a small file is many steps then
    chance = random.Random(f"{ending} {members}")
    content = _corpus(chance, 1000 if ending == ".bz2" else 200, ended=members == 1)
    size = len(content) // members + 1
    whole = b"".join(COMPRESS[ending](content[at : at + size]) for at in range(0, len(content), size))
    path = tmp_path / f"a.jsonl{ending}"
    for place in range(PLACES):
        data = _damaged(whole, chance)
        path.write_bytes(data)
        documents, damage = _read(path, chance.choice((1 << 10, 1 << 12, 1 << 20)))
        expected, said = _by_tool(ending, data)
        # gzip reads on behind a wrong reference, with what its memory held there: no text of this file, or twice the same
        lost = (Counter(expected) & Counter(_documents(content))) - Counter(documents)
        assert not lost, f"place {place}: {lost.total()} of {len(expected)} documents lost"
        assert damage or (not said and documents == expected == _documents(content)), f"place {place}: no word; {said!r}"
        assert all(0 <= at.offset and at.offset + at.unread == len(data) for at in damage)


@pytest.mark.parametrize("rest", [b"rubbish", bytes(512), bytes(3), b"\n", b"B", b"\x1f", b"\x28\xb5"], ids=repr)
@pytest.mark.parametrize("ending", COMPRESS)
def test_what_follows_the_stream_is_taken_as_the_tool_takes_it(tmp_path: Path, ending: str, rest: bytes) -> None:
    _needs(ending)
    content = json_lines(texts(50))
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(COMPRESS[ending](content) + rest)
    documents, damage = _read(path)
    assert documents == texts(50)
    done = subprocess.run((*TOOLS[ending], str(path)), capture_output=True)
    padding = not rest.strip(b"\0")
    assert damage or (padding and not done.returncode)  # never without a word
    if rest == b"rubbish" and ending in (".gz", ".bz2"):
        assert damage[0].harmless and b"trailing garbage" in done.stderr
    elif damage and not damage[0].harmless:
        assert done.returncode or rest == b"\x1f"  # which may be the first byte of a member that is gone


@pytest.mark.parametrize("documents", [3, 30_000])
@pytest.mark.parametrize("ended", [True, False])
def test_a_wrong_checksum_costs_no_document(tmp_path: Path, documents: int, ended: bool) -> None:
    lines = [f"document {number}" for number in range(documents)]
    content = json_lines(lines) if ended else json_lines(lines).removesuffix(b"\n")
    data = bytearray(gzip.compress(content))
    data[-5] ^= 1
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(data)
    found, damage = _read(path)
    assert found == lines and len(damage) == 1 and "wrong checksum" in damage[0].reason


@pytest.mark.parametrize("ending", COMPRESS)
def test_a_compressed_file_of_no_bytes_is_cut(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.jsonl{ending}"
    path.write_bytes(b"")
    assert [at.reason for at in _read(path)[1]] == ["the compressed stream ends early, so the file is truncated"]


def _cut(folder: Path, name: str, documents: list[str], bytes_kept: float) -> Path:
    path = write_file(folder / name, json_lines(documents))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * bytes_kept)])
    return path


@pytest.fixture
def command(tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of a run over a whole file, one cut at a tenth and a whole one."""
    monkeypatch.chdir(tmp_path)
    for name, seed in (("a.jsonl", 0), ("c.jsonl.zst", 2)):
        write_file(tmp_path / name, json_lines(texts(30, seed)))
    _cut(tmp_path, "b.jsonl.gz", texts(6000, 1), 0.1)
    files = ["a.jsonl", "b.jsonl.gz", "c.jsonl.zst"]
    return ["--input", *files, "--output-prefix", "set", "--tokenizer", str(tokenizer), "--append-eod"]


def test_a_damaged_file_stops_the_run_and_is_named(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    size = Path("b.jsonl.gz").stat().st_size
    assert main(command) == 2
    said = capsys.readouterr().err
    assert f"b.jsonl.gz is damaged at byte {size:,}: the compressed stream ends early" in said
    assert "--allow-damaged --resume" in said and "Traceback" not in said
    assert not Path("set.bin").exists()


def test_what_is_allowed_is_kept_and_told(
    command: list[str], tokenizer: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert main(command) == 2
    assert main([*command, "--allow-damaged", "--resume"]) == 0
    resumed = {kind: Path(f"set.{kind}").read_bytes() for kind in ("bin", "idx", "json", "rejects")}
    assert "INCOMPLETE: b.jsonl.gz is damaged at byte" in caplog.text
    assert main([*command, "--allow-damaged", "--overwrite", "--verify"]) == 0
    assert resumed == {kind: Path(f"set.{kind}").read_bytes() for kind in resumed}
    whole, cut, last = json.loads(resumed["json"])["inputs"]
    assert "damage" not in whole and "damage" not in last
    assert cut["damage"][0]["offset"] == Path("b.jsonl.gz").stat().st_size and not cut["damage"][0]["harmless"]
    assert 300 < cut["documents"] < 900
    kept = [*texts(30), *texts(6000, 1)[: cut["documents"]], *texts(30, 2)]
    assert tokens({"bin": resumed["bin"], "json": resumed["json"]}).tolist() == [
        token for ids in reference_ids(tokenizer, kept) for token in ids
    ]
    assert rejects(resumed["rejects"]) == [("b.jsonl.gz", cut["documents"] + 1, "damaged file")]


def test_bytes_of_no_meaning_behind_the_stream_stop_nothing(
    tokenizer: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_file(tmp_path / "a.jsonl.gz", json_lines(texts(20)))
    path.write_bytes(path.read_bytes() + b"rubbish")
    written = run(tokenizer, path, tmp_path / "set")
    assert "what follows the compressed stream is no gzip; 7 bytes" in caplog.text
    assert json.loads(written["json"])["documents"] == 20


class _StopAfter(StopRequest):
    def __init__(self, looks: int) -> None:
        self._left = looks

    @property
    def number(self) -> int | None:  # type: ignore[override] # the caller's attribute is asked, and counts
        self._left -= 1
        return 15 if self._left <= 0 else None


@pytest.mark.parametrize("ending", COMPRESS)
def test_a_run_over_a_damaged_file_that_was_stopped_goes_on_to_the_same_bytes(
    tokenizer: Path, tmp_path: Path, ending: str
) -> None:
    chance = random.Random(ending)
    data = bytearray(COMPRESS[ending](_corpus(chance, 400, ended=True)))
    data[len(data) * 3 // 4] ^= 4
    path, after = tmp_path / f"a.jsonl{ending}", write_file(tmp_path / "b.jsonl", json_lines(texts(100)))
    path.write_bytes(data)
    options = {"append_eod": True, "block_bytes": 4000, "commit_seconds": 0.0, "allow_damaged": True,
               "max_bad_fraction": 1.0}
    whole = run(tokenizer, [path, after], tmp_path / "whole", **options)
    stops = 0
    while not (tmp_path / "set.json").exists():
        asked = Options([str(path), str(after)], str(tmp_path / "set"), str(tokenizer), resume=True, workers=2, **options)
        try:
            preprocess(asked, _StopAfter(3))
        except Interrupted:
            stops += 1
    assert stops > 2
    assert {kind: (tmp_path / f"set.{kind}").read_bytes() for kind in whole} == whole


def test_a_document_per_file_is_kept_as_far_as_it_can_be_read(tokenizer: Path, tmp_path: Path) -> None:
    book = " ".join(texts(2000))
    path = write_file(tmp_path / "book.txt.gz", book.encode())
    path.write_bytes(path.read_bytes()[:-4])  # of its checks only
    with pytest.raises(UserError, match=r"book\.txt\.gz is damaged"):
        run(tokenizer, path, tmp_path / "set", text_documents="file")
    written = run(tokenizer, path, tmp_path / "set", text_documents="file", resume=True, allow_damaged=True)
    assert tokens(written).tolist() == reference_ids(tokenizer, [book])[0]


def test_parquet_is_kept_but_for_the_row_group_that_is_damaged(tokenizer: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as parquet

    documents = [f"{number} patient" for number in range(37 * 3)]
    path = tmp_path / "a.parquet"
    write_parquet(path, documents)
    group = parquet.ParquetFile(path).metadata.row_group(1).column(1)
    start = group.dictionary_page_offset or group.data_page_offset
    data = bytearray(path.read_bytes())
    data[start : start + group.total_compressed_size] = b"\xff" * group.total_compressed_size
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"a\.parquet is damaged at row 37: row group 1 .*; 37 rows of it .*--allow-damaged"):
        run(tokenizer, path, tmp_path / "set")
    written = run(tokenizer, path, tmp_path / "set", resume=True, allow_damaged=True)
    kept = documents[:37] + documents[74:]
    assert tokens(written).tolist() == [token for ids in reference_ids(tokenizer, kept) for token in ids]
    assert json.loads(written["json"])["inputs"][0]["damage"][0]["unread"] == 37


@pytest.mark.parametrize("compression", ["snappy", "zstd", "none"])
def test_parquet_cut_and_flipped_ends_with_a_word(tokenizer: Path, tmp_path: Path, compression: str) -> None:
    """With checksums of its pages; Parquet that has none cannot tell."""
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    chance = random.Random(compression)
    documents = texts(300)
    path = tmp_path / "a.parquet"
    parquet.write_table(arrow.table({"text": documents}), path, row_group_size=37, compression=compression,
                        write_page_checksum=True)  # fmt: skip
    whole = path.read_bytes()
    footer = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    for _ in range(PLACES):
        at = chance.randrange(4, footer)
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :])
        found, damage = _read(path)
        assert (found == documents and not damage) or (damage and not Counter(found) - Counter(documents))
        path.write_bytes(whole[: chance.randrange(len(whole))])
        with pytest.raises(UserError, match=r"a\.parquet: not a readable Parquet file"):
            _read(path)

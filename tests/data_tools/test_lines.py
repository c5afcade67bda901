import bz2
import gzip
import itertools
import lzma
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_tools.sources.blocks import TOO_LONG, Block, Position
from data_tools.sources.inputs import Input, Share, find_inputs, shares_of
from data_tools.sources.lines import first_line_start, lines_before
from data_tools.sources.read import read_blocks
from tests.data_tools.raw_texts import COMPRESS, write_file

NAMES = ["a.jsonl", "a.jsonl.gz", "a.jsonl.bz2", "a.jsonl.xz", "a.jsonl.zst"]
LIMIT = 50
lines_strategy = st.lists(st.binary(max_size=70).map(lambda data: data.replace(b"\n", b"")), max_size=30)


def _inputs(paths: list[Path]) -> list[Input]:
    return find_inputs([str(path) for path in paths], "text", "line")


def _read(inputs: list[Input], block: int, shard: tuple[int, int] = (0, 1), at: Position | None = None) -> list[Block]:
    return list(read_blocks(inputs, shares_of(inputs, *shard), at or Position(0, 0, 0), "text", block, LIMIT))


def _lines(blocks: list[Block]) -> list[bytes | str]:
    """The lines of blocks; the reason where there is a fault. A last line without its newline counts as one."""
    found: list[bytes | str] = []
    for block in blocks:
        found += [block.fault.reason] if block.fault else block.data.removesuffix(b"\n").split(b"\n")
    return [TOO_LONG if isinstance(line, bytes) and len(line) > LIMIT else line for line in found]


@pytest.mark.parametrize("name", NAMES)
@given(lines=lines_strategy, block=st.integers(1, 200), ended=st.booleans())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_blocks_are_the_lines_and_reading_goes_on_after_any(
    tmp_path: Path, name: str, lines: list[bytes], block: int, ended: bool
) -> None:
    data = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    inputs = _inputs([write_file(tmp_path / name, data)])
    blocks = _read(inputs, block)
    expected = data.removesuffix(b"\n").split(b"\n") if data else []
    assert _lines(blocks) == [TOO_LONG if len(line) > LIMIT else line for line in expected]
    for number, item in enumerate(blocks):
        assert item.first_line == sum(before.lines for before in blocks[:number])
        assert _lines(_read(inputs, 64, at=item.end)) == _lines(blocks[number + 1 :])


@given(files=st.lists(lines_strategy, min_size=1, max_size=4), count=st.integers(1, 7), block=st.integers(1, 99))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_shards_one_after_another_are_the_whole(tmp_path: Path, files: list, count: int, block: int) -> None:
    paths = []
    for number, lines in enumerate(files):
        name = f"{number}.txt{['', '.gz'][number % 3 == 2]}"
        paths.append(write_file(tmp_path / name, b"".join(line + b"\n" for line in lines)))
    inputs = _inputs(paths)
    parts = [_lines(_read(inputs, block, (index, count))) for index in range(count)]
    assert list(itertools.chain(*parts)) == _lines(_read(inputs, block))
    covered = {share.input for index in range(count) for share in shares_of(inputs, index, count)}
    assert covered == set(range(len(inputs)))  # empty files too: the manifest names them


@given(lines=lines_strategy, start=st.integers(0, 300))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_before_a_shard_are_counted(tmp_path: Path, lines: list[bytes], start: int) -> None:
    data = b"".join(line + b"\n" for line in lines)
    item = _inputs([write_file(tmp_path / "a.txt", data)])[0]
    start = min(start, len(data))
    offset = first_line_start(item, start)
    assert offset == len(data) or offset == 0 or data[offset - 1 : offset] == b"\n"
    assert lines_before(item, offset) == data[:offset].count(b"\n")
    assert offset >= start and not (start and data[start - 1 : offset - 1].count(b"\n"))


@pytest.mark.parametrize("name", ["a.txt.gz", "a.txt.bz2", "a.txt.xz", "a.txt.zst"])
def test_members_and_frames_one_after_another_are_one_stream(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    compress = COMPRESS[path.suffix]
    padding = bytes(512) if path.suffix in (".gz", ".xz") else b""
    path.write_bytes(compress(b"one\ntwo") + compress(b"") + compress(b" and more\nthree\n") + padding)
    assert _lines(_read(_inputs([path]), 4096)) == [b"one", b"two and more", b"three"]


HUGE_LINE = """
import resource, sys
from data_tools.sources.inputs import find_inputs, shares_of
from data_tools.sources.read import read_blocks
from data_tools.sources.blocks import Position
inputs = find_inputs(sys.argv[1:], "jsonl", "line")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for block in read_blocks(inputs, shares_of(inputs, 0, 1), Position(0, 0, 0), "text", 1 << 20, 1 << 22):
    print(block.lines, block.fault.reason if block.fault else block.data.decode().strip())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, file=sys.stderr)
"""


@pytest.mark.parametrize("name", NAMES)
def test_a_line_of_200_megabytes_is_skipped_in_little_memory(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    opened = {".jsonl": lambda: open(path, "wb"), ".gz": lambda: gzip.open(path, "wb", 1),
              ".bz2": lambda: bz2.open(path, "wb", 1), ".xz": lambda: lzma.open(path, "wb", preset=0),
              ".zst": lambda: zstandard.open(path, "wb")}[path.suffix]  # fmt: skip
    with opened() as stream:
        stream.write(b'{"text": "before"}\n')
        for _ in range(200):
            stream.write(b"a" * (1 << 20))
        stream.write(b'\n{"text": "after"}\n')
    run = subprocess.run([sys.executable, "-c", HUGE_LINE, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ['1 {"text": "before"}', "1 " + TOO_LONG, '1 {"text": "after"}']
    assert int(run.stderr) < 100 << 10  # KiB


def test_shares_split_bytes_evenly(tmp_path: Path) -> None:
    inputs = _inputs([write_file(tmp_path / "a.txt", b"x" * 1000), write_file(tmp_path / "b.txt", b"y" * 3000)])
    shares = [shares_of(inputs, index, 4) for index in range(4)]
    assert shares[0] == [Share(0, 0, 1000)]
    assert [sum(share.stop - share.start for share in part) for part in shares] == [1000, 1000, 1000, 1000]



import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_tools.sources import blocks
from data_tools.sources.blocks import Block, Parsed, Position
from data_tools.sources.parse import parse_block

LIMIT = 200
GOOD = b'{"id": 7, "text": "caf\\u00e9 \\ud83e\\uddec"}'
BAD = {
    b'{"text": "unfinished': blocks.BROKEN_JSON,
    b"\0\0\0": blocks.BROKEN_JSON,
    b'{"text": "raw \0 nul"}': blocks.BROKEN_JSON,
    b'{"text": "a"} {"text": "b"}': blocks.BROKEN_JSON,
    b'{"text": "a"},{"text": "b"}': blocks.BROKEN_JSON,
    b"[" * 90 + b"]" * 90: blocks.NOT_AN_OBJECT,
    b'["text"]': blocks.NOT_AN_OBJECT,
    b'"text"': blocks.NOT_AN_OBJECT,
    b"null": blocks.NOT_AN_OBJECT,
    b"5": blocks.NOT_AN_OBJECT,
    b'{"txet": "a"}': blocks.MISSING_KEY,
    b"{}": blocks.MISSING_KEY,
    b'{"text": null}': blocks.NOT_A_STRING,
    b'{"text": 5}': blocks.NOT_A_STRING,
    b'{"text": ["a"]}': blocks.NOT_A_STRING,
    b'{"text": {"text": "a"}}': blocks.NOT_A_STRING,
    b'{"text": true}': blocks.NOT_A_STRING,
    b'{"text": ""}': blocks.EMPTY_TEXT,
    b"": blocks.EMPTY_LINE,
    b" \t\r": blocks.EMPTY_LINE,
    b'{"text": "\xff\xfe"}': blocks.INVALID_UTF8,
    b'{"text": "\xed\xa0\x80"}': blocks.INVALID_UTF8,
    b'{"text": "\xe6\x82"}': blocks.INVALID_UTF8,
    b'{"text": "\\ud800"}': blocks.LONE_SURROGATE,
    b'{"text": "a\\udc00b"}': blocks.LONE_SURROGATE,
    b'{"text": "' + b"a" * LIMIT + b'"}': blocks.TOO_LONG,
}
# What Megatron's preprocessing (Python's json) takes, stays a document.
ODD = {
    GOOD: "café 🧬",
    b'  {"text": "a"}\r': "a",
    b'{"text": "a", "score": NaN, "other": -Infinity}': "a",
    b'{"n": 123456789012345678901234567890, "text": "a"}': "a",
    b'{"text": "a", "text": "b"}': "b",
    b'{"text": "\\u0000 \\/ \\n"}': "\0 / \n",
    b'{"text": " "}': " ",
    b'{"text": "' + b"a" * (LIMIT - 12) + b'"}': "a" * (LIMIT - 12),
}


def _parse(data: bytes, kind: str = "jsonl", first: int = 0, starts: bool = True) -> Parsed:
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    block = Block(0, first, lines, data, Position(0, len(data), lines), 0, None, starts)
    return parse_block(block, kind, "text", LIMIT)


@pytest.mark.parametrize("line", BAD, ids=lambda line: repr(line)[:40])
def test_a_bad_line_is_named_and_its_neighbours_are_kept(line: bytes) -> None:
    parsed = _parse(GOOD + b"\n" + line + b"\n" + GOOD + b"\n", first=10)
    assert parsed.texts == ["café 🧬"] * 2
    assert list(parsed.lines) == [10, 12]
    assert [(reject.line, reject.reason) for reject in parsed.rejects] == [(11, BAD[line])]


@pytest.mark.parametrize("line", ODD, ids=lambda line: repr(line)[:40])
def test_an_odd_line_is_read_as_python_reads_it(line: bytes) -> None:
    parsed = _parse(line + b"\n" + GOOD)
    assert (parsed.texts, parsed.rejects) == ([ODD[line], "café 🧬"], [])
    assert json.loads(line)["text"] == ODD[line]


@given(lines=st.lists(st.sampled_from([*BAD, *ODD]), min_size=1, max_size=12))
@settings(deadline=None)
def test_a_line_means_the_same_in_any_company(lines: list[bytes]) -> None:
    parsed = _parse(b"\n".join(lines) + b"\n")
    alone = [_parse(line + b"\n", starts=False) for line in lines]
    assert parsed.texts == [text for one in alone for text in one.texts]
    assert [reject.reason for reject in parsed.rejects] == [reject.reason for one in alone for reject in one.rejects]


def test_deep_nesting_is_no_crash() -> None:
    parsed = parse_block(
        Block(0, 0, 1, b"[" * 100_000, Position(0, 0, 0), 0), "jsonl", "text", 1 << 20
    )
    assert [reject.reason for reject in parsed.rejects] == [blocks.BROKEN_JSON]


def test_a_byte_order_mark_is_taken_off_the_first_line_of_a_file_only() -> None:
    mark = b"\xef\xbb\xbf"
    assert _parse(mark + GOOD + b"\n").texts == ["café 🧬"]
    assert [reject.reason for reject in _parse(mark + GOOD, starts=False).rejects] == [blocks.BROKEN_JSON]
    assert _parse(mark + b"one\r\ntwo\n", "text").texts == ["one", "two"]


def test_plain_text_by_line_and_by_file() -> None:
    data = b"one\r\n\n two \nNUL\0\n\xff\n" + b"x" * (LIMIT + 1) + b"\nlast"
    parsed = _parse(data, "text")
    assert parsed.texts == ["one", " two ", "last"]
    assert [(reject.line, reject.reason) for reject in parsed.rejects] == [
        (1, blocks.EMPTY_LINE), (3, blocks.NUL_BYTE), (4, blocks.INVALID_UTF8), (5, blocks.TOO_LONG),
    ]  # fmt: skip
    assert _parse(b"one\n\ntwo\n", "file").texts == ["one\n\ntwo\n"]
    assert [reject.reason for reject in _parse(b" \n", "file").rejects] == [blocks.EMPTY_TEXT]

"""What documents are told apart and graded by is text: a number would pass no rule that names it."""

import json
from pathlib import Path

import pytest

from data_tools.corpus.reading import ReadAs, read_block
from data_tools.sources.blocks import Position
from data_tools.sources.inputs import find_inputs, shares_of
from data_tools.sources.read import read_blocks


@pytest.mark.parametrize("name", ["language", "licence", "kind", "type"])
@pytest.mark.parametrize("value", [3, 2.5, True, ["en"], {"a": "en"}])
def test_a_name_that_is_no_text_is_rejected_with_its_line(name: str, value: object, tmp_path: Path) -> None:
    rows = [{"text": "words", name: one} for one in ("en", None, value)]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (source,) = find_inputs([str(tmp_path / "in.jsonl")], None, "line")
    (block,) = read_blocks([source], shares_of([source], 0, 1), Position(0, 0, 0), None, 1 << 20, 1 << 20)
    read = read_block(block, ReadAs(source), 1 << 20)
    (bad,) = read.rejects
    assert (bad.line - block.first_line, bad.reason, bad.detail) == (2, "no name", f"{name} = {value!r}: text is meant")
    assert len(read.documents) == 2

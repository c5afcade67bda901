"""Long JSON, written as it comes, is to the byte what is written at once, or it is not there."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from megatron_qm.files import write_json, write_long_json

ROWS = [{"key": 'two\n"lines"', "a": [1.5, None], "b": []}, {}, [], [[1, 2], {"外科": "\u2028"}], "text\n", 3, None, float("nan")]


@pytest.mark.parametrize("rows", [[], ROWS[:1], ROWS, [[]]])
@pytest.mark.parametrize("value", [{}, {"n": 1, "text": "a\n]\n}", "list": [], "inner": {"rows": ["]"]}}])
def test_it_is_what_is_written_at_once(value: dict, rows: list, tmp_path: Path) -> None:
    write_json(tmp_path / "once", {**value, "rows": rows})
    write_long_json(tmp_path / "long", value, "rows", iter(rows))
    assert (tmp_path / "long").read_bytes() == (tmp_path / "once").read_bytes()


def test_rows_that_fail_leave_what_was_there(tmp_path: Path) -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    (tmp_path / "kept").write_text("{}")
    for name in ("kept", "new"):
        with pytest.raises(ValueError, match="no more"):
            write_long_json(tmp_path / name, {}, "rows", failing())
    assert [path.name for path in tmp_path.iterdir()] == ["kept"] and json.loads((tmp_path / "kept").read_text()) == {}

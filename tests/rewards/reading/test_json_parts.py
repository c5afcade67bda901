"""JSON in its place within a text."""
# ruff: noqa: E501  Chinese characters count twice

import json
from random import Random

import pytest

from megatron_qm.rewards.reading.json_parts import Duplicates, json_values


@pytest.mark.parametrize(("text", "values"), [
    ('a {"x": "1"} b', [{"x": "1"}]), ("{'x': 'A'}", [{"x": "A"}]), ('{"x": ["}"],}', [{"x": ["}"]}]), ("{}{", [{}]), ("[1, 2.5]", [["1", "2.5"]]),
    ("[" * 70 + "]" * 70, []), ('{"a": "\\""} [2]', [{"a": '"'}, ["2"]]), ('{"a', []), ("no", []),
])
def test_values(text: str, values: list[object]) -> None:
    assert json_values(text)[0] == values


def test_keys_given_twice_are_known() -> None:
    value = json_values('{"a": 1, "a": 2, "b": 1, "b": 1}')[0][0]
    assert isinstance(value, Duplicates) and value.twice == {"a"}


def test_what_json_writes_is_read_wherever_it_stands() -> None:
    rng = Random(5)
    for _ in range(200):
        value = {"".join(rng.choices('ab{}[]"\\,: 肺', k=4)): ["".join(rng.choices('xy{}[]"\\', k=5))] for _ in range(3)}
        assert json_values(f"so: {json.dumps(value)}\nthat")[0] == [value]

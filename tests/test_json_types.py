"""Readers of JSON's fields take what they name, and say what stands there otherwise."""

from collections.abc import Callable, Mapping

import pytest

from megatron_qm.json_types import list_of, number_of, numbers_of, object_of, objects_of, text_of, texts_of, whole_of

VALUES: dict[str, object] = {"text": "a", "whole": 3, "number": 0.5, "object": {"b": 1}, "list": [{"a": 1}, 2], "truth": True,
                             "none": None, "objects": [{"a": 1}, {}], "texts": ["a", "b"], "numbers": [1, 0.5],
                             "truths": [1, True]}


@pytest.mark.parametrize(("read", "good", "kind"), [
    (text_of, {"text"}, "text"), (whole_of, {"whole"}, "a whole number"), (number_of, {"whole", "number"}, "a number"),
    (object_of, {"object"}, "an object"), (list_of, {"list", "objects", "texts", "numbers", "truths"}, "a list"),
    (objects_of, {"objects"}, "(a list|a list of objects)"), (texts_of, {"texts"}, "(a list|a list of texts)"),
    (numbers_of, {"numbers"}, "(a list|a list of numbers)"),
])
def test_a_reader_takes_its_kind_and_refuses_all_others(
    read: Callable[[Mapping[str, object], str], object], good: set[str], kind: str
) -> None:
    for key, value in VALUES.items():
        if key in good:
            assert read(VALUES, key) == value
        else:
            with pytest.raises(ValueError, match=f"^{key} = .* is not {kind}$"):
                read(VALUES, key)
    with pytest.raises(ValueError, match="^lacks missing$"):
        read(VALUES, "missing")

"""Readers of JSON's fields take what they name, and say what stands there otherwise."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from megatron_qm.align.rollouts.prompts import read_requests
from megatron_qm.align.rollouts.rollout import read_rollouts
from megatron_qm.checkpoint.archive.zarr_v3 import read_root
from megatron_qm.checkpoint.manifest import MANIFEST, read_manifest
from megatron_qm.commands.evaluate import _answers
from megatron_qm.data.manifest import Manifest as DatasetManifest
from megatron_qm.errors import UserError
from megatron_qm.evals.probes import read_probes
from megatron_qm.hf.config import CONFIG, read_config
from megatron_qm.hf.model_card import read_evaluation
from megatron_qm.hf.safetensors_io import INDEX, read_headers
from megatron_qm.json_types import (
    list_of,
    number_of,
    numbers_of,
    object_of,
    objects_of,
    parse_json,
    text_of,
    texts_of,
    whole_of,
)
from megatron_qm.model.generation.request import Sampling
from megatron_qm.rewards.items import read_items

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


@pytest.mark.parametrize("text", ["[" * 3000 + "]" * 3000, '{"a":' * 200_000, b"\xff", "nul", ""])
def test_what_is_no_json_has_one_error(text: str | bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(text)


READERS: dict[str, Callable[[Path], object]] = {
    "a checkpoint's manifest": lambda folder: read_manifest(folder),
    "a dataset's manifest": lambda folder: DatasetManifest.read(folder / MANIFEST),
    "config.json": lambda folder: read_config(folder),
    "an index of weights": lambda folder: read_headers(folder),
    "results for a model card": lambda folder: read_evaluation(folder / MANIFEST),
    "answers to compare": lambda folder: _answers(folder / MANIFEST),
    "prompts": lambda folder: read_requests(folder / MANIFEST, None, Sampling()),
    "items": lambda folder: read_items(folder / MANIFEST),
    "probes": lambda folder: read_probes(folder / MANIFEST),
    "rollouts": lambda folder: read_rollouts(folder / MANIFEST),
    "an archive": lambda folder: read_root((folder / MANIFEST).read_bytes(), str(folder / MANIFEST)),
}


@pytest.mark.parametrize("what", READERS)
def test_json_that_is_nested_too_deep_is_refused_by_its_file(what: str, tmp_path: Path) -> None:
    for name in (MANIFEST, CONFIG, INDEX):
        (tmp_path / name).write_text('{"a": ' + "[" * 3000 + "]" * 3000 + "}\n")
    with pytest.raises(UserError, match=re.escape(str(tmp_path))) as refused:
        read = READERS[what](tmp_path)
        list(read)  # of those that read as they go
    assert "\n" not in str(refused.value)

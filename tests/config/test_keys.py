"""The reference of keys: complete, and what docs/config.md says."""

import dataclasses
from pathlib import Path

import pytest

from megatron_qm.config.keys import keys, text
from megatron_qm.config.load import to_plain
from megatron_qm.config.reference import reference
from megatron_qm.config.rl import RlRun
from megatron_qm.config.run import RunConfig
from megatron_qm.config.sft import SftRun
from megatron_qm.config.stages import STAGES
from megatron_qm.errors import UserError

KINDS = tuple(stage.kind for stage in STAGES.values())


def dotted(tree: dict, prefix: str = "") -> set[str]:
    return {name for key, value in tree.items() for name in
            ({prefix + key} | (dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else set()))}


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_there_and_means_something(kind: type) -> None:
    found = {key.name: key for key in keys(kind)}
    assert dotted(to_plain(kind())) <= set(found)
    for key in found.values():
        assert len(key.meaning) > 3 and not key.meaning.startswith(tuple(cls.__name__ + "(" for cls in KINDS)), key
        assert "(output:" not in key.meaning and "Config(" not in key.meaning, key  # what a dataclass says of itself


def test_a_key_is_told_whole() -> None:
    steps = next(key for key in keys(RunConfig) if key.name == "train.steps")
    assert dataclasses.astuple(steps) == ("train.steps", "whole number or null", "null", "1 or more, 1,099,511,627,776 or less",
                                          "length of the run in steps; set steps or tokens", False)
    assert "rl.alarms.kl: number or null; 0 or more, 1,000,000 or less; default 0.5\n" in text(list(keys(RlRun)), "rl.alarms")


def test_a_prefix_chooses() -> None:
    told = text(list(keys(RunConfig)), "data.sources.0.weight")
    assert told.startswith("data.sources.*.weight: number or list of [number, number]") and told.count("\n") == 1
    told = text(list(keys(RunConfig)), "train")
    assert told.startswith("train: block\n") and "optimizer." not in told
    assert text(list(keys(SftRun))).count("sft.epochs: ") == 1


@pytest.mark.parametrize(("prefix", "near"), [("train.stepz", "train.steps"), ("steps", "train.steps"), ("modle", "model"),
                                              ("rl.loss.klip_low", "rl.loss.clip_low")])
def test_an_unknown_prefix_names_the_nearest(prefix: str, near: str) -> None:
    with pytest.raises(UserError, match=f"did you mean '{near}'"):
        text(list(keys(RlRun)), prefix)


def test_the_docs_say_what_the_code_says() -> None:
    docs = Path(__file__).parents[2] / "docs" / "config.md"
    assert docs.read_text(encoding="utf-8") == reference(), "run: python -m megatron_qm.config.reference > docs/config.md"

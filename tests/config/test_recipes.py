"""Every recipe that ships: it resolves, passes the rules, says nothing twice, and fits the GPUs that it names."""

from dataclasses import replace

import pytest
import yaml

from megatron_qm.config.load import build, read, to_plain
from megatron_qm.config.model import ModelConfig
from megatron_qm.config.recipes import shipped_recipes
from megatron_qm.config.rl import RlRun
from megatron_qm.config.rl_rules import check_rl
from megatron_qm.config.run import RunConfig, load_run
from megatron_qm.config.stages import stage_of
from megatron_qm.plan.hardware import Assumptions, find_gpu
from megatron_qm.plan.predict import predict

RECIPES = tuple(shipped_recipes())
GIB = 2**30


def kind_of(name: str) -> type[RunConfig]:
    return stage_of(read([name])).kind


def resolved(name: str) -> RunConfig:
    """With what its header asks for; the length of epochs is known once the data are."""
    kind = kind_of(name)

    def complete(config: RunConfig) -> RunConfig:
        if config.train.steps is None and config.train.tokens is None:
            config = replace(config, train=replace(config.train, steps=1000))
        if kind is not RunConfig and config.model == ModelConfig():
            config = replace(config, model=load_run("tiny-cpu").model)
        return config

    asked = [] if kind is RunConfig else ["train.start_from=CKPT", "data.tokenizer=CKPT/tokenizer"]
    return load_run(name, asked, kind, complete, check_rl if kind is RlRun else lambda config: None)


@pytest.mark.parametrize("name", RECIPES)
def test_it_passes_the_rules_and_fits(name: str) -> None:
    config = resolved(name)
    if config.device == "cpu":
        return
    gpu, assumed = find_gpu(config.device), Assumptions()
    needed = predict(config, config.parallel.devices, gpu, assumed).bytes / GIB + assumed.reserve_gib
    assert needed <= gpu.memory / GIB, f"{name}: {needed:.1f} GiB with {assumed.reserve_gib} in reserve"


@pytest.mark.parametrize("name", RECIPES)
def test_it_states_only_what_differs_from_what_it_builds_on(name: str) -> None:
    stated = yaml.safe_load(shipped_recipes()[name].read_text())
    base, kind = stated.pop("base", None), kind_of(name)
    before = to_plain(build(kind, read([base])) if base else kind())
    assert not repeated(stated, before), f"{name}: {repeated(stated, before)} is as before"


def repeated(stated: dict, before: dict, prefix: str = "") -> list[str]:
    """Keys whose values are what they would be without them."""
    found = []
    for key, value in stated.items():
        if isinstance(value, dict) and isinstance(before[key], dict):
            found += repeated(value, before[key], f"{prefix}{key}.")
        elif value == before[key]:
            found.append(prefix + key)
    return found


@pytest.mark.parametrize("stage", ["", "sft-", "rl-"])
@pytest.mark.parametrize(("gpus", "suffix"), [(8, ""), (16, "-16"), (32, "-32")])
def test_qwen3_8b_is_there_for_what_people_have(stage: str, gpus: int, suffix: str) -> None:
    config = resolved(f"{stage}qwen3-8b-h100{suffix}")
    assert (config.parallel.devices, config.model.shape, config.device) == (gpus, "qwen3-8b", "h100")


def test_the_reports_recipes_take_the_checkpoints_shape_where_it_is_asked_for() -> None:
    for name in ("medical-rl-h100", "sft-cold-start-h100"):
        assert build(kind_of(name), read([name])).model == ModelConfig(shape="qwen3-32b")
        assert build(kind_of(name), read([name], ["model.shape=null"])).model == ModelConfig()

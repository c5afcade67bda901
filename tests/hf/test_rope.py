"""RoPE's stretches are transformers': frequencies to the last bit, YaRN's sharpening, and logits past the original length."""

import copy
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from megatron_qm.errors import UserError
from megatron_qm.hf.config import from_hf, to_hf
from megatron_qm.hf.import_hf import import_hf
from megatron_qm.hf.opened import open_checkpoint
from megatron_qm.hf.parity import compare, difference, hf_trace
from megatron_qm.model.rope import softmax_scale, yarn_frequencies
from tests.hf.models import VOCAB, save_random_model

ORIGINAL = "original_max_position_embeddings"
BELOW, PAST = 6, 200  # tokens; 8 are the original length of the models here


def base(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "model_type": kind, "hidden_size": 64, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 32, "vocab_size": 300, "max_position_embeddings": 4096,
    } | more  # fmt: skip


def _maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


YARN = st.fixed_dictionaries(
    {"factor": st.one_of(st.floats(1, 64), st.integers(1, 64))},
    optional={
        ORIGINAL: st.integers(4, 4096), "beta_fast": _maybe(st.floats(2, 64)), "beta_slow": _maybe(st.floats(0.01, 1.9)),
        "attention_factor": _maybe(st.floats(0.1, 4)), "mscale": _maybe(st.floats(0, 2)),
        "mscale_all_dim": _maybe(st.floats(0, 2)), "truncate": _maybe(st.booleans()), "finetuned": st.none(),
    },
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["llama", "qwen2", "qwen3"]), theta=st.floats(2, 1e7), yarn=YARN,
    spelt=st.sampled_from(["type", "rope_type"]), modern=st.booleans(), beside=_maybe(st.integers(4, 4096)),
)  # fmt: skip
def test_yarn_is_read_as_transformers_reads_it(
    kind: str, theta: float, yarn: dict[str, Any], spelt: str, modern: bool, beside: int | None
) -> None:
    rope = {spelt: "yarn"} | yarn
    legacy = {"rope_scaling": rope, "rope_theta": theta}
    config = base(kind) | ({"rope_parameters": rope | {"rope_theta": theta}} if modern else legacy)
    if beside is not None and ORIGINAL not in yarn:
        config[ORIGINAL] = beside
    _same_rope(config)
    _same_rope(json.loads(json.dumps(to_hf(from_hf(config), "bf16", base=config))))
    assert from_hf(to_hf(from_hf(config), "bf16", base=config)) == from_hf(config)


def _same_rope(config: dict[str, Any]) -> None:
    from transformers import AutoConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    frequencies, factor = ROPE_INIT_FUNCTIONS["yarn"](AutoConfig.for_model(**copy.deepcopy(config)), "cpu")
    model = from_hf(config)
    assert torch.equal(yarn_frequencies(model.yarn, model.rope_theta, model.head_dim), frequencies)
    assert softmax_scale(model) == pytest.approx(factor**2 / math.sqrt(model.head_dim), rel=1e-12)
    assert model.max_positions == config["max_position_embeddings"]  # as it stands there


def test_a_published_config_reaches_as_far_as_yarn_stretches() -> None:
    """Qwen's cards say to add this to a config whose own length stays: 32768 positions, stretched to 131072."""
    config = base("qwen3", max_position_embeddings=40960,
                  rope_scaling={"rope_type": "yarn", "factor": 4.0, ORIGINAL: 32768})  # fmt: skip
    model = from_hf(config)
    assert (model.max_positions, model.longest_sequence) == (40960, 131072)
    assert replace(model, yarn=None).longest_sequence == 40960
    written = to_hf(model, "bf16")
    assert written["max_position_embeddings"] == 40960 and "attention_factor" not in written["rope_scaling"]


WRONG = {
    "rope_scaling.factor = 'x'": {"factor": "x"},
    "lacks rope_scaling.factor": {},
    "must be 1 or more": {"factor": 0.5},
    "beta_slow = 8": {"factor": 4.0, "beta_fast": 4.0, "beta_slow": 8.0},
    "rope_scaling.truncate = 1": {"factor": 4.0, "truncate": 1},
    "rope_scaling.original_max_position_embeddings = 8.5": {"factor": 4.0, ORIGINAL: 8.5},
    "rope_scaling.mscale = 'y'": {"factor": 4.0, "mscale": "y", "mscale_all_dim": 1.0},
    "rope_scaling.mscale": {"factor": 4.0, "mscale": -9.0, "mscale_all_dim": 1.0},
    "rope_scaling.short_factor": {"factor": 4.0, "short_factor": [1.0]},
    "rope_scaling.partial_rotary_factor": {"factor": 4.0, "partial_rotary_factor": 0.5},
}  # fmt: skip


@pytest.mark.parametrize("said", WRONG)
def test_what_yarn_cannot_be_is_named(said: str) -> None:
    with pytest.raises(UserError, match="config.json") as error:
        from_hf(base("qwen2", rope_scaling={"rope_type": "yarn"} | WRONG[said]))
    assert said in str(error.value)


def test_two_original_lengths_are_one_too_many() -> None:
    rope = {"rope_type": "yarn", "factor": 4.0, ORIGINAL: 8}
    with pytest.raises(UserError, match="original_max_position_embeddings = 8: beside rope_scaling it has another value"):
        from_hf(base("qwen2", rope_scaling=rope, **{ORIGINAL: 16}))
    assert from_hf(base("qwen2", rope_scaling=rope, **{ORIGINAL: 8})).yarn.original_max_positions == 8


@pytest.mark.parametrize("name", ["qwen2-yarn", "qwen3-yarn", "llama-yarn"])
def test_logits_are_those_of_transformers_below_and_past_the_original_length(name: str, tmp_path: Path) -> None:
    save_random_model(tmp_path / "hf", name)
    opened = open_checkpoint(import_hf(tmp_path / "hf", tmp_path / "ckpt"))
    draw = torch.Generator().manual_seed(5)
    prompts = [torch.randint(VOCAB, (length,), generator=draw).tolist() for length in (BELOW, PAST)]
    assert compare(opened, tmp_path / "hf", prompts, torch.float32).conversion.relative < 1e-5

    with_it = hf_trace(tmp_path / "hf", False, prompts)
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    for key in {"rope_scaling", "rope_parameters"} & set(config):
        config[key] = {"rope_type": "default", "rope_theta": config[key].get("rope_theta", config.get("rope_theta"))}
    (tmp_path / "hf" / "config.json").write_text(json.dumps(config))
    without = hf_trace(tmp_path / "hf", False, prompts)
    assert all(difference([a], [b]).relative > 0.01 for a, b in zip(with_it.logits_sv, without.logits_sv, strict=True))

"""config.json against transformers' own config classes, and what has no counterpart is refused by its key."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from megatron_qm.config.model import SHAPES, ModelConfig
from megatron_qm.errors import UserError
from megatron_qm.hf.config import from_hf, read_config, to_hf

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 8192}


def base(kind: str = "llama", **more: Any) -> dict[str, Any]:
    config = {
        "model_type": kind, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 300,
        "max_position_embeddings": 128, "rms_norm_eps": 1e-5,
    }
    return config | more


@pytest.mark.parametrize("shape", SHAPES)
def test_named_shapes_go_to_hf_and_back(shape: str) -> None:
    model = ModelConfig(shape=shape).resolved()
    written = json.loads(json.dumps(to_hf(model, "bf16")))
    assert from_hf(written) == replace(model, shape=None)


@pytest.mark.parametrize("shape", ["qwen3-0.6b", "qwen2.5-7b", "llama3.2-1b", "llama3.1-8b"])
def test_transformers_reads_what_is_meant(shape: str) -> None:
    """Its class, its RoPE frequencies and its parameter shapes, from the config that is written."""
    from transformers import AutoConfig, AutoModelForCausalLM

    model = ModelConfig(shape=shape).resolved()
    written = to_hf(model, "bf16", {"eos_token_id": 5})
    config = AutoConfig.for_model(**json.loads(json.dumps(written)))
    assert config.num_key_value_heads == model.kv_heads and config.rms_norm_eps == model.norm_eps
    assert config.eos_token_id == 5 and config.bos_token_id is None
    assert str(getattr(config, "dtype", None) or config.torch_dtype) in ("bfloat16", "torch.bfloat16")
    assert bool(config.tie_word_embeddings) == model.tied_embeddings
    config.num_hidden_layers = 1
    if getattr(config, "layer_types", None):
        config.layer_types = config.layer_types[:1]
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in AutoModelForCausalLM.from_config(config).state_dict().items()}
    assert shapes["model.layers.0.self_attn.q_proj.weight"] == (model.heads * model.head_dim, model.hidden_size)
    assert shapes["model.embed_tokens.weight"] == (model.vocab_size, model.hidden_size)


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_what_this_transformers_saves_is_read(kind: str, tmp_path: Path) -> None:
    from transformers import AutoConfig

    scaling = {"rope_scaling": dict(LLAMA3)} if kind == "llama" else {}
    AutoConfig.for_model(**base(kind, rope_theta=12345.0, **scaling)).save_pretrained(tmp_path)
    model = from_hf(read_config(tmp_path))
    assert model.rope_theta == 12345.0 and model.kv_heads == 2 and not model.tied_embeddings
    assert (model.rope_scaling is not None) == (kind == "llama")
    assert model.head_dim == (128 if kind == "qwen3" else 8)


def test_both_ways_of_writing_rope_mean_the_same() -> None:
    modern = from_hf(base(rope_parameters=LLAMA3 | {"rope_theta": 5e5}))
    legacy = from_hf(base(rope_scaling=LLAMA3, rope_theta=5e5))
    before = {"type" if key == "rope_type" else key: value for key, value in LLAMA3.items()}
    older = from_hf(base(rope_scaling=before, rope_theta=5e5))
    assert modern == legacy == older
    assert modern.rope_scaling.factor == 8.0 and modern.rope_theta == 5e5
    assert from_hf(base()).rope_theta == 10000.0  # what transformers takes where nothing is said


REFUSED = {
    "model_type": base("mixtral"),
    "model_type = 'qwen3_moe'": base("qwen3_moe"),
    "attention_bias": base(attention_bias=True),
    "mlp_bias": base(mlp_bias=True),
    "rope_scaling.rope_type": base(rope_scaling={"rope_type": "longrope", "factor": 4.0}),
    "rope_scaling.type": base("qwen2", rope_scaling={"type": "dynamic", "factor": 4.0}),
    "rope_scaling.attn_factor": base("qwen2", rope_scaling={"type": "yarn", "factor": 4.0, "attn_factor": 1.0}),
    "rope_parameters.full_attention": base("qwen3", rope_parameters={"full_attention": {"rope_theta": 1e4}}),
    "rope_parameters.rope_type": base(rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 1e4}),
    "rope_parameters.factor": base(rope_parameters={**LLAMA3, "factor": None}),
    "rope_scaling": base("qwen3", rope_scaling=LLAMA3),
    "use_sliding_window": base("qwen2", use_sliding_window=True, sliding_window=4096, max_window_layers=1),
    "layer_types": base("qwen3", layer_types=["full_attention", "sliding_attention"]),
    "hidden_act": base(hidden_act="gelu"),
    "architectures": base(architectures=["LlamaForTokenClassification"]),
    "num_labels = 2": base(architectures=["LlamaForSequenceClassification"]),
    "quantization_config": base(quantization_config={"quant_method": "gptq"}),
    "auto_map": base(auto_map={"AutoModel": "x.Y"}),
    "partial_rotary_factor": base(partial_rotary_factor=0.5),
    "lacks num_hidden_layers": {k: v for k, v in base().items() if k != "num_hidden_layers"},
    "hidden_size = 'big'": base(hidden_size="big"),
    "vocab_size = -1": base(vocab_size=-1),
    "num_key_value_heads": base(num_key_value_heads=3),
    "head_dim": base(head_dim=7),
    "rope_theta": base(rope_theta=-1),
    "tie_word_embeddings": base(tie_word_embeddings="yes"),
}


@pytest.mark.parametrize("key", REFUSED)
def test_what_has_no_counterpart_is_refused_by_its_key(key: str) -> None:
    with pytest.raises(UserError, match="config.json") as error:
        from_hf(REFUSED[key])
    assert key in str(error.value)


def test_windows_and_scalings_that_change_nothing_are_fine() -> None:
    from_hf(base("qwen2", use_sliding_window=False, sliding_window=4096, max_window_layers=1))
    from_hf(base("qwen3", layer_types=["full_attention"] * 2))
    from_hf(base(rope_scaling=None, attention_bias=False, hidden_act="silu", quantization_config=None))


def test_what_an_imported_config_says_beyond_the_shape_is_kept() -> None:
    rope = {"rope_type": "default", "rope_theta": 1e4}
    given = base(bos_token_id=7, eos_token_id=[8, 9], rope_parameters=rope, dtype="float32", torch_dtype="float32",
                 custom="kept", hidden_act="silu")  # fmt: skip
    model = replace(from_hf(given), rope_theta=2e4)  # trained on with another base
    written = to_hf(model, "bf16", {"eos_token_id": 3, "pad_token_id": 4}, given)
    assert (written["bos_token_id"], written["eos_token_id"], written["pad_token_id"]) == (7, [8, 9], 4)
    assert written["custom"] == "kept" and written["torch_dtype"] == "bfloat16"
    assert from_hf(written).rope_theta == 2e4 and "rope_parameters" not in written and "dtype" not in written


def test_a_broken_config_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_config(tmp_path)
    for text in ("{", "[1]", "\xff"):
        (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
        with pytest.raises(UserError, match="config.json"):
            read_config(tmp_path)


@pytest.mark.parametrize("key", ["num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings"])
def test_a_model_that_nobody_can_have_is_refused_at_once(key: str) -> None:
    config = to_hf(ModelConfig(shape="qwen3-0.6b").resolved(), "bf16")
    with pytest.raises(UserError, match=f"there/config.json: {key} = 99999999999999999999: must be .* or less"):
        from_hf(config | {key: 99999999999999999999}, "there/config.json")
    for wrong in (float("inf"), float("nan"), 1e300):
        with pytest.raises(UserError, match="there/config.json: .*rope_theta"):
            from_hf(config | {"rope_theta": wrong}, "there/config.json")

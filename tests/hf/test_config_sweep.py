"""Every field of config.json, given what nobody expects: read as transformers reads it, or refused in a sentence; and nothing
is left behind."""

import copy
import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from megatron_qm.config.model import ModelConfig
from megatron_qm.errors import UserError
from megatron_qm.hf.config import from_hf
from megatron_qm.hf.import_hf import import_hf
from tests.hf.models import save_random_model

FAMILIES = ("llama", "qwen2", "qwen3")
SIZES = {"hidden_size": 128, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 64, "num_key_value_heads": 4,
         "vocab_size": 300}  # fmt: skip
ROPE = ("rope_scaling", "rope_parameters", "rope_theta", "original_max_position_embeddings", "partial_rotary_factor")
WINDOWS = ("use_sliding_window", "sliding_window", "max_window_layers", "layer_types")
ABSENT = object()


@cache
def fields_of(kind: str) -> tuple[str, ...]:
    """Those of transformers' class, and those that other releases had."""
    from transformers import AutoConfig

    more = ("model_type", "architectures", "head_dim", "mlp_bias", "quantization_config", "auto_map", *ROPE, *WINDOWS)
    return tuple(dict.fromkeys([*AutoConfig.for_model(kind).to_dict(), *more]))


NUMBERS = st.one_of(
    st.sampled_from([0, 1, 2, 4, 8, 64, 128, -1, 99999999999999999999, 10**400, 2**63 - 1, 65536, 0.5, 1e-6, 1e300]),
    st.integers(-5, 300), st.floats(allow_nan=True),
)  # fmt: skip
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, st.sampled_from(["", "silu", "swish", "8", "full_attention", "\ud800"]))
ROPE_KEYS = st.sampled_from(["type", "factor", "beta_fast", ROPE[3], "low_freq_factor", "rope_theta", "x"])
KINDS = st.sampled_from(["default", "yarn", "llama3", "linear"])
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(ROPE_KEYS, SCALARS),
    st.sampled_from([["full_attention"] * 2, ["full_attention"], ["full_attention", "sliding_attention"], ABSENT]),
    st.builds(lambda kind, rest: {"rope_type": kind} | rest, KINDS, st.dictionaries(ROPE_KEYS, SCALARS)),
)  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(data=st.data(), kind=st.sampled_from(FAMILIES))
def test_a_field_is_read_as_transformers_reads_it_or_refused(data: st.DataObject, kind: str) -> None:
    config: dict[str, Any] = {"model_type": kind, **SIZES}
    for key in data.draw(st.lists(st.sampled_from(fields_of(kind)), min_size=1, max_size=3, unique=True)):
        config[key] = data.draw(VALUES, label=key)
    config = {key: value for key, value in config.items() if value is not ABSENT}
    try:
        model = from_hf(copy.deepcopy(config))
    except UserError as error:
        assert str(error).startswith("config.json: ") and len(str(error)) < 600
        return
    theirs = _theirs(config)
    event("read by both" if theirs else "refused by transformers alone, such as an id of a token that is none")
    if theirs:
        _same(theirs, model)


def _theirs(config: dict[str, Any]) -> Any:
    """None where transformers refuses it."""
    from transformers import AutoConfig

    try:
        return AutoConfig.for_model(**copy.deepcopy(config))
    except Exception:  # it has many kinds
        return None


def _same(theirs: Any, model: ModelConfig) -> None:
    assert theirs.num_key_value_heads == model.kv_heads
    assert (getattr(theirs, "head_dim", None) or theirs.hidden_size // theirs.num_attention_heads) == model.head_dim
    assert theirs.max_position_embeddings == model.max_positions and theirs.rms_norm_eps == model.norm_eps
    assert theirs.num_hidden_layers == model.layers and theirs.vocab_size == model.vocab_size
    assert theirs.tie_word_embeddings == model.tied_embeddings and theirs.initializer_range == model.init_std
    rope = getattr(theirs, "rope_parameters", None) or {"rope_theta": theirs.rope_theta}
    assert rope["rope_theta"] == model.rope_theta
    assert (rope.get("rope_type", "default") == "yarn") == (model.yarn is not None)
    assert set(getattr(theirs, "layer_types", None) or []) <= {"full_attention"}


NULLS = {
    "llama": ("num_key_value_heads", "head_dim", "rope_scaling", "rope_parameters", "layer_types", "sliding_window"),
    "qwen2": ("num_key_value_heads", "head_dim", "rope_scaling", "rope_parameters", "layer_types", "sliding_window"),
    "qwen3": ("num_key_value_heads", "rope_scaling", "rope_parameters", "layer_types", "sliding_window"),
}


@pytest.mark.parametrize("kind", FAMILIES)
def test_null_is_what_it_is_to_transformers(kind: str) -> None:
    for key in NULLS[kind]:
        config = {"model_type": kind, **SIZES, key: None}
        _same(_theirs(config), from_hf(config))
    everything = {"model_type": kind, **SIZES, **dict.fromkeys(NULLS[kind])}
    assert from_hf(everything).kv_heads == SIZES["num_attention_heads"]


def test_windows_are_refused_where_a_layer_has_one() -> None:
    qwen: dict[str, Any] = {"model_type": "qwen2", **SIZES, "use_sliding_window": True}
    for fine in ({"max_window_layers": 2}, {"sliding_window": None}, {"layer_types": ["full_attention"] * 2}, {}):
        _same(_theirs(qwen | fine), from_hf(qwen | fine))
    for window in ({"max_window_layers": 1}, {"max_window_layers": 0, "sliding_window": 16},
                   {"max_window_layers": 2, "layer_types": ["full_attention", "sliding_attention"]}):  # fmt: skip
        with pytest.raises(UserError, match="sliding-window attention"):
            from_hf(qwen | window)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("sweep")
    for kind in FAMILIES:
        save_random_model(root / kind / "hf", kind)
    return {kind: root / kind for kind in FAMILIES}


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), kind=st.sampled_from(FAMILIES))
def test_an_import_leaves_a_checkpoint_or_nothing(data: st.DataObject, kind: str, folders: dict[str, Path]) -> None:
    root = folders[kind]
    config = root / "hf" / "config.json"
    before = config.read_text()
    key = data.draw(st.sampled_from(fields_of(kind)))
    value = data.draw(VALUES.filter(lambda value: value is not ABSENT))
    config.write_text(json.dumps(json.loads(before) | {key: value}))
    try:
        import_hf(root / "hf", root / "out")
        shutil.rmtree(root / "out")
    except UserError as error:
        assert str(config) in str(error) or "safetensors" in str(error)
    finally:
        config.write_text(before)
    assert [path.name for path in root.iterdir()] == ["hf"]


@pytest.mark.parametrize("text", [
    '{"a": ' * 3000 + "1" + "}" * 3000, '{"rope_scaling": ' + "[" * 3000 + "]" * 3000 + "}", '{"vocab_size": ' + "9" * 5000 + "}",
    '{"model_type": "llama", "num_hidden_layers": 99999999999999999999}', '{"model_type": {"llama": []}}', "[" * 100_000, "",
])  # fmt: skip
def test_no_json_is_too_deep_or_too_long_for_a_sentence(text: str, folders: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(folders["llama"] / "hf", tmp_path / "hf")
    (tmp_path / "hf" / "config.json").write_text(text)
    with pytest.raises(UserError, match="config.json") as error:
        import_hf(tmp_path / "hf", tmp_path / "out")
    assert len(str(error.value)) < 1000 and [path.name for path in tmp_path.iterdir()] == ["hf"]

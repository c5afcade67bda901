"""ModelConfig and Hugging Face's config.json, either way. Plain dictionaries: transformers is not asked.

Written in the form that all releases of transformers since 4.51 read (`rope_theta`, `rope_scaling`, `torch_dtype`);
read in that one and in transformers 5's (`rope_parameters`, `dtype`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeGuard, get_args

from megatron_qm.config.bounds import Heads, Layers, Length, Rows, Width, check_bounds, objection
from megatron_qm.config.model import Family, ModelConfig, RopeScaling
from megatron_qm.config.require import BrokenRuleError
from megatron_qm.errors import UserError
from megatron_qm.hf.families import FAMILIES, check_family
from megatron_qm.json_types import JsonObject, parse_json

CONFIG = "config.json"
TORCH_NAMES = {"fp32": "float32", "bf16": "bfloat16"}

_LLAMA3_KEYS = {
    "factor": "factor",
    "low_freq_factor": "low_freq_factor",
    "high_freq_factor": "high_freq_factor",
    "original_max_position_embeddings": "original_max_positions",
}
_SIZES: dict[str, object] = {
    "num_hidden_layers": Layers, "hidden_size": Width, "intermediate_size": Width, "num_attention_heads": Heads,
    "num_key_value_heads": Heads, "head_dim": Width, "vocab_size": Rows, "max_position_embeddings": Length,
}
# What HF's classes take where config.json is silent.
_DEFAULT_THETA = 10000.0
_QWEN3_HEAD_DIM = 128
# Keys that would change what the model computes, and the values under which they do not.
_NEUTRAL: dict[str, tuple[object, ...]] = {
    "quantization_config": (None,),
    "auto_map": (None,),
    "is_decoder": (None, False),
    "add_cross_attention": (None, False),
    "hidden_act": (None, "silu"),
    "attention_bias": (None, False),
    "mlp_bias": (None, False),
    "partial_rotary_factor": (None, 1, 1.0),
}
_SLIDING = "sliding-window attention has no counterpart in the Megatron model built here"
# From an imported config.json, never handed on: they are written anew, or speak of the files it came with.
_STALE = ("rope_parameters", "dtype", "layer_types", "_name_or_path", "transformers_version", "_attn_implementation")


def read_config(folder: Path) -> JsonObject:
    """config.json of an HF folder. Raises UserError naming the file."""
    path = Path(folder) / CONFIG
    try:
        config = parse_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; is {folder} a Hugging Face model folder?") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {error}") from None
    if not isinstance(config, dict):
        raise UserError(f"{path}: holds a {type(config).__name__}, not an object")
    return config


def check_sizes(config: JsonObject, place: str) -> None:
    """Raises UserError for a size that no model has: to build one would never end."""
    for key, hint in _SIZES.items():
        value = config.get(key)
        said = objection(value, get_args(hint)[1:]) if isinstance(value, int) else None
        if said:
            raise UserError(f"{place}: {key} = {value}: {said}")


def from_hf(config: JsonObject, place: str = CONFIG) -> ModelConfig:
    """The resolved ModelConfig of an HF config. Raises UserError naming the key that has no counterpart here."""
    family = next((name for name in FAMILIES if name == config.get("model_type")), None)
    if family is None:
        raise UserError(
            f"{place}: model_type = {config.get('model_type')!r} is not a family that can be converted; there are "
            f"{', '.join(FAMILIES)} (dense; Qwen2.5 says qwen2)"
        )
    _refuse(config, family, place)
    check_sizes(config, place)
    get = _Getter(config, place)
    heads, hidden = get.integer("num_attention_heads"), get.integer("hidden_size")
    theta, scaling = _rope(config, place)
    if scaling is not None and family != "llama":
        _no(place, "rope_scaling", scaling, f"only Llama's own scaling is built here, and not for {family}")
    model = ModelConfig(
        family=family,
        layers=get.integer("num_hidden_layers"),
        hidden_size=hidden,
        ffn_hidden_size=get.integer("intermediate_size"),
        heads=heads,
        kv_heads=get.integer("num_key_value_heads", heads if family == "llama" else None),
        head_dim=get.integer("head_dim", _QWEN3_HEAD_DIM if family == "qwen3" else hidden // heads),
        vocab_size=get.integer("vocab_size"),
        max_positions=get.integer("max_position_embeddings"),
        rope_theta=theta,
        rope_scaling=scaling,
        norm_eps=get.number("rms_norm_eps"),
        tied_embeddings=get.boolean("tie_word_embeddings", False),
        init_std=get.number("initializer_range", 0.02),
    ).resolved()
    try:
        check_bounds(model)
    except BrokenRuleError as error:
        raise UserError(f"{place}: makes a model of {error}") from None
    if model.heads % model.kv_heads:
        _no(place, "num_key_value_heads", model.kv_heads, f"it must divide num_attention_heads = {model.heads}")
    if model.head_dim % 2:
        _no(place, "head_dim", model.head_dim, "it must be even (RoPE turns pairs)")
    return model


def to_hf(
    model: ModelConfig, dtype: str, tokens: Mapping[str, int] | None = None, base: JsonObject | None = None
) -> JsonObject:
    """config.json of a resolved ModelConfig whose files hold `dtype` ("fp32" or "bf16").

    tokens: bos_token_id and the like. base: the config.json that the model was imported with; what it says beyond the
    shape is kept. Raises UserError for a shape that the family has no class for.
    """
    check_family(model)
    keep = base if base and base.get("model_type") == model.family else {}
    config: JsonObject = {key: value for key, value in keep.items() if key not in _STALE}
    config |= {
        "architectures": [FAMILIES[model.family].architecture],
        "model_type": model.family,
        "vocab_size": model.vocab_size,
        "hidden_size": model.hidden_size,
        "intermediate_size": model.ffn_hidden_size,
        "num_hidden_layers": model.layers,
        "num_attention_heads": model.heads,
        "num_key_value_heads": model.kv_heads,
        "head_dim": model.head_dim,
        "max_position_embeddings": model.max_positions,
        "rope_theta": model.rope_theta,
        "rope_scaling": _scaling_to_hf(model.rope_scaling),
        "rms_norm_eps": model.norm_eps,
        "tie_word_embeddings": model.tied_embeddings,
        "initializer_range": model.init_std,
        "hidden_act": "silu",
        "attention_dropout": 0.0,
        "use_cache": True,
        "torch_dtype": TORCH_NAMES[dtype],
    }
    config |= {"attention_bias": False, "mlp_bias": False} if model.family == "llama" else {}
    config |= {"attention_bias": False} if model.family == "qwen3" else {}
    config |= {"use_sliding_window": False, "sliding_window": None} if model.family != "llama" else {}
    # HF's classes have ids of their own for what is left out, such as Llama's 1 and 2.
    given = tokens or {}
    known: JsonObject = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None, **given}
    return known | config | {key: value for key, value in given.items() if keep.get(key) is None}


@dataclass(frozen=True)
class _Getter:
    config: JsonObject
    place: str

    def integer(self, key: str, default: int | None = None) -> int:
        value = self._get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        raise self._wrong(key, value, "a whole number above 0")

    def number(self, key: str, default: float | None = None) -> float:
        value = self._get(key, default)
        if _is_number(value) and value >= 0:
            return float(value)
        raise self._wrong(key, value, "a number")

    def boolean(self, key: str, default: bool) -> bool:
        value = self._get(key, default)
        if isinstance(value, bool):
            return value
        raise self._wrong(key, value, "true or false")

    def _get(self, key: str, default: object) -> object:
        value = self.config.get(key)
        value = default if value is None else value
        if value is None:
            raise UserError(f"{self.place}: lacks {key}")
        return value

    def _wrong(self, key: str, value: object, wanted: str) -> UserError:
        return UserError(f"{self.place}: {key} = {value!r}: must be {wanted}")


def _refuse(config: JsonObject, family: Family, place: str) -> None:
    architectures = config.get("architectures") or [FAMILIES[family].architecture]
    if architectures != [FAMILIES[family].architecture]:
        _no(place, "architectures", architectures, f"only {FAMILIES[family].architecture} can be converted")
    for key, neutral in _NEUTRAL.items():
        if config.get(key) not in neutral:
            _no(place, key, config[key], "the Megatron model built here has no counterpart of it")
    kinds = config.get("layer_types")
    if kinds is not None:
        if not isinstance(kinds, list):
            _no(place, "layer_types", kinds, "it must be a list")
        if any(kind != "full_attention" for kind in kinds):
            _no(place, "layer_types", sorted(set(kinds)), _SLIDING)
    elif config.get("use_sliding_window") and config.get("sliding_window") is not None:
        _no(place, "use_sliding_window", True, _SLIDING)


def _rope(config: JsonObject, place: str) -> tuple[float, RopeScaling | None]:
    modern, legacy = (_object(config, key, place) for key in ("rope_parameters", "rope_scaling"))
    rope = legacy or modern
    kind = rope.get("rope_type", rope.get("type", "default"))
    key = "rope_scaling" if legacy else "rope_parameters"
    if kind not in ("default", "llama3"):
        _no(place, f"{key}.rope_type", kind, "only 'default' and 'llama3' are built here")
    if rope.get("partial_rotary_factor") not in _NEUTRAL["partial_rotary_factor"]:
        _no(place, f"{key}.partial_rotary_factor", rope["partial_rotary_factor"], "RoPE turns whole heads here")
    theta = rope.get("rope_theta", config.get("rope_theta", _DEFAULT_THETA))
    if not _is_number(theta) or theta <= 0:
        _no(place, "rope_theta", theta, "it must be a number above 0")
    return float(theta), _llama3(rope, key, config, place) if kind == "llama3" else None


def _object(config: JsonObject, key: str, place: str) -> JsonObject:
    value = config.get(key) or {}
    if not isinstance(value, dict):
        _no(place, key, value, "it must be an object")
    return value


def _llama3(rope: JsonObject, key: str, config: JsonObject, place: str) -> RopeScaling:
    def number(theirs: str) -> float:
        value = rope.get(theirs, config.get(theirs))
        if not _is_number(value) or value <= 0:
            _no(place, f"{key}.{theirs}", value, "it must be a number above 0")
        return float(value)

    factor, low, high, positions = (number(theirs) for theirs in _LLAMA3_KEYS)
    return RopeScaling(factor, low, high, int(positions))


def _scaling_to_hf(scaling: RopeScaling | None) -> JsonObject | None:
    if scaling is None:
        return None
    return {"rope_type": "llama3"} | {theirs: getattr(scaling, ours) for theirs, ours in _LLAMA3_KEYS.items()}


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _no(place: str, key: str, value: object, why: str) -> NoReturn:
    raise UserError(f"{place}: {key} = {json.dumps(value, default=str)}: {why}")

"""RoPE in a config.json, either way: as releases of transformers before 5 say it (`rope_theta`, `rope_scaling`), in which it is
written, and as 5 does (`rope_parameters`)."""

import math
from dataclasses import dataclass

from megatron_qm.config.model import ModelConfig, RopeScaling, YarnScaling
from megatron_qm.hf.fields import Fields
from megatron_qm.json_types import JsonObject

_DEFAULT_THETA = 10000.0
_ORIGINAL = "original_max_position_embeddings"
_LLAMA3 = {
    "factor": "factor",
    "low_freq_factor": "low_freq_factor",
    "high_freq_factor": "high_freq_factor",
    _ORIGINAL: "original_max_positions",
}
# By kind, the keys that transformers reads; others it would leave out without a word.
_KEYS = {
    "default": (),
    "llama3": tuple(_LLAMA3),
    "yarn": ("factor", _ORIGINAL, "beta_fast", "beta_slow", "attention_factor", "mscale", "mscale_all_dim", "truncate"),
}
_ALWAYS = ("rope_type", "type", "rope_theta", "partial_rotary_factor")


@dataclass(frozen=True)
class Rope:
    theta: float
    llama3: RopeScaling | None = None
    yarn: YarnScaling | None = None


def rope_from_hf(config: Fields) -> Rope:
    """Of a config whose `max_position_embeddings` is known to be one. Raises UserError naming the key that is not as it must be,
    or has no counterpart here."""
    rope = _rope_of(config)
    kind = rope.record.get("rope_type", rope.record.get("type", "default"))
    if not isinstance(kind, str) or kind not in _KEYS:
        rope.refuse("rope_type" if "rope_type" in rope.record else "type", f"only {', '.join(_KEYS)} are built here")
    for key, value in rope.record.items():
        if key not in (*_ALWAYS, *_KEYS[kind]) and value is not None:
            rope.refuse(key, f"transformers has no such key for RoPE of type {kind}: remove it if it changes nothing")
    for fields in (rope, config):
        if fields.record.get("partial_rotary_factor") not in (None, 1):
            fields.refuse("partial_rotary_factor", "RoPE turns whole heads here")
    theta = (rope if "rope_theta" in rope.record else config).number("rope_theta")
    if kind == "default":
        return Rope(theta)
    stretch = _with_original(rope, config)
    return Rope(theta, llama3=_llama3(stretch)) if kind == "llama3" else Rope(theta, yarn=_yarn(stretch, config))


def rope_to_hf(model: ModelConfig) -> JsonObject:
    """The keys of config.json that say it."""
    return {"rope_theta": model.rope_theta, "rope_scaling": _scaling_to_hf(model)}


def _scaling_to_hf(model: ModelConfig) -> JsonObject | None:
    if model.rope_scaling is not None:
        return {"rope_type": "llama3"} | {theirs: getattr(model.rope_scaling, ours) for theirs, ours in _LLAMA3.items()}
    yarn = model.yarn
    if yarn is None:
        return None
    stretch: JsonObject = {
        "rope_type": "yarn", "factor": yarn.factor, _ORIGINAL: yarn.original_max_positions,
        "beta_fast": yarn.beta_fast, "beta_slow": yarn.beta_slow,
    }  # fmt: skip
    unusual: JsonObject = {"attention_factor": yarn.attention_factor, "truncate": None if yarn.truncate else False}
    return stretch | {key: value for key, value in unusual.items() if value is not None}


def _rope_of(config: Fields) -> Fields:
    """transformers 5 takes `rope_scaling` before `rope_parameters`, where a config has both."""
    key = "rope_scaling" if config.record.get("rope_scaling") else "rope_parameters"
    value = config.record.get(key)
    if value is None:
        value = {}
    if not isinstance(value, dict):
        config.refuse(key, "it must be an object")
    return Fields(value, config.place, f"{config.prefix}{key}.")


def _with_original(rope: Fields, config: Fields) -> Fields:
    """The length before the stretch stands in the object or beside it; where it does not, transformers takes the length after."""
    said = {fields.integer(_ORIGINAL) for fields in (rope, config) if fields.record.get(_ORIGINAL) is not None}
    if len(said) > 1:
        rope.refuse(_ORIGINAL, f"beside {rope.prefix.rstrip('.')} it has another value: releases of transformers read either")
    return Fields(rope.record | {_ORIGINAL: next(iter(said), config.record["max_position_embeddings"])}, rope.place, rope.prefix)


def _llama3(rope: Fields) -> RopeScaling:
    factor, low, high = (rope.number(key) for key in ("factor", "low_freq_factor", "high_freq_factor"))
    return RopeScaling(factor, low, high, rope.integer(_ORIGINAL))


def _yarn(rope: Fields, config: Fields) -> YarnScaling:
    """To transformers null is silence; but `factor` must be there (null: the ratio of lengths), and `truncate` is false then."""
    original = rope.integer(_ORIGINAL)
    known = Fields({key: value for key, value in rope.record.items() if value is not None}, rope.place, rope.prefix)
    said = set(known.record)
    if "factor" in rope.record and "factor" not in said:
        factor = config.integer("max_position_embeddings") / original
    else:
        factor = known.number("factor")
    numbers = {key: known.number(key) for key in ("beta_fast", "beta_slow") if key in said}
    truncate = known.boolean("truncate") if "truncate" in said else "truncate" not in rope.record
    return YarnScaling(factor, original, attention_factor=_attention_factor(known, factor), truncate=truncate, **numbers)


def _attention_factor(rope: Fields, factor: float) -> float | None:
    """As it is said, or as DeepSeek's two numbers say it."""
    if "attention_factor" in rope.record:
        return rope.number("attention_factor")
    scales = [rope.number(key) for key in ("mscale", "mscale_all_dim") if key in rope.record]
    if len(scales) < 2 or not all(scales):
        return None
    above, below = (0.1 * scale * math.log(max(factor, 1)) + 1 for scale in scales)
    if above <= 0 or below <= 0:
        rope.refuse("mscale", "with mscale_all_dim it makes an attention factor that is not above 0")
    return above / below

"""ModelConfig and Hugging Face's config.json, either way. Plain dictionaries: transformers is not asked.

Written in the form that all releases of transformers since 4.51 read (`rope_theta`, `rope_scaling`, `torch_dtype`);
read in that one and in transformers 5's (`rope_parameters`, `dtype`). Where config.json is silent, or says null, it means what
it means to transformers' class of its family.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from megatron_qm.config.bounds import Heads, Layers, Length, Rows, Width, check_bounds, objection
from megatron_qm.config.model import Family, Head, ModelConfig
from megatron_qm.config.require import BrokenRuleError
from megatron_qm.config.rules import check_model
from megatron_qm.errors import UserError
from megatron_qm.hf.families import ENDINGS, FAMILIES, check_family
from megatron_qm.hf.fields import Fields
from megatron_qm.hf.rope import rope_from_hf, rope_to_hf
from megatron_qm.json_types import JsonObject, parse_json

CONFIG = "config.json"
TORCH_NAMES = {"fp32": "float32", "bf16": "bfloat16"}

# What stands in config.json as it does in ModelConfig.
_KEYS = {
    "vocab_size": "vocab_size",
    "hidden_size": "hidden_size",
    "intermediate_size": "ffn_hidden_size",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "num_key_value_heads": "kv_heads",
    "head_dim": "head_dim",
    "max_position_embeddings": "max_positions",
    "rms_norm_eps": "norm_eps",
    "tie_word_embeddings": "tied_embeddings",
    "initializer_range": "init_std",
}
# What HF's classes take where config.json is silent; a shape must be said.
_SILENT: JsonObject = {
    "num_key_value_heads": None, "head_dim": None, "max_position_embeddings": 32768, "rms_norm_eps": 1e-6,
    "initializer_range": 0.02, "tie_word_embeddings": False, "rope_theta": 10000.0, "use_sliding_window": False,
    "sliding_window": 4096, "max_window_layers": 28,
}  # fmt: skip
_SILENT_OF: dict[Family, JsonObject] = {
    "llama": {"max_position_embeddings": 2048},
    "qwen2": {"num_key_value_heads": 32},
    "qwen3": {"num_key_value_heads": 32, "head_dim": 128},
}
_SIZES: dict[str, object] = {
    "num_hidden_layers": Layers, "hidden_size": Width, "intermediate_size": Width, "num_attention_heads": Heads,
    "num_key_value_heads": Heads, "head_dim": Width, "vocab_size": Rows, "max_position_embeddings": Length,
}
# Keys that would change what the model computes, and the values under which they do not.
_NEUTRAL: dict[str, tuple[object, ...]] = {
    "quantization_config": (None,),
    "auto_map": (None,),
    "is_decoder": (None, False),
    "add_cross_attention": (None, False),
    "hidden_act": ("silu", "swish"),
    "attention_bias": (False,),
    "mlp_bias": (False,),
}
# A reward model is a classifier of one label. As "regression", transformers' pipelines and vLLM give its score as it is, and not
# the sigmoid of it.
_ONE_SCORE: JsonObject = {"id2label": {"0": "score"}, "label2id": {"score": 0}, "problem_type": "regression"}
_SLIDING = "sliding-window attention has no counterpart in the Megatron model built here"
# From an imported config.json, never handed on: they are written anew, or speak of the files it came with.
_STALE = ("rope_parameters", "original_max_position_embeddings", "partial_rotary_factor", "dtype", "layer_types",
          "_name_or_path", "transformers_version", "_attn_implementation", "num_labels")  # fmt: skip


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


def is_classifier(config: JsonObject) -> bool:
    """Whether a config.json, of whatever family, is of a model that labels or scores text, and cannot write any."""
    architectures = config.get("architectures")
    names = architectures if isinstance(architectures, list) else []
    return any(isinstance(name, str) and name.endswith(ENDINGS["score"]) for name in names)


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
        Fields(config, place).refuse(
            "model_type", f"is not a family that can be converted; there are {', '.join(FAMILIES)} (dense; Qwen2.5 says qwen2)"
        )
    check_sizes(config, place)
    fields = Fields(_SILENT | _SILENT_OF[family] | config, place)
    head = _head_of(fields, family)
    _refuse(fields)
    layers = fields.integer("num_hidden_layers")
    _refuse_windows(fields, layers)
    hidden, heads = fields.integer("hidden_size"), fields.integer("num_attention_heads")
    longest = fields.integer("max_position_embeddings")
    rope = rope_from_hf(fields)
    return _checked(place, ModelConfig(
        family=family,
        layers=layers,
        hidden_size=hidden,
        ffn_hidden_size=fields.integer("intermediate_size"),
        heads=heads,
        kv_heads=_unless_null(fields, "num_key_value_heads", heads),
        head_dim=fields.integer("head_dim") if family == "qwen3" else _unless_null(fields, "head_dim", hidden // heads),
        vocab_size=fields.integer("vocab_size"),
        max_positions=longest,
        rope_theta=rope.theta,
        rope_scaling=rope.llama3,
        yarn=rope.yarn,
        norm_eps=fields.number("rms_norm_eps"),
        tied_embeddings=fields.boolean("tie_word_embeddings"),
        head=head,
        init_std=fields.number("initializer_range"),
    ).resolved())  # fmt: skip


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
    config |= {"architectures": [FAMILIES[model.family].architecture(model.head)], "model_type": model.family}
    config |= {theirs: getattr(model, ours) for theirs, ours in _KEYS.items()}
    config |= rope_to_hf(model)
    config |= {"hidden_act": "silu", "attention_dropout": 0.0, "use_cache": True, "torch_dtype": TORCH_NAMES[dtype]}
    config |= {"attention_bias": False, "mlp_bias": False} if model.family == "llama" else {}
    config |= {"attention_bias": False} if model.family == "qwen3" else {}
    config |= {"use_sliding_window": False, "sliding_window": None} if model.family != "llama" else {}
    config |= _ONE_SCORE if model.head == "score" else {}
    # HF's classes have ids of their own for what is left out, such as Llama's 1 and 2.
    given = tokens or {}
    known: JsonObject = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None, **given}
    return known | config | {key: value for key, value in given.items() if keep.get(key) is None}


def _unless_null(fields: Fields, key: str, otherwise: int) -> int:
    return otherwise if fields.record[key] is None else fields.integer(key)


def _checked(place: str, model: ModelConfig) -> ModelConfig:
    """Held to the bounds and rules of recipes, in config.json's words."""
    theirs = {f"model.{ours}": key for key, ours in _KEYS.items()}
    try:
        check_bounds(model, "model")
        check_model(model)
    except BrokenRuleError as error:
        keys = ", ".join(theirs.get(key, key.removeprefix("model.")) for key in error.keys)
        raise UserError(f"{place}: {keys}: {error}") from None
    return model


def _head_of(fields: Fields, family: Family) -> Head:
    known = {head: FAMILIES[family].architecture(head) for head in ENDINGS}
    said = fields.record.get("architectures") or [known["vocabulary"]]
    head = next((head for head, name in known.items() if said == [name]), None)
    if head is None:
        fields.refuse("architectures", f"only {' and '.join(known.values())} can be converted")
    labels, number = fields.record.get("id2label"), fields.record.get("num_labels")
    counts: list[object] = [len(labels)] if isinstance(labels, dict) else []
    counts += [] if number is None else [number]
    others = [count for count in counts or [2] if count != 1]  # 2 is what transformers takes where nothing is said
    if head == "score" and others:
        Fields({"num_labels": others[0]}, fields.place).refuse("num_labels", "a reward model gives one score, and has one label")
    return head


def _refuse(fields: Fields) -> None:
    for key, neutral in _NEUTRAL.items():
        if key in fields.record and fields.record[key] not in neutral:
            fields.refuse(key, "the Megatron model built here has no counterpart of it")


def _refuse_windows(fields: Fields, layers: int) -> None:
    """`layer_types` says which layers see a window only; without it the layers from `max_window_layers` on do, if any."""
    kinds = fields.record.get("layer_types")
    if kinds is None:
        windows = fields.boolean("use_sliding_window") and fields.record["sliding_window"] is not None
        if windows and fields.integer("max_window_layers", least=0) < layers:
            fields.refuse("use_sliding_window", _SLIDING)
    elif not isinstance(kinds, list) or len(kinds) != layers:
        fields.refuse("layer_types", f"it must be a list of num_hidden_layers = {layers} kinds")
    elif any(kind != "full_attention" for kind in kinds):
        fields.refuse("layer_types", _SLIDING)

"""One table per model family: which Megatron tensor holds which Hugging Face tensors, and how their rows lie in it.

Megatron's names are those of its `torch_dist` checkpoints: the layer norms carry Transformer Engine's fused names
whichever layer spec wrote them, and all layers of a kind are stacked on a leading axis.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from megatron_qm.checkpoint.manifest import MEGATRON_LAYERS
from megatron_qm.config import model as shapes
from megatron_qm.config.model import Head, ModelConfig
from megatron_qm.errors import UserError
from megatron_qm.hf.packing import PADDING, PackedTensor, Rule, Run

HF_LAYERS = "model.layers."


def _hidden(model: ModelConfig) -> list[Run]:
    return [(0, model.hidden_size)]


def _head(model: ModelConfig) -> list[Run]:
    return [(0, model.head_dim)]


def _one_row(_model: ModelConfig) -> list[Run]:
    return [(0, 1)]


def _vocabulary(model: ModelConfig) -> list[Run]:
    return [(0, model.vocab_size), (PADDING, model.padded_vocab_size - model.vocab_size)]


def _query_key_value(model: ModelConfig) -> list[Run]:
    """By group: its query heads, its key head, its value head."""
    queries = model.heads // model.kv_heads * model.head_dim
    return [(0, queries), (1, model.head_dim), (2, model.head_dim)] * model.kv_heads


def _gate_up(model: ModelConfig) -> list[Run]:
    return [(0, model.ffn_hidden_size), (1, model.ffn_hidden_size)]


def _hidden_width(model: ModelConfig) -> int:
    return model.hidden_size


def _heads_width(model: ModelConfig) -> int:
    return model.heads * model.head_dim


def _ffn_width(model: ModelConfig) -> int:
    return model.ffn_hidden_size


_EMBEDDING = Rule("embedding.word_embeddings.weight", ("model.embed_tokens.weight",), _vocabulary, _hidden_width)
_FINAL_NORM = Rule("decoder.final_layernorm.weight", ("model.norm.weight",), _hidden)
_OUTPUT = Rule("output_layer.weight", ("lm_head.weight",), _vocabulary, _hidden_width)  # not where it is tied
_SCORE = Rule("output_layer.score", ("score.weight",), _one_row, _hidden_width)  # a reward model's, in its place

_QKV = ("self_attn.q_proj.{}", "self_attn.k_proj.{}", "self_attn.v_proj.{}")

_LLAMA = (
    Rule("self_attention.linear_qkv.layer_norm_weight", ("input_layernorm.weight",), _hidden),
    Rule("self_attention.linear_qkv.weight", tuple(n.format("weight") for n in _QKV), _query_key_value, _hidden_width),
    Rule("self_attention.linear_proj.weight", ("self_attn.o_proj.weight",), _hidden, _heads_width),
    Rule("mlp.linear_fc1.layer_norm_weight", ("post_attention_layernorm.weight",), _hidden),
    Rule("mlp.linear_fc1.weight", ("mlp.gate_proj.weight", "mlp.up_proj.weight"), _gate_up, _hidden_width),
    Rule("mlp.linear_fc2.weight", ("mlp.down_proj.weight",), _hidden, _ffn_width),
)
_QWEN2 = (
    *_LLAMA,
    Rule("self_attention.linear_qkv.bias", tuple(n.format("bias") for n in _QKV), _query_key_value),
)
_QWEN3 = (
    *_LLAMA,
    Rule("self_attention.q_layernorm.weight", ("self_attn.q_norm.weight",), _head),
    Rule("self_attention.k_layernorm.weight", ("self_attn.k_norm.weight",), _head),
)


@dataclass(frozen=True)
class Family:
    """How transformers' names of its classes begin, and the tensors of one of its layers."""

    classes: str
    layer: tuple[Rule, ...]
    qkv_bias: bool = False
    qk_norm: bool = False

    def architecture(self, head: Head) -> str:
        return self.classes + ENDINGS[head]


ENDINGS: dict[Head, str] = {"vocabulary": "ForCausalLM", "score": "ForSequenceClassification"}
FAMILIES: dict[shapes.Family, Family] = {
    "llama": Family("Llama", _LLAMA),
    "qwen2": Family("Qwen2", _QWEN2, qkv_bias=True),
    "qwen3": Family("Qwen3", _QWEN3, qk_norm=True),
}


def packed_tensors(model: ModelConfig) -> Iterator[PackedTensor]:
    """Every tensor of the model, in the order in which Hugging Face files have them."""
    yield _apply(_EMBEDDING, model)
    for layer in range(model.layers):
        for rule in FAMILIES[model.family].layer:
            yield _apply(rule, model, layer)
    yield _apply(_FINAL_NORM, model)
    if model.head == "score":
        yield _apply(_SCORE, model)
    elif not model.tied_embeddings:
        yield _apply(_OUTPUT, model)


def check_family(model: ModelConfig) -> None:
    """Raise UserError for a shape that no Hugging Face class of its family has."""
    family = FAMILIES[model.family]
    for key in ("qkv_bias", "qk_norm"):
        if getattr(model, key) != getattr(family, key):
            raise UserError(
                f"model.{key} = {str(getattr(model, key)).lower()}: {family.architecture(model.head)} in transformers always has "
                f"{key} = {str(getattr(family, key)).lower()}, so this model cannot be released as {model.family!r}"
            )
    if model.rope_scaling is not None and model.family != "llama":
        raise UserError(f"model.rope_scaling: only the family 'llama' has it, not {model.family!r}")


def _apply(rule: Rule, model: ModelConfig, layer: int | None = None) -> PackedTensor:
    prefix = "" if layer is None else f"{HF_LAYERS}{layer}."
    return PackedTensor(
        megatron=rule.megatron if layer is None else MEGATRON_LAYERS + rule.megatron,
        layer=layer,
        hf=tuple(prefix + name for name in rule.hf),
        runs=tuple(rule.packing(model)),
        width=rule.width(model) if rule.width else None,
    )

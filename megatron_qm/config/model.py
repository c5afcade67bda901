"""The shape of a decoder-only transformer, and the named shapes that recipes start from."""

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Optional, TypeVar

from annotated_types import Ge, Gt, Le

from megatron_qm.config.bounds import Heads, Layers, Length, Rows, Width
from megatron_qm.config.require import BrokenRuleError

T = TypeVar("T")

# A recipe may leave such a key to the shape, the family or the defaults: it is None until `resolved`. Whoever computes with
# a model has it resolved, so to a type checker the value is there.
if TYPE_CHECKING:
    Later = Annotated[T, "None until resolved"]
    LATER: Any
else:
    Later, LATER = Optional, None

Family = Literal["qwen2", "qwen3", "llama"]
Head = Literal["vocabulary", "score"]


@dataclass(frozen=True)
class RopeScaling:
    """Llama 3.1's stretch of RoPE (HF `rope_scaling` of type `llama3`)."""

    factor: Annotated[float, Ge(1), Le(1e6)] = 8.0  # how much longer than it was trained for a sequence may be
    # Wavelengths above original_max_positions / this are stretched in full.
    low_freq_factor: Annotated[float, Gt(0), Le(1e6)] = 1.0
    high_freq_factor: Annotated[float, Gt(0), Le(1e6)] = 4.0  # wavelengths below original_max_positions / this stay as they are
    original_max_positions: Length = 8192  # tokens of the sequences before the stretch


@dataclass(frozen=True)
class YarnScaling:
    """YaRN's stretch of RoPE (Peng et al. 2023; HF `rope_scaling` of type `yarn`), which Qwen's long contexts use."""

    factor: Annotated[float, Ge(1), Le(1e6)] = 4.0  # how much longer than it was trained for a sequence may be
    original_max_positions: Length = 32768  # tokens of the sequences before the stretch
    beta_fast: Annotated[float, Gt(0), Le(1e6)] = 32.0  # channels that turn more often than this in them stay as they are
    beta_slow: Annotated[float, Gt(0), Le(1e6)] = 1.0  # channels that turn less often than this in them are stretched in full
    # Queries and keys are multiplied by this (null: 0.1 ln(factor) + 1, as the paper has it).
    attention_factor: Annotated[float, Gt(0), Le(1e3)] | None = None
    truncate: bool = True  # whether the blend between those channels begins and ends at whole channels

    @property
    def max_positions(self) -> int:
        """Tokens of the longest sequence after the stretch."""
        return int(self.factor * self.original_max_positions)

    @property
    def sharpening(self) -> float:
        """What queries and keys are multiplied by."""
        return 0.1 * math.log(self.factor) + 1 if self.attention_factor is None else self.attention_factor


@dataclass(frozen=True)
class ModelConfig:
    """A Qwen2/2.5, Qwen3 or Llama-3 shape. Set `shape` to start from a named one; other keys then override it.

    `vocab_size` counts the rows that mean something (HF `vocab_size`); Megatron holds `padded_vocab_size` rows.
    """

    shape: str | None = None  # a named shape to start from, such as qwen3-8b
    family: Later[Family] = LATER  # whose layers and Hugging Face format (default: qwen3)
    layers: Later[Layers] = LATER  # transformer layers
    hidden_size: Later[Width] = LATER  # width of the residual stream
    ffn_hidden_size: Later[Width] = LATER  # width of the gated MLP
    heads: Later[Heads] = LATER  # attention heads (queries)
    kv_heads: Later[Heads] = LATER  # heads of keys and values (default: heads, which is no GQA)
    head_dim: Later[Width] = LATER  # width of a head (default: hidden_size / heads)
    vocab_size: Later[Rows] = LATER  # rows of the embedding that mean something (HF `vocab_size`)
    max_positions: Later[Length] = LATER  # tokens of the longest sequence (default: 32768)
    # Base of the rotary frequencies (default: 500000 for Llama, else 1000000).
    rope_theta: Later[Annotated[float, Ge(1), Le(1e12)]] = LATER
    rope_scaling: RopeScaling | None = None  # Llama 3.1's stretch of RoPE; null: none
    yarn: YarnScaling | None = None  # YaRN's stretch of RoPE, for any family; null: none
    # Added to the mean square in RMSNorm (default: 1e-5 for Llama, else 1e-6).
    norm_eps: Later[Annotated[float, Gt(0), Le(1)]] = LATER
    tied_embeddings: Later[bool] = LATER  # whether input and output embeddings are one (default: false)
    qkv_bias: Later[bool] = LATER  # biases of Q, K and V (default: by family; Qwen2 has them)
    qk_norm: Later[bool] = LATER  # norms of Q and K (default: by family; Qwen3 has them)
    # What its last layer says of each token: the next one's probabilities, or a score (reward models). It follows from the stage.
    head: Later[Head] = LATER
    init_std: Annotated[float, Gt(0), Le(10)] = 0.02  # standard deviation of initial weights
    # The embedding's rows are padded to this: not by TP, so that a checkpoint loads at any layout.
    pad_vocab_to_multiple_of: Annotated[int, Ge(1), Le(1_000_000)] = 128

    @property
    def padded_vocab_size(self) -> int:
        return math.ceil(self.vocab_size / self.pad_vocab_to_multiple_of) * self.pad_vocab_to_multiple_of

    @property
    def output_rows(self) -> int:
        """Rows of the output layer, without padding."""
        return 1 if self.head == "score" else self.vocab_size

    @property
    def shares_embedding(self) -> bool:
        """Whether the output layer is the embedding's table once more."""
        return self.tied_embeddings and self.head != "score"

    @property
    def longest_sequence(self) -> int:
        """Tokens: `max_positions`, or as many as YaRN stretches to where a published config leaves those before it."""
        return max(self.max_positions, self.yarn.max_positions if self.yarn else 0)

    def resolved(self) -> "ModelConfig":
        """Every `None` filled in from the named shape, the family and the defaults. Raises UserError if one is missing."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        base = _named_shape(self.shape) if self.shape else {}
        values |= {key: value for key, value in base.items() if values[key] is None}
        values["family"] = values["family"] or "qwen3"
        for key, default in _family_defaults(values).items():
            if values[key] is None:
                values[key] = default
        missing = [key for key in _REQUIRED if values[key] is None]
        if missing:
            raise BrokenRuleError(
                f"model.{missing[0]} is not set: give it, or a named shape (model.shape: {', '.join(SHAPES)})",
                f"model.{missing[0]}",
            )
        return ModelConfig(**values)


# What decides which tensors there are and what they mean.
SHAPE_KEYS = ("layers", "hidden_size", "ffn_hidden_size", "heads", "kv_heads", "head_dim", "vocab_size",
              "pad_vocab_to_multiple_of", "tied_embeddings", "qkv_bias", "qk_norm")


def other_shape(one: ModelConfig, other: ModelConfig) -> str | None:
    """The first key by which two resolved models cannot have the same weights; None where they can."""
    return next((key for key in SHAPE_KEYS if getattr(one, key) != getattr(other, key)), None)


_REQUIRED = ("layers", "hidden_size", "ffn_hidden_size", "heads", "kv_heads", "head_dim", "vocab_size")


def _family_defaults(values: dict[str, Any]) -> dict[str, Any]:
    family, hidden, heads = values["family"], values["hidden_size"], values["heads"]
    return {
        "kv_heads": heads,
        "head_dim": hidden // heads if hidden and heads else None,
        "max_positions": 32768,
        "rope_theta": 500000.0 if family == "llama" else 1000000.0,
        "norm_eps": 1e-5 if family == "llama" else 1e-6,
        "tied_embeddings": False,
        "head": "vocabulary",
        "qkv_bias": family == "qwen2",
        "qk_norm": family == "qwen3",
    }


def _named_shape(name: str) -> dict[str, Any]:
    if name not in SHAPES:
        import difflib

        near = difflib.get_close_matches(name, SHAPES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known shapes: {', '.join(SHAPES)}"
        raise BrokenRuleError(f"model.shape = {name!r} is not a known shape; {hint}", "model.shape")
    return SHAPES[name]


def _shape(family: Family, layers: int, hidden: int, ffn: int, heads: int, kv: int, head_dim: int, vocab: int,
           *, tied: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "family": family, "layers": layers, "hidden_size": hidden, "ffn_hidden_size": ffn, "heads": heads,
        "kv_heads": kv, "head_dim": head_dim, "vocab_size": vocab, "tied_embeddings": tied, **more,
    }


_LLAMA31: dict[str, Any] = {"max_positions": 131072, "rope_scaling": RopeScaling()}
_LLAMA32: dict[str, Any] = {"max_positions": 131072, "rope_scaling": RopeScaling(factor=32.0)}
_QWEN3: dict[str, Any] = {"max_positions": 32768}

# From the config.json that each model is published with.
SHAPES: dict[str, dict[str, Any]] = {
    "qwen3-0.6b": _shape("qwen3", 28, 1024, 3072, 16, 8, 128, 151936, tied=True, **_QWEN3),
    "qwen3-1.7b": _shape("qwen3", 28, 2048, 6144, 16, 8, 128, 151936, tied=True, **_QWEN3),
    "qwen3-4b": _shape("qwen3", 36, 2560, 9728, 32, 8, 128, 151936, tied=True, **_QWEN3),
    "qwen3-8b": _shape("qwen3", 36, 4096, 12288, 32, 8, 128, 151936, **_QWEN3),
    "qwen3-14b": _shape("qwen3", 40, 5120, 17408, 40, 8, 128, 151936, **_QWEN3),
    "qwen3-32b": _shape("qwen3", 64, 5120, 25600, 64, 8, 128, 151936, **_QWEN3),
    "qwen2.5-0.5b": _shape("qwen2", 24, 896, 4864, 14, 2, 64, 151936, tied=True),
    "qwen2.5-1.5b": _shape("qwen2", 28, 1536, 8960, 12, 2, 128, 151936, tied=True, max_positions=131072),
    "qwen2.5-7b": _shape("qwen2", 28, 3584, 18944, 28, 4, 128, 152064, max_positions=131072),
    "qwen2.5-14b": _shape("qwen2", 48, 5120, 13824, 40, 8, 128, 152064, max_positions=131072, norm_eps=1e-5),
    "qwen2.5-32b": _shape("qwen2", 64, 5120, 27648, 40, 8, 128, 152064, max_positions=131072, norm_eps=1e-5),
    "llama3.2-1b": _shape("llama", 16, 2048, 8192, 32, 8, 64, 128256, tied=True, **_LLAMA32),
    "llama3.1-8b": _shape("llama", 32, 4096, 14336, 32, 8, 128, 128256, **_LLAMA31),
    "llama3.1-70b": _shape("llama", 80, 8192, 28672, 64, 8, 128, 128256, **_LLAMA31),
}

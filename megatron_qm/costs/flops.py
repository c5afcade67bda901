"""Model FLOPs of a token, and the speed of a step measured with them.

A matrix product of [m, k] and [k, n] is 2mkn FLOPs (a multiply and an add). Counted are the products of the model as
it is defined: QKV, scores, their sum over values, attention output, SwiGLU's three, logits. Not counted are norms,
RoPE, softmax and activations (under 1% from 1B parameters on), the padding of the vocabulary, and whatever is
recomputed: MFU is *model* FLOPs utilisation (Chowdhery et al. 2022, PaLM, appendix B).
"""

from dataclasses import dataclass

from megatron_qm.config.lora import LoraConfig
from megatron_qm.config.model import ModelConfig
from megatron_qm.costs.parameters import adapter_parameters, linear_parameters
from megatron_qm.costs.peaks import Peak

_BACKWARD = 2  # each product has two gradients, each a product of the same size


def forward_flops_per_token(model: ModelConfig, sequence_length: int, *, causal: bool = True) -> float:
    """FLOPs of the forward pass over one token of a sequence, averaged over the sequence.

    layers * (2 * (h(q + 2k) + qh + 3hf) + 4 * q * keys) + 2hV, with h hidden size, q = heads * head_dim,
    k = kv_heads * head_dim, f FFN size, V vocabulary. A causal token sees (s + 1) / 2 keys on average; `causal=False`
    counts all s, as PaLM's formula and a kernel without a mask do. Grouped queries save projections, not scores.
    """
    return _weights(model) + _attention(model, sequence_length, causal=causal)


def training_flops_per_token(
    model: ModelConfig, sequence_length: int, *, causal: bool = True, lora: LoraConfig | None = None
) -> float:
    """FLOPs of forward and backward over one token: three times the forward pass. With adapters the frozen weights have no
    gradients of their own, so their products count twice, those of A and B three times."""
    attention = (1 + _BACKWARD) * _attention(model, sequence_length, causal=causal)
    if lora is None:
        return attention + (1 + _BACKWARD) * _weights(model)
    adapters = 2 * model.layers * adapter_parameters(model, lora)
    return attention + _BACKWARD * _weights(model) + (1 + _BACKWARD) * adapters


def _weights(model: ModelConfig) -> float:
    return model.layers * 2 * linear_parameters(model) + 2 * model.hidden_size * model.vocab_size


def _attention(model: ModelConfig, sequence_length: int, *, causal: bool) -> float:
    """Scores, and their sum over values."""
    keys = (sequence_length + 1) / 2 if causal else sequence_length
    return model.layers * 2 * 2 * model.heads * model.head_dim * keys


@dataclass(frozen=True)
class Speed:
    """tokens_per_second: of the whole job. mfu: share of `Peak` from 0 to 1, None where no peak is known."""

    tokens_per_second: float
    tflops_per_device: float
    mfu: float | None


def speed(tokens: float, seconds: float, devices: int, flops_per_token: float, peak: Peak | None = None) -> Speed:
    """The speed of `tokens` trained in `seconds` on `devices` ranks together. Raises ValueError unless seconds > 0."""
    if seconds <= 0 or devices < 1:
        raise ValueError(f"a speed needs seconds > 0 and devices >= 1, not {seconds} and {devices}")
    per_second = tokens / seconds
    per_device = per_second * flops_per_token / devices
    return Speed(per_second, per_device / 1e12, per_device / peak.flops if peak else None)

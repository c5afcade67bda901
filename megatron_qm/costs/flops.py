"""Model FLOPs of what a model reads, and the speed of a step measured with them.

A matrix product of [m, k] and [k, n] is 2mkn FLOPs (a multiply and an add). Counted are the products of the model as
it is defined: QKV, scores, their sum over values, attention output, SwiGLU's three, logits. Not counted are norms,
RoPE, softmax and activations (under 1% from 1B parameters on), the padding of the vocabulary and of rows, pairs of tokens
that do not see each other, and whatever is recomputed: MFU is *model* FLOPs utilisation (Chowdhery et al. 2022, PaLM,
appendix B).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from megatron_qm.config.lora import LoraConfig
from megatron_qm.config.model import ModelConfig
from megatron_qm.costs.parameters import adapter_parameters, linear_parameters
from megatron_qm.costs.peaks import Peak

_BACKWARD = 2  # each product has two gradients, each a product of the same size


@dataclass(frozen=True)
class Work:
    """What a model reads. tokens: those of documents, not what fills up rows. pairs: of a token and each that it attends to,
    itself included: n (n + 1) / 2 of a document of n tokens that is read by itself, or of a row whose documents see each other.
    """

    tokens: float
    pairs: float

    @classmethod
    def of(cls, lengths: Iterable[int]) -> "Work":
        """Of texts that do not see each other."""
        known = list(lengths)
        return cls(sum(known), sum(n * (n + 1) / 2 for n in known))


def forward_flops(model: ModelConfig, work: Work) -> float:
    """tokens * (layers * 2 * (h(q + 2k) + qh + 3hf) + 2hV) + pairs * layers * 4q, with h hidden size, q = heads * head_dim,
    k = kv_heads * head_dim, f FFN size, V vocabulary (of a reward model 1). Grouped queries save projections, not scores.
    """
    return work.tokens * _weights(model) + work.pairs * _attention(model)


def training_flops(model: ModelConfig, work: Work, lora: LoraConfig | None = None) -> float:
    """Of forward and backward: three times the forward pass. With adapters the frozen weights have no gradients of their own, so
    their products count twice, those of A and B three times."""
    attention = work.pairs * (1 + _BACKWARD) * _attention(model)
    if lora is None:
        return attention + work.tokens * (1 + _BACKWARD) * _weights(model)
    adapters = 2 * model.layers * adapter_parameters(model, lora)
    return attention + work.tokens * (_BACKWARD * _weights(model) + (1 + _BACKWARD) * adapters)


def training_flops_per_token(model: ModelConfig, sequence_length: int, lora: LoraConfig | None = None) -> float:
    """Of rows of one document each: the most that rows of `sequence_length` tokens can ask for."""
    return training_flops(model, Work.of([sequence_length]), lora) / sequence_length


def _weights(model: ModelConfig) -> float:
    """Of a token."""
    return model.layers * 2 * linear_parameters(model) + 2 * model.hidden_size * model.output_rows


def _attention(model: ModelConfig) -> float:
    """Of a pair: its score, and its part of the sum over values."""
    return model.layers * 2 * 2 * model.heads * model.head_dim


@dataclass(frozen=True)
class Speed:
    """tokens_per_second: of the whole job. mfu: share of `Peak` from 0 to 1, None where no peak is known."""

    tokens_per_second: float
    tflops_per_device: float
    mfu: float | None


def speed(work: Work, flops: float, seconds: float, devices: int, peak: Peak | None = None) -> Speed:
    """Of `work` that takes so many FLOPs, done in `seconds` on `devices` ranks together. Raises ValueError unless seconds > 0."""
    if seconds <= 0 or devices < 1:
        raise ValueError(f"a speed needs seconds > 0 and devices >= 1, not {seconds} and {devices}")
    per_device = flops / seconds / devices
    return Speed(work.tokens / seconds, per_device / 1e12, per_device / peak.flops if peak else None)

"""RoPE for longer sequences than a model was first trained on: other frequencies, and YaRN's sharper attention.

All that turns (training, packed documents, the shares of context parallel ranks, generation) takes its angles from the one
module of Megatron's, so its frequencies are what changes. transformers multiplies YaRN's cosines and sines by a factor; here its
square stands in the scale of the softmax, which is the same product: Megatron's own way is lost in Transformer Engine's fused
RoPE of packed documents.

Axes: d the channels of a head, two of which turn together.
"""

import math

import torch
from megatron.core.models.common.embeddings.rotary_pos_embedding import RotaryEmbedding
from torch import Tensor

from megatron_qm.config.model import ModelConfig, RopeScaling, YarnScaling


def stretch(rope: RotaryEmbedding, model: ModelConfig) -> None:
    """Give `rope` the frequencies that a resolved `model` asks for."""
    if model.rope_scaling is not None:
        rope.inv_freq = _llama3(rope, model.rope_scaling)
    if model.yarn is not None:
        rope.inv_freq = yarn_frequencies(model.yarn, model.rope_theta, model.head_dim).to(rope.inv_freq.device)


def softmax_scale(model: ModelConfig) -> float | None:
    """What products of queries and keys are multiplied by; None: 1 / sqrt(head_dim), as ever."""
    return None if model.yarn is None else model.yarn.sharpening**2 / math.sqrt(model.head_dim)


def yarn_frequencies(yarn: YarnScaling, theta: float, channels: int) -> Tensor:
    """[d/2], radians per position. Peng et al. 2023, section 3.2; each operation as in transformers, to the same bits."""
    wave = theta ** (torch.arange(0, channels, 2).float() / channels)
    first, last = _blended(yarn, theta, channels)
    ramp = ((torch.arange(channels // 2).float() - first) / (last - first)).clamp(0, 1)
    kept = 1 - ramp
    return 1 / (yarn.factor * wave) * (1 - kept) + 1 / wave * kept


def _blended(yarn: YarnScaling, theta: float, channels: int) -> tuple[float, float]:
    """The pairs of channels that turn beta_fast and beta_slow times in an original sequence: those between are blended."""

    def pair(turns: float) -> float:
        return channels * math.log(yarn.original_max_positions / (turns * 2 * math.pi)) / (2 * math.log(theta))

    first, last = pair(yarn.beta_fast), pair(yarn.beta_slow)
    if yarn.truncate:
        first, last = math.floor(first), math.ceil(last)
    first, last = max(first, 0), min(last, channels - 1)
    return first, last + 0.001 if first == last else last  # not a step of no width


def _llama3(rope: RotaryEmbedding, scaling: RopeScaling) -> Tensor:
    """Llama 3.1's frequencies. Megatron's constructor takes only `factor`; its method takes all four numbers."""
    frequencies: Tensor = rope._apply_scaling(
        rope.inv_freq,
        factor=scaling.factor,
        low_freq_factor=scaling.low_freq_factor,
        high_freq_factor=scaling.high_freq_factor,
        original_max_position_embeddings=scaling.original_max_positions,
    )
    return frequencies

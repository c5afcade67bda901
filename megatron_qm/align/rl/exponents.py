"""Ratios of probabilities from their logarithms, finite however far two policies are apart."""

import torch
from torch import Tensor

# e^40 = 2.4e17: far beyond any ratio that is learnt from, and its square, which a gradient's norm adds up, is still within FP32.
LARGEST_EXPONENT = 40.0


def bounded_exp(exponent_bs: Tensor) -> Tensor:
    """exp up to `LARGEST_EXPONENT`, and beyond it the tangent there: value and gradient stay finite, and of the right sign.

    An infinite ratio is no loss even where clipping takes its gradient: 0 x inf is NaN.
    """
    held_bs = exponent_bs.clamp(max=LARGEST_EXPONENT)
    return torch.exp(held_bs) * (1 + exponent_bs - held_bs)

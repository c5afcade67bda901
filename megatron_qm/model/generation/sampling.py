"""The next token of each sequence, from its logits and a random number that depends on nothing but the sequence.

Axes: b sequences, v the real vocabulary, k its k likeliest entries in falling order.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from megatron_qm.model.generation.request import Request, Sampling

_MASK = 2**64 - 1


@dataclass(frozen=True)
class Drawn:
    """Tokens [b], their log-probability under the policy at its temperature [b] and under what they were drawn from [b]."""

    token_b: Tensor
    logprob_b: Tensor
    behaviour_b: Tensor


def stream_of(request: Request) -> int:
    """64 bits that start the random numbers of a request: a hash of its seed and key."""
    text = f"{request.seed}\0{request.key}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def uniform(stream: int, position: int) -> float:
    """The number in [0, 1) at `position` of a stream: a counter, not a state, so batches and resumes cannot shift it.

    SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014), its upper 53 bits.
    """
    z = (stream + (position + 1) * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return ((z ^ (z >> 31)) >> 11) / 2**53


def draw(logits_bv: Tensor, sampling: Sequence[Sampling], generated: Sequence[int], uniform_b: Sequence[float]) -> Drawn:
    """One token per row. generated: how many tokens each sequence has so far; uniform_b: its random number."""
    with torch._C.DisableTorchFunction():  # the CPU's shim for Megatron costs a call per operation, and none is Megatron's
        return _draw(logits_bv.float(), sampling, generated, uniform_b)


def _draw(logits_bv: Tensor, sampling: Sequence[Sampling], generated: Sequence[int], uniform_b: Sequence[float]) -> Drawn:
    peak_b1, best_b1 = logits_bv.max(-1, keepdim=True)
    shifted_bv = _tempered(logits_bv - peak_b1, sampling)
    weight_bv = shifted_bv.exp()
    log_total_b = weight_bv.sum(-1, dtype=torch.float64).log()
    allowed_bv = _without_early_stops(shifted_bv, sampling, generated)
    token_b = best_b1[:, 0] if allowed_bv is shifted_bv else allowed_bv.argmax(-1)
    behaviour_b = torch.zeros_like(log_total_b)
    rows = [row for row, s in enumerate(sampling) if s.temperature > 0]
    if rows:
        index = torch.tensor(rows, device=logits_bv.device) if len(rows) < len(sampling) else slice(None)
        kinds = [sampling[row] for row in rows]
        if allowed_bv is shifted_bv and all(s.top_p == 1 and not s.top_k for s in kinds):
            chosen_from = shifted_bv[index], weight_bv[index]  # the policy itself: all is there already
        else:
            left_bv = _truncated(allowed_bv[index], kinds)
            chosen_from = left_bv, left_bv.exp()
        numbers_b = torch.tensor([uniform_b[row] for row in rows], dtype=torch.float64, device=logits_bv.device)
        token_b[index], behaviour_b[index] = _inverse(*chosen_from, numbers_b)
    return Drawn(token_b, shifted_bv.gather(1, token_b[:, None])[:, 0] - log_total_b, behaviour_b)


def _without_early_stops(logits_bv: Tensor, sampling: Sequence[Sampling], generated: Sequence[int]) -> Tensor:
    early = [
        (row, token)
        for row, s in enumerate(sampling)
        if generated[row] < s.min_tokens
        for token in s.stop_tokens
        if 0 <= token < logits_bv.shape[1]
    ]
    if not early:
        return logits_bv
    row, token = torch.tensor(early, device=logits_bv.device).T
    banned = logits_bv.clone()
    banned[row, token] = -torch.inf
    return banned


def _tempered(logits_bv: Tensor, sampling: Sequence[Sampling]) -> Tensor:
    """Logits over temperature; greedy rows as they are."""
    heats = [s.temperature or 1.0 for s in sampling]
    if all(heat == 1 for heat in heats):
        return logits_bv
    return logits_bv / torch.tensor(heats, dtype=logits_bv.dtype, device=logits_bv.device)[:, None]


def _truncated(logits_bv: Tensor, sampling: Sequence[Sampling]) -> Tensor:
    """Logits after top_k and top_p, the largest 0."""
    if any(s.top_k or s.top_p < 1 for s in sampling):
        logits_bv = _truncate(logits_bv, sampling)
    return logits_bv - logits_bv.amax(-1, keepdim=True)


def _inverse(shifted_bv: Tensor, weight_bv: Tensor, uniform_b: Tensor) -> tuple[Tensor, Tensor]:
    """(token, its log-probability) by the inverse of the cumulative distribution of weights = exp(shifted), whose sum over
    150,000 entries deserves float64: rounding moves a choice only where the random number lies within rounding of an edge."""
    cumulative_bv = weight_bv.cumsum(-1, dtype=torch.float64)
    total_b1 = cumulative_bv[:, -1:].contiguous()
    # the first entry whose sum exceeds the target: one of probability 0 never does so first
    token_b1 = torch.searchsorted(cumulative_bv, uniform_b[:, None] * total_b1, right=True)
    token_b1 = token_b1.clamp_max_(weight_bv.shape[1] - 1)  # where the weights are NaN
    return token_b1[:, 0], (shifted_bv.gather(1, token_b1) - total_b1.log())[:, 0]


def _truncate(scaled_bv: Tensor, sampling: Sequence[Sampling]) -> Tensor:
    """-inf outside the top_k likeliest tokens, then outside the fewest of them that hold top_p of their probability."""
    vocabulary = scaled_bv.shape[1]
    k = torch.tensor([min(s.top_k or vocabulary, vocabulary) for s in sampling], device=scaled_bv.device)
    p = torch.tensor([s.top_p for s in sampling], dtype=torch.float64, device=scaled_bv.device)
    ordered_bk, order_bk = scaled_bv.sort(dim=-1, descending=True, stable=True)  # equals: the lower id comes first
    rank_k = torch.arange(vocabulary, device=scaled_bv.device)
    ordered_bk = ordered_bk.masked_fill(rank_k >= k[:, None], -torch.inf)
    probability_bk = ordered_bk.softmax(-1, dtype=torch.float64)
    before_bk = probability_bk.cumsum(-1) - probability_bk
    off_bk = (before_bk >= p[:, None]) & (p[:, None] < 1)
    off_bk[:, 0] = False
    return torch.full_like(scaled_bv, -torch.inf).scatter_(1, order_bk, ordered_bk.masked_fill(off_bk, -torch.inf))

"""Keys and values of the tokens so far, and attention over them.

While a model generates, its layers' core attention is exchanged for `CachedAttention` (see `cached`): the same for
Transformer Engine's layers and for the local ones, and training never meets it. All tokens of a step, of however many
sequences, lie on Megatron's sequence axis with a batch of one, so there is no padding between prompts of different
lengths, and sequence parallelism cuts that axis as ever.

Axes: t tokens of a step, b sequences (slots of the cache), S positions, n query heads, g key/value heads, d channels.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from megatron.core.models.gpt.gpt_model import GPTModel
from torch import Tensor, nn

_GROWTH = 64  # positions; the cache grows by a third, in steps of this many


@dataclass(frozen=True)
class Prefill:
    """Whole prompts: tokens start:end of the step are all of a sequence, whose keys and values go to these slots."""

    pieces: Sequence[tuple[int, int, Sequence[int]]]


@dataclass(frozen=True)
class Decode:
    """One token for each of the slots 0 .. b-1. position_b: where it stands; longest: the largest position + 1."""

    row_b: Tensor
    position_b: Tensor
    longest: int
    visible_b11s: Tensor | None  # None: all of them see all positions

    @classmethod
    def at(cls, positions: Sequence[int], device: torch.device) -> "Decode":
        position_b = torch.tensor(positions, device=device)
        longest = max(positions) + 1
        row_b = torch.arange(len(positions), device=device)
        visible_b11s = None
        if min(positions) + 1 < longest:
            visible_b11s = (torch.arange(longest, device=device) <= position_b[:, None])[:, None, None]
        return cls(row_b, position_b, longest, visible_b11s)


class CachedAttention(nn.Module):
    """Stands in for a layer's core attention; `step` says what the tokens of the next call are."""

    def __init__(self, scale: float | None) -> None:
        super().__init__()
        self.scale = scale
        self.step: Prefill | Decode = Prefill(())
        self.keys_bgSd = self.values_bgSd = torch.empty(0)

    def forward(self, query_t1nd: Tensor, key_t1gd: Tensor, value_t1gd: Tensor, *_: object, **__: object) -> Tensor:
        query, key, value = (x.squeeze(1) for x in (query_t1nd, key_t1gd, value_t1gd))
        return self.attend(query, key, value).flatten(1)[:, None]

    def attend(self, query_tnd: Tensor, key_tgd: Tensor, value_tgd: Tensor) -> Tensor:
        """[t, n, d]; keys and values go into the cache on the way."""
        if isinstance(self.step, Prefill):
            return self._prefill(self.step, query_tnd, key_tgd, value_tgd)
        return self._decode(self.step, query_tnd, key_tgd, value_tgd)

    def _prefill(self, step: Prefill, query_tnd: Tensor, key_tgd: Tensor, value_tgd: Tensor) -> Tensor:
        out_tnd = torch.zeros_like(query_tnd)
        grouped = query_tnd.shape[1] != key_tgd.shape[1]
        for start, end, slots in step.pieces:
            query, key, value = (x[start:end].transpose(0, 1) for x in (query_tnd, key_tgd, value_tgd))
            out = F.scaled_dot_product_attention(
                query[None], key[None], value[None], is_causal=True, scale=self.scale, enable_gqa=grouped
            )
            out_tnd[start:end] = out[0].transpose(0, 1)
            for slot in slots:
                self.keys_bgSd[slot, :, : end - start] = key
                self.values_bgSd[slot, :, : end - start] = value
        return out_tnd

    def _decode(self, step: Decode, query_tnd: Tensor, key_tgd: Tensor, value_tgd: Tensor) -> Tensor:
        slots = len(step.position_b)
        self.keys_bgSd[step.row_b, :, step.position_b] = key_tgd[:slots]
        self.values_bgSd[step.row_b, :, step.position_b] = value_tgd[:slots]
        key, value = self.keys_bgSd[:slots, :, : step.longest], self.values_bgSd[:slots, :, : step.longest]
        # The query heads of a group take the place of query positions: no key is copied once per head.
        tokens, heads, channels = query_tnd.shape
        query = query_tnd[:slots].view(slots, key.shape[1], -1, channels)
        out = F.scaled_dot_product_attention(query, key, value, attn_mask=step.visible_b11s, scale=self.scale)
        out = out.reshape(slots, heads, channels)
        return out if slots == tokens else F.pad(out, (0, 0, 0, 0, 0, tokens - slots))


class KeyValueCache:
    """The caches of all attention layers of this rank's chunks, kept alike."""

    def __init__(self, layers: Sequence[CachedAttention], heads: int, channels: int, like: Tensor) -> None:
        self._layers = layers
        self._heads, self._channels = heads, channels
        self._like = like

    def reserve(self, slots: int, positions: int) -> None:
        """Room for `slots` sequences of `positions` tokens; what is there stays."""
        for layer in self._layers:
            layer.keys_bgSd = self._grown(layer.keys_bgSd, slots, positions)
            layer.values_bgSd = self._grown(layer.values_bgSd, slots, positions)

    def _grown(self, old: Tensor, slots: int, positions: int) -> Tensor:
        there = old.numel() > 0
        if there and old.shape[0] >= slots and old.shape[2] >= positions:
            return old
        if there:
            slots = max(slots, old.shape[0])
            positions = max(positions, old.shape[2] * 4 // 3) if positions > old.shape[2] else old.shape[2]
        positions = -(-positions // _GROWTH) * _GROWTH
        # zeros: a hidden value counts 0 times, and 0 times a NaN would be one
        new = self._like.new_zeros(slots, self._heads, positions, self._channels)
        if there:
            new[: old.shape[0], :, : old.shape[2]] = old
        return new

    def move(self, source: int, target: int, length: int) -> None:
        """Sequence `source` of `length` tokens takes the slot `target`, whose own sequence has ended."""
        for layer in self._layers:
            for cache in (layer.keys_bgSd, layer.values_bgSd):
                cache[target, :, :length] = cache[source, :, :length]

    def set(self, step: Prefill | Decode) -> None:
        for layer in self._layers:
            layer.step = step


@contextmanager
def cached(chunks: Sequence[GPTModel]) -> Iterator[KeyValueCache]:
    """Within this block the chunks' layers attend through a cache; afterwards they are what they were."""
    attentions = [layer.self_attention for chunk in chunks for layer in chunk.decoder.layers]
    before = [attention.core_attention for attention in attentions]
    config = chunks[0].config
    caches = [CachedAttention(config.softmax_scale) for _ in attentions]
    try:
        for attention, cache in zip(attentions, caches, strict=True):
            attention.core_attention = cache
        groups = config.num_query_groups or config.num_attention_heads
        local = max(1, groups // config.tensor_model_parallel_size)
        like = next(chunks[0].parameters()).new_empty(0, dtype=config.params_dtype)
        yield KeyValueCache(caches, local, config.kv_channels, like)
    finally:
        for attention, core in zip(attentions, before, strict=True):
            attention.core_attention = core

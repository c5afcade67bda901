"""Core attention on torch's scaled_dot_product_attention: causal, grouped queries, documents packed in one row, and
context parallelism. Megatron's own local module has neither of the last two; Transformer Engine's needs CUDA.

Axes: s tokens of this rank, S tokens of all context parallel ranks, b sequences, n query heads, g key/value heads, d
channels of a head, t tokens of a packed row.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import chain, pairwise

import torch
import torch.distributed as dist
import torch.nn.functional as F
from megatron.core import parallel_state
from megatron.core.packed_seq_params import PackedSeqParams
from megatron.core.transformer.enums import AttnMaskType
from megatron.core.transformer.module import MegatronModule
from megatron.core.transformer.transformer_config import TransformerConfig
from torch import Tensor
from torch.autograd.function import BackwardCFunction

from megatron_qm.model.branches import Branches


class CoreAttention(MegatronModule):
    """Stands in for Megatron's DotProductAttention in a layer spec; takes [s, b, n, d] and gives [s, b, n * d]."""

    def __init__(
        self,
        config: TransformerConfig,
        layer_number: int,
        attn_mask_type: AttnMaskType,
        attention_type: str,
        attention_dropout: float | None = None,
        softmax_scale: float | None = None,
        cp_comm_type: str | None = None,
        **_: object,
    ) -> None:
        super().__init__(config=config)
        self.scale = softmax_scale
        self.cp_group = parallel_state.get_context_parallel_group() if config.context_parallel_size > 1 else None

    def forward(
        self,
        query_sbnd: Tensor,
        key_sbgd: Tensor,
        value_sbgd: Tensor,
        attention_mask: Tensor | None = None,
        attn_mask_type: AttnMaskType | None = None,
        attention_bias: Tensor | None = None,
        packed_seq_params: PackedSeqParams | None = None,
        **_: object,
    ) -> Tensor:
        if packed_seq_params is not None:  # Megatron has squeezed the batch axis away: [t, n, d]
            return self._packed(query_sbnd, key_sbgd, value_sbgd, packed_seq_params)
        query, key, value = (x.permute(1, 2, 0, 3) for x in (query_sbnd, key_sbgd, value_sbgd))  # b n s d
        if self.cp_group is not None:
            out_bnsd = self._context_parallel(query, key, value, self.cp_group)
        elif attention_mask is not None:  # True where a key is hidden, as everywhere in Megatron
            out_bnsd = self._attend(query, key, value, attn_mask=~attention_mask)
        else:
            # one query against a cache sees all of it; `is_causal` would align the mask to the first key
            out_bnsd = self._attend(query, key, value, is_causal=query.shape[2] == key.shape[2])
        return out_bnsd.permute(2, 0, 1, 3).flatten(2)

    def _attend(
        self, query: Tensor, key: Tensor, value: Tensor, *, attn_mask: Tensor | None = None, is_causal: bool = False
    ) -> Tensor:
        return F.scaled_dot_product_attention(
            query, key, value, attn_mask, is_causal=is_causal, scale=self.scale, enable_gqa=query.shape[1] != key.shape[1]
        )

    def _packed(self, query_tnd: Tensor, key_tgd: Tensor, value_tgd: Tensor, packed: PackedSeqParams) -> Tensor:
        """Each document attends to itself alone: work is the sum of squares of the documents' lengths. A branch attends to its
        prefix as well."""
        edges = packed.cu_seqlens_q.tolist()
        prefixes = packed.prefixes if isinstance(packed, Branches) else [(0, 0)] * (len(edges) - 1)
        segments = [(prefix, own) for prefix, own in zip(prefixes, pairwise(edges), strict=True) if own[0] < own[1]]
        queries = _Pieces(query_tnd, [own for _, own in segments])
        keys, values = (_Pieces(x, list(chain.from_iterable(segments))) for x in (key_tgd, value_tgd))
        pieces = [self._segment(queries(own), keys(prefix, own), values(prefix, own)) for prefix, own in segments]
        return torch.cat(pieces).flatten(1)

    def _segment(self, query_snd: Tensor, key_Sgd: Tensor, value_Sgd: Tensor) -> Tensor:
        """Queries of a segment against its keys and those of its prefix, which stand before them."""
        query, key, value = (x.transpose(0, 1)[None] for x in (query_snd, key_Sgd, value_Sgd))  # 1 n s d
        shown = key.shape[2] - query.shape[2]
        out_bnsd = self._chunk(query, key, value, shown) if shown else self._attend(query, key, value, is_causal=True)
        return out_bnsd[0].transpose(0, 1)

    def _context_parallel(
        self, query_bnsd: Tensor, key_bgsd: Tensor, value_bgsd: Tensor, group: dist.ProcessGroup
    ) -> Tensor:
        """Rank r of n holds chunks r and 2n-1-r of 2n (Megatron's zigzag order, which balances causal work)."""
        ranks, rank = group.size(), group.rank()
        half = query_bnsd.shape[2] // 2
        gathered = _GatherRanks.apply(torch.stack([key_bgsd, value_bgsd]), group)  # r 2 b g s d
        first, second = gathered[..., :half, :], gathered[..., half:, :]
        key, value = torch.cat([*first, *second.flip(0)], dim=-2)  # chunks 0 .. 2n-1 in order
        low, high = rank * half, (2 * ranks - 1 - rank) * half
        # The lower chunk sees keys up to its own end; the upper one likewise: two causal problems, no wasted keys.
        return torch.cat(
            [self._chunk(query_bnsd[:, :, :half], key, value, low), self._chunk(query_bnsd[:, :, half:], key, value, high)],
            dim=2,
        )

    def _chunk(self, query_bncd: Tensor, key_bgSd: Tensor, value_bgSd: Tensor, start: int) -> Tensor:
        """Queries at positions start .. start+c against all keys up to their own."""
        length = query_bncd.shape[2]
        end = start + length
        position = torch.arange(start, end, device=query_bncd.device)
        visible = position[:, None] >= torch.arange(end, device=query_bncd.device)[None]
        key, value = (x if x.shape[2] == end else x[:, :, :end] for x in (key_bgSd, value_bgSd))
        return self._attend(query_bncd, key, value, attn_mask=visible)


class _Pieces:
    """Ranges of a row's tokens. All are cut at once: the gradient of a split is one concatenation, where that of every slice
    would be as long as the row."""

    def __init__(self, x_tnd: Tensor, ranges: Sequence[tuple[int, int]]) -> None:
        self._edges = sorted({0, len(x_tnd), *chain.from_iterable(ranges)})
        self._pieces = x_tnd.split([last - first for first, last in pairwise(self._edges)])

    def __call__(self, *ranges: tuple[int, int]) -> Tensor:
        """Of these ranges, one behind the other."""
        found = [piece for first, last in ranges for piece in
                 self._pieces[bisect_left(self._edges, first) : bisect_left(self._edges, last)]]
        return found[0] if len(found) == 1 else torch.cat(found)


class _OfGroup(BackwardCFunction):
    """What `_GatherRanks` remembers."""

    group: dist.ProcessGroup


class _GatherRanks(torch.autograd.Function):
    """All ranks' tensors stacked on a new first axis; backward sums each rank's gradient over the ranks."""

    @staticmethod
    def forward(ctx: _OfGroup, x: Tensor, group: dist.ProcessGroup) -> Tensor:
        ctx.group = group
        pieces = [torch.empty_like(x) for _ in range(group.size())]
        dist.all_gather(pieces, x.contiguous(), group=group)
        return torch.stack(pieces)

    @staticmethod
    def backward(ctx: _OfGroup, grad: Tensor) -> tuple[Tensor, None]:
        grad = grad.contiguous()
        dist.all_reduce(grad, group=ctx.group)
        return grad[ctx.group.rank()], None

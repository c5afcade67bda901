"""Our core attention against attention written out: causal, grouped queries, packed documents."""

import math

import pytest
import torch
from megatron.core.packed_seq_params import PackedSeqParams
from megatron.core.transformer.enums import AttnMaskType
from megatron.core.transformer.transformer_config import TransformerConfig

from megatron_qm.model.attention import CoreAttention

S, B, HEADS, GROUPS, D = 24, 2, 4, 2, 8


def attention() -> CoreAttention:
    config = TransformerConfig(num_layers=1, hidden_size=HEADS * D, num_attention_heads=HEADS, num_query_groups=GROUPS)
    return CoreAttention(config, 1, AttnMaskType.causal, "self")


def inputs(seed: int = 0, length: int = S, batch: int = B) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(length, batch, heads, D, generator=generator) for heads in (HEADS, GROUPS, GROUPS)]


def written_out(query_sbnd: torch.Tensor, key_sbgd: torch.Tensor, value_sbgd: torch.Tensor) -> torch.Tensor:
    """Softmax(q k^T / sqrt(d)) v, one query at a time, over the keys up to its own."""
    length, batch, heads, _ = query_sbnd.shape
    out = torch.zeros(length, batch, heads, D)
    for s in range(length):
        for b in range(batch):
            for n in range(heads):
                g = n // (heads // GROUPS)
                scores = key_sbgd[: s + 1, b, g] @ query_sbnd[s, b, n] / math.sqrt(D)
                out[s, b, n] = scores.softmax(0) @ value_sbgd[: s + 1, b, g]
    return out.flatten(2)


def test_causal_grouped_attention() -> None:
    query, key, value = inputs()
    torch.testing.assert_close(attention()(query, key, value), written_out(query, key, value), atol=1e-5, rtol=1e-5)


def test_documents_in_a_row_do_not_see_each_other() -> None:
    query, key, value = (x[:, 0] for x in inputs(batch=1))
    edges = [0, 5, 6, 17, S]
    cumulative = torch.tensor(edges, dtype=torch.int32)
    packed = PackedSeqParams(qkv_format="thd", cu_seqlens_q=cumulative, cu_seqlens_kv=cumulative)
    got = attention()(query, key, value, packed_seq_params=packed)
    alone = [
        written_out(query[a:b, None], key[a:b, None], value[a:b, None])[:, 0]
        for a, b in zip(edges, edges[1:], strict=False)
    ]
    torch.testing.assert_close(got, torch.cat(alone), atol=1e-5, rtol=1e-5)


def test_a_mask_hides_where_it_is_true() -> None:
    query, key, value = inputs()
    hidden = torch.ones(S, S, dtype=torch.bool).triu(1)[None, None]
    torch.testing.assert_close(
        attention()(query, key, value, hidden), written_out(query, key, value), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("step", [3, S - 1])
def test_one_query_sees_its_whole_cache(step: int) -> None:
    query, key, value = inputs()
    got = attention()(query[step : step + 1], key[: step + 1], value[: step + 1])
    torch.testing.assert_close(got[0], written_out(query, key, value)[step], atol=1e-5, rtol=1e-5)

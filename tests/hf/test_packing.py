"""The tables against the layouts written out with reshape, and against themselves read backwards."""

import pytest
import torch

from megatron_qm.config.model import ModelConfig
from megatron_qm.errors import UserError
from megatron_qm.hf.families import check_family, packed_tensors
from megatron_qm.hf.packing import PADDING, PackedTensor

HEADS, GROUPS, DIM, HIDDEN, FFN, VOCAB = 6, 2, 4, 10, 7, 130


def model(family: str = "qwen2", **more: object) -> ModelConfig:
    return ModelConfig(
        family=family, layers=2, hidden_size=HIDDEN, ffn_hidden_size=FFN, heads=HEADS, kv_heads=GROUPS, head_dim=DIM,
        vocab_size=VOCAB, **more,
    ).resolved()  # fmt: skip


def part(packed: PackedTensor, name: str, megatron: torch.Tensor) -> torch.Tensor:
    """The HF tensor `name` out of a whole Megatron tensor."""
    spans = packed.spans_of(packed.hf.index(name))
    return torch.cat([megatron[span.at : span.at + span.rows] for span in spans])


def find(shape: ModelConfig, name: str) -> PackedTensor:
    return next(packed for packed in packed_tensors(shape) if name in packed.hf)


@pytest.mark.parametrize("kind", ["weight", "bias"])
def test_query_key_value_are_interleaved_by_group(kind: str) -> None:
    rows = (HEADS + 2 * GROUPS) * DIM
    megatron = torch.randn(rows, HIDDEN) if kind == "weight" else torch.randn(rows)
    groups = megatron.view(GROUPS, HEADS // GROUPS + 2, DIM, *megatron.shape[1:])
    wanted = {"q": groups[:, :-2], "k": groups[:, -2:-1], "v": groups[:, -1:]}
    for letter, tensor in wanted.items():
        name = f"model.layers.1.self_attn.{letter}_proj.{kind}"
        packed = find(model(), name)
        assert (packed.megatron, packed.layer) == (f"decoder.layers.self_attention.linear_qkv.{kind}", 1)
        flat = tensor.reshape(-1, *megatron.shape[1:])
        assert torch.equal(part(packed, name, megatron), flat)
        assert packed.hf_shape(packed.hf.index(name)) == flat.shape and packed.shape == megatron.shape


def test_gate_stands_above_up() -> None:
    megatron = torch.randn(2 * FFN, HIDDEN)
    gate, up = megatron.chunk(2)
    packed = find(model(), "model.layers.0.mlp.up_proj.weight")
    assert torch.equal(part(packed, "model.layers.0.mlp.gate_proj.weight", megatron), gate)
    assert torch.equal(part(packed, "model.layers.0.mlp.up_proj.weight", megatron), up)


@pytest.mark.parametrize("name", ["model.embed_tokens.weight", "lm_head.weight"])
def test_padding_is_at_the_end_and_belongs_to_nobody(name: str) -> None:
    packed = find(model(), name)
    assert packed.shape == (256, HIDDEN) and packed.hf_shape(0) == (VOCAB, HIDDEN)
    assert [(span.part, span.at, span.rows) for span in packed.spans()] == [(0, 0, VOCAB), (PADDING, VOCAB, 126)]
    exact = find(model(pad_vocab_to_multiple_of=13), name)
    assert exact.shape == (VOCAB, HIDDEN) and len(exact.spans()) == 1


@pytest.mark.parametrize("family", ["qwen2", "qwen3", "llama"])
def test_every_row_of_every_tensor_has_one_place(family: str) -> None:
    for packed in packed_tensors(model(family)):
        covered = [row for span in packed.spans() for row in range(span.at, span.at + span.rows)]
        assert covered == list(range(packed.shape[0]))
        for number in range(len(packed.hf)):
            rows = [row for span in packed.spans_of(number) for row in range(span.start, span.stop)]
            assert rows == list(range(packed.hf_shape(number)[0]))


def test_a_shape_that_no_class_of_transformers_has_is_refused() -> None:
    changes = {"llama": {"qkv_bias": True}, "qwen3": {"qk_norm": False}, "qwen2": {"qkv_bias": False}}
    for family, change in changes.items():
        with pytest.raises(UserError, match=next(iter(change))):
            check_family(model(family, **change))
    check_family(model("llama"))

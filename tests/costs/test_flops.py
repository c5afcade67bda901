"""FLOPs against torch's counter over a transformers model, and speeds against figures worked out by hand."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from megatron_qm.config.lora import LoraConfig
from megatron_qm.config.model import ModelConfig
from megatron_qm.costs.flops import Work, forward_flops, speed, training_flops, training_flops_per_token
from megatron_qm.costs.peaks import Peak, peak_flops
from tests.costs.shapes import shape, transformers_model

SEQUENCE = 37
ALL_PAIRS = Work(1, SEQUENCE)  # of a token of a sequence whose every token meets every other, masked or not


class Adapted(torch.nn.Module):
    """W x + B A x, W frozen."""

    def __init__(self, linear: torch.nn.Linear, rank: int) -> None:
        super().__init__()
        self.linear = linear
        self.a = torch.nn.Linear(linear.in_features, rank, bias=False)
        self.b = torch.nn.Linear(rank, linear.out_features, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x) + self.b(self.a(x))


def adapted(built: torch.nn.Module, rank: int) -> torch.nn.Module:
    """Adapters on what Megatron has as one layer each, proj and fc2; the embedding's output wants a gradient, as the input of
    every other layer does."""
    built.requires_grad_(False).enable_input_require_grads()
    for layer in built.model.layers:
        layer.self_attn.o_proj = Adapted(layer.self_attn.o_proj, rank)
        layer.mlp.down_proj = Adapted(layer.mlp.down_proj, rank)
    return built


def counted(model: ModelConfig, *, backward: bool, rank: int | None = None) -> float:
    """FLOPs per token that torch counts; eager attention computes all s * s scores, masked or not."""
    built = transformers_model(model, attn_implementation="eager")
    built = built if rank is None else adapted(built, rank)
    tokens_bs = torch.zeros(2, SEQUENCE, dtype=torch.long)
    counter = FlopCounterMode(display=False)
    with counter:
        loss = built(tokens_bs, labels=tokens_bs, use_cache=False).loss
        if backward:
            loss.backward()
    # Some releases make the RoPE angles with a matrix product of [d/2, 1] and [1, s]: no product of the model.
    by_module = counter.get_flop_counts()
    angles = sum(sum(by_op.values()) for name, by_op in by_module.items() if name.endswith("rotary_emb"))
    return (counter.get_total_flops() - angles) / tokens_bs.numel()


@pytest.mark.parametrize("model", [
    shape("qwen3"), shape("qwen2", heads=4, kv_heads=4), shape("llama", tied_embeddings=True, heads=8, kv_heads=1),
], ids=lambda model: model.family)
def test_forward_and_training_flops_are_those_that_torch_counts(model: ModelConfig) -> None:
    assert forward_flops(model, ALL_PAIRS) == counted(model, backward=False)
    assert training_flops(model, ALL_PAIRS) == counted(model, backward=True)


def test_training_flops_with_adapters_are_those_that_torch_counts() -> None:
    model, lora = shape("qwen3"), LoraConfig(rank=4, targets=["proj", "fc2"])
    assert training_flops(model, ALL_PAIRS, lora) == counted(model, backward=True, rank=4)


def test_a_causal_token_sees_itself_and_those_before() -> None:
    model = shape("qwen3")
    seen = sum(position + 1 for position in range(SEQUENCE))  # pairs of a whole sequence
    per_pair = 3 * model.layers * 4 * model.heads * model.head_dim
    expected = training_flops(model, ALL_PAIRS) - per_pair * (SEQUENCE - seen / SEQUENCE)
    assert training_flops_per_token(model, SEQUENCE) == pytest.approx(expected, rel=1e-12)


def test_documents_that_do_not_see_each_other_by_hand() -> None:
    """A layer of h = q = 8, k = 4, f = 16 and V = 10 has 8 (8 + 2 * 4) + 8 * 8 + 3 * 8 * 16 = 576 weights, and 80 of logits; a
    token 2 (576 + 80) = 1312 FLOPs forward, a pair 4 * 8 = 32; three times that with the backward pass."""
    model = ModelConfig(family="llama", layers=1, hidden_size=8, ffn_hidden_size=16, heads=2, kv_heads=1, head_dim=4,
                        vocab_size=10).resolved()
    work = Work.of([3, 5, 2])
    assert (work.tokens, work.pairs) == (10, 6 + 15 + 3)
    assert training_flops(model, work) == 3 * (10 * 1312 + 24 * 32) == 41_664
    assert training_flops(model, Work.of([10])) == 3 * (10 * 1312 + 55 * 32), "one document of them all"


def test_padding_of_the_vocabulary_is_not_work() -> None:
    padded, real = shape("qwen3", pad_vocab_to_multiple_of=4096), shape("qwen3", pad_vocab_to_multiple_of=1)
    assert forward_flops(padded, ALL_PAIRS) == forward_flops(real, ALL_PAIRS)


def test_speed_by_hand() -> None:
    # 1e6 tokens in 2 s on 4 devices at 8e9 FLOPs a token: 1e15 FLOP/s a device, half of a 2e15 peak
    million = Work(1_000_000, 0)
    measured = speed(million, 8e15, 2.0, 4, Peak("test", 2e15))
    assert (measured.tokens_per_second, measured.tflops_per_device, measured.mfu) == (500_000, 1000.0, 0.5)
    assert speed(million, 1.0, 1.0, 1).mfu is None
    with pytest.raises(ValueError, match="seconds > 0"):
        speed(million, 1.0, 0.0, 1)


@pytest.mark.parametrize(("device", "precision", "tflops"), [
    ("NVIDIA H100 80GB HBM3", "bf16", 989.4),
    ("NVIDIA H100 80GB HBM3", "fp8", 1978.9),
    ("NVIDIA H100 PCIe", "bf16", 756.5),
    ("NVIDIA H100 NVL", "fp8", 1670.5),
    ("NVIDIA H200", "bf16", 989.4),
    ("NVIDIA H200 NVL", "bf16", 835.5),
    ("NVIDIA GH200 480GB", "bf16", 989.4),
    ("NVIDIA A100-SXM4-80GB", "bf16", 312.0),
    ("NVIDIA A100 80GB PCIe", "bf16", 312.0),
    ("NVIDIA B200", "fp8", 4500.0),
    ("NVIDIA GB200", "bf16", 2500.0),
    ("NVIDIA L40S", "bf16", 362.05),
    ("NVIDIA L4", "bf16", 121.0),
    ("h100", "fp8", 1978.9),
])
def test_peak_by_the_names_that_cuda_uses(device: str, precision: str, tflops: float) -> None:
    assert peak_flops(device, precision).flops == pytest.approx(tflops * 1e12)


@pytest.mark.parametrize(("device", "precision"), [
    ("x86_64", "fp32"), ("", "bf16"), ("NVIDIA A100-SXM4-80GB", "fp8"), ("NVIDIA H100 80GB HBM3", "fp32"),
    ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", "bf16"), ("NVIDIA GeForce GTX 1080", "bf16"), ("AMD H1000", "bf16"),
])
def test_no_peak_is_better_than_a_wrong_one(device: str, precision: str) -> None:
    assert peak_flops(device, precision) is None


def test_a_peak_that_is_given_wins_and_says_so() -> None:
    peak = peak_flops("NVIDIA H100 80GB HBM3", "bf16", 0.5)
    assert peak.flops == 0.5e12 and "observe.peak_tflops" in peak.name

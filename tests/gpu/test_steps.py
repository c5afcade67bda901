"""On a GPU: Transformer Engine's layers, BF16 and FP8 steps, their losses beside the CPU's in FP32.

    python -m pytest -m gpu tests/gpu
"""

import importlib.util
from typing import Any

import pytest
import torch

from tests.distributed import run_ranks

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here"),
]
needs_engine = pytest.mark.skipif(
    importlib.util.find_spec("transformer_engine") is None, reason="transformer-engine is not installed (extra: gpu)"
)
WORKER = "tests.train.layout_runs:train_layouts"
# Sizes that every FP8 recipe can take: multiples of 128.
WIDE = {
    "length": 128,
    "model": {"hidden_size": 256, "ffn_hidden_size": 512, "head_dim": 64, "heads": 4, "kv_heads": 2, "vocab_size": 512},
}


def case(**options: Any) -> dict[str, Any]:
    return {"options": WIDE | options}


@pytest.fixture(scope="module")
def cpu() -> list[list[float]]:
    return run_ranks(WORKER, 1, {"cpu": case()}, timeout=600)[0]["cpu"]


def gpu(options: dict[str, Any], timeout: float = 600) -> list[list[float]]:
    return run_ranks(WORKER, 1, {"gpu": case(**options)}, 10, "auto", timeout=timeout)[0]["gpu"]


def losses_differ(got: list[list[float]], want: list[list[float]]) -> float:
    return max(abs(g[0] - w[0]) / w[0] for g, w in zip(got, want, strict=True))


def test_bf16_follows_the_cpu(cpu: list[list[float]]) -> None:
    assert losses_differ(gpu({}), cpu) < 0.01


def test_fp32_follows_the_cpu_closely(cpu: list[list[float]]) -> None:
    assert losses_differ(gpu({"precision": {"params": "fp32"}}), cpu) < 1e-3


@needs_engine
@pytest.mark.parametrize("recipe", ["delayed", "tensorwise", "blockwise"])
def test_fp8_follows_the_cpu(recipe: str, cpu: list[list[float]]) -> None:
    if torch.cuda.get_device_capability() < (9, 0):
        pytest.skip("FP8 needs a Hopper GPU or later")
    assert losses_differ(gpu({"precision": {"fp8": recipe}}), cpu) < 0.03


@needs_engine
def test_first_and_last_layers_stay_in_bf16(cpu: list[list[float]]) -> None:
    if torch.cuda.get_device_capability() < (9, 0):
        pytest.skip("FP8 needs a Hopper GPU or later")
    precision = {"fp8": "tensorwise", "first_layers_bf16": 1, "last_layers_bf16": 1}
    assert losses_differ(gpu({"precision": precision}), cpu) < 0.03


@needs_engine
@pytest.mark.parametrize("mode", ["selective", "full"])
def test_recompute_changes_nothing(mode: str) -> None:
    assert losses_differ(gpu({"recompute": mode}), gpu({})) < 1e-3


@needs_engine
def test_documents_reset(cpu: list[list[float]]) -> None:
    want = run_ranks(WORKER, 1, {"cpu": case(packed=True)}, timeout=600)[0]["cpu"]
    assert losses_differ(gpu({"packed": True}), want) < 0.01


@needs_engine
@pytest.mark.parametrize("precision", [{}, {"params": "fp32"}])
def test_adapters_on_fused_layers_follow_the_cpu(precision: dict[str, str]) -> None:
    lora = {"lora": {"rank": 8, "alpha": 64.0}}
    want = run_ranks(WORKER, 1, {"cpu": case(**lora)}, timeout=600)[0]["cpu"]
    assert losses_differ(gpu(lora | {"precision": precision}), want) < 0.01

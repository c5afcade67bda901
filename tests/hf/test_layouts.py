"""HF -> Megatron at every layout -> HF: the same losses as transformers on the way, the same bits at the end.

Four processes are started once and do all cases; the tests read what they report and what they saved.
"""

from pathlib import Path
from typing import Any

import pytest
import torch

from megatron_qm.hf.export_hf import export_hf
from megatron_qm.hf.import_hf import import_hf
from megatron_qm.hf.parity import LOGIT_TOLERANCE
from tests.distributed import run_ranks
from tests.hf.layout_runs import tokens_bs
from tests.hf.models import MODELS, VOCAB, differing, save_random_model, save_tokenizer, tensors

RANKS = 4
LAYOUTS: dict[str, dict[str, Any]] = {
    "TP2": {"tp": 2},
    "PP2": {"pp": 2},
    "TP2xPP2": {"tp": 2, "pp": 2, "sp": True},
    "PP2-VPP2": {"pp": 2, "vpp": 2},
}
# Every model from TP2xPP2 with sequence parallelism; one of each family from every other layout.
CASES = {
    f"{model} {layout}": {"model": model, **LAYOUTS[layout]}
    for model in MODELS
    for layout in LAYOUTS
    if layout == "TP2xPP2" or model in ("qwen2", "qwen3-tied", "llama", "qwen2-yarn")
}
CASES["bf16 qwen3 TP2xPP2"] = {"model": "qwen3", "dtype": "bf16", **LAYOUTS["TP2xPP2"]}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("layouts")
    for name in MODELS:
        save_random_model(root / "hf" / name, name)
        save_tokenizer(root / "hf" / name)
        import_hf(root / "hf" / name, root / "imported" / name)
    return root


@pytest.fixture(scope="module")
def losses(root: Path) -> list[dict[str, Any]]:
    """By rank."""
    return run_ranks("tests.hf.layout_runs:run_cases", RANKS, str(root), CASES, timeout=300)


@pytest.fixture(scope="module")
def expected(root: Path) -> dict[str, torch.Tensor]:
    """transformers' own loss of each token."""
    from transformers import AutoModelForCausalLM

    tokens, found = tokens_bs(VOCAB), {}
    for name in MODELS:
        logits_bsv = AutoModelForCausalLM.from_pretrained(root / "hf" / name)(tokens[:, :-1]).logits.detach()
        flat = torch.nn.functional.cross_entropy(logits_bsv.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
        found[name] = flat.view(tokens.shape[0], -1)
    return found


@pytest.mark.parametrize("case", CASES)
def test_megatron_computes_what_transformers_computes(
    losses: list[dict[str, Any]], expected: dict[str, torch.Tensor], case: str
) -> None:
    reported = [rank[case] for rank in losses if rank[case] is not None]
    assert reported
    tolerance = {"rtol": 0.05, "atol": 0.3} if case.startswith("bf16") else {"rtol": 1e-4, "atol": 1e-4}
    for rows in reported:
        torch.testing.assert_close(torch.tensor(rows), expected[CASES[case]["model"]], **tolerance)


@pytest.mark.parametrize("case", CASES)
def test_exported_from_every_layout_it_is_bit_for_bit_what_was_imported(
    losses: list[dict[str, Any]], root: Path, case: str, tmp_path: Path
) -> None:
    original = tensors(root / "hf" / CASES[case]["model"])
    bf16 = case.startswith("bf16")
    checkpoint = root / "saved" / case / "step-00000001"
    # The gate's own comparison of logits, which takes a second or two, for one layout of each model.
    report = export_hf(
        checkpoint, tmp_path / "out", dtype="bf16" if bf16 else "fp32", skip_logits="TP2xPP2" not in case
    )
    wanted = {name: tensor.bfloat16() for name, tensor in original.items()} if bf16 else original
    assert differing(tensors(tmp_path / "out"), wanted) == []
    assert report.parameters == sum(tensor.numel() for tensor in original.values())
    if report.parity is not None:
        # half of what the gate allows: YaRN's sharpening stands elsewhere than transformers has it, and rounds there
        assert report.parity.conversion.relative < LOGIT_TOLERANCE / 2 and report.parity.conversion.same_top == 1.0


def test_the_losses_tell_layouts_of_heads_apart(root: Path, expected: dict[str, torch.Tensor]) -> None:
    """The comparison above has teeth: with query and key swapped, losses differ by far more than its tolerance."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(root / "hf" / "llama-tied")
    attention = model.model.layers[0].self_attn
    attention.q_proj.weight, attention.k_proj.weight = attention.k_proj.weight, attention.q_proj.weight
    tokens = tokens_bs(VOCAB)
    logits_bsv = model(tokens[:, :-1]).logits.detach()
    flat = torch.nn.functional.cross_entropy(logits_bsv.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
    assert (flat.view_as(expected["llama-tied"]) - expected["llama-tied"]).abs().max() > 0.05



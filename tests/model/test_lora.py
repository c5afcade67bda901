"""LoRA: every layout against one process, one layer against plain products, checkpoints, releases, generation."""

from pathlib import Path
from typing import Any

import pytest
import torch

from megatron_qm.config.run import load_run
from megatron_qm.errors import UserError
from megatron_qm.hf import merging, opened
from megatron_qm.hf.errors import GateError
from megatron_qm.hf.export_hf import export_hf
from megatron_qm.model.lora import Adapter
from tests.distributed import run_ranks

RUNS = "tests.model.lora_runs"
PLAIN = {"distributed_optimizer": False}  # leaves gradients whole, to be looked at one by one
TWO_RANKS: dict[str, dict[str, Any]] = {
    "TP2": {"tp": 2, **PLAIN},
    "TP2+SP": {"tp": 2, "sp": True, **PLAIN},
    "TP2+SP recomputed": {"tp": 2, "sp": True, "recompute": "full"},
    "PP2 VPP2": {"pp": 2, "vpp": 2, **PLAIN},
    "PP2": {"pp": 2},
    "DP2": {"overlap_grad_reduce": True, "overlap_param_gather": True},
}
OTHERS: dict[str, dict[str, Any]] = {
    "dropout TP2": {"tp": 2, "lora": {"dropout": 0.3}},
    "dropout TP2+SP": {"tp": 2, "sp": True, "lora": {"dropout": 0.3}},
    "bf16 TP2": {"tp": 2, "dtype": "bf16"},
    "two targets": {"tp": 2, "lora": {"targets": ["fc1", "proj"]}},
}
# (what saved, where it is gone on with)
RESUMED: list[tuple[str, dict[str, Any]]] = [
    ("TP2+SP", TWO_RANKS["TP2+SP"]), ("bf16 TP2", OTHERS["bf16 TP2"]), ("TP2+SP", TWO_RANKS["DP2"]),
    ("DP2", TWO_RANKS["PP2 VPP2"]), ("PP2 VPP2", TWO_RANKS["TP2"]),
]
TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lora")


@pytest.fixture(scope="module")
def two(folder: Path) -> list[dict[str, Any]]:
    """By rank."""
    return run_ranks(f"{RUNS}:train_layouts", 2, TWO_RANKS | OTHERS, str(folder), RESUMED, timeout=300)


@pytest.fixture(scope="module")
def one(two: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """With what one process finds of layers and loads, which it is started but once for."""
    cases = {"one": PLAIN, "one, two targets": OTHERS["two targets"] | {"tp": 1}}
    return run_ranks(f"{RUNS}:train_layouts", 1, cases, str(folder), [("TP2+SP", {})], "TP2+SP", timeout=200)[0]


@pytest.fixture(scope="module")
def alone(one: dict[str, Any]) -> dict[str, Any]:
    return one["alone"]


def apart(got: list[list[float]], want: list[list[float]]) -> float:
    assert len(got) == len(want) > 0
    return max(abs(a - b) / abs(b) for g, w in zip(got, want, strict=True) for a, b in zip(g, w, strict=True))


@pytest.mark.parametrize("layout", TWO_RANKS)
def test_losses_and_norms_are_those_of_one_process(layout: str, two: list, one: dict) -> None:
    rows = one["one"]["rows"]
    assert apart(two[0][layout]["rows"], rows) <= TOLERANCE
    assert max(row[0] for row in rows) > min(row[0] for row in rows) + 0.1, "nothing is learnt, so nothing is compared"


@pytest.mark.parametrize("layout", [name for name, case in TWO_RANKS.items() if PLAIN.items() <= case.items()])
def test_every_gradient_is_that_of_one_process(layout: str, two: list, one: dict) -> None:
    want, got = one["one"]["gradients"], two[0][layout]["gradients"]
    assert got.keys() == want.keys() and len(want) == 8, "A and B of four kinds of layers, layers stacked"
    for name, numbers in want.items():
        largest = max(map(abs, numbers))
        assert largest > 1e-3, f"{name} gets no gradient"
        assert max(abs(a - b) for a, b in zip(got[name], numbers, strict=True)) <= TOLERANCE * largest, name


def test_chosen_targets_are_those_of_one_process(two: list, one: dict) -> None:
    assert apart(two[0]["two targets"]["rows"], one["one, two targets"]["rows"]) <= TOLERANCE
    assert all("lora_fc1" in name or "lora_proj" in name for name in two[0]["two targets"]["digests"])


@pytest.mark.parametrize("case", [*TWO_RANKS, *OTHERS])
def test_adapters_change_and_nothing_else_does(case: str, two: list) -> None:
    for found in two:
        assert found[case]["base the same"] and found[case]["adapters the same"] == []


@pytest.mark.parametrize("layout", TWO_RANKS)
def test_frozen_weights_have_neither_gradients_nor_a_state(layout: str, two: list) -> None:
    numbers = two[0][layout]["numbers"]
    adapters = numbers["in adapters"]
    if TWO_RANKS[layout].get("distributed_optimizer", True):  # Megatron pads its buffers
        assert numbers["in the optimizer"] <= adapters <= numbers["in gradient buffers"] < 1.3 * adapters + 256
    else:
        assert numbers["in the optimizer"] == adapters == numbers["in gradient buffers"]


@pytest.mark.parametrize("case", ["TP2", "TP2+SP", "dropout TP2", "dropout TP2+SP"])
def test_replicas_of_a_matrix_stay_alike_over_tensor_parallel_ranks(case: str, two: list) -> None:
    first, second = (found[case]["digests"] for found in two)
    replicated = [name for name in first if name.endswith(("qkv.a", "fc1.a", "proj.b", "fc2.b"))]
    assert len(replicated) == 16
    assert all((first[name] == second[name]) == (name in replicated) for name in first)


def test_dropout_is_at_work(two: list) -> None:
    for layout in ("TP2", "TP2+SP"):
        assert apart(two[0][f"dropout {layout}"]["rows"], two[0][layout]["rows"]) > 1e-3


@pytest.mark.parametrize(("saved", "layout"), RESUMED[:2])
def test_going_on_at_the_same_layout_is_exact(saved: str, layout: dict, two: list) -> None:
    for found in two:
        again = found[f"{saved} at {layout}"]
        assert again["rows"] == found[saved]["rows"][2:]
        assert again["digests"] == found[saved]["digests"]


@pytest.mark.parametrize(("saved", "layout"), RESUMED[2:])
def test_going_on_at_another_layout(saved: str, layout: dict, two: list, one: dict) -> None:
    assert apart(two[0][f"{saved} at {layout}"]["rows"], one["one"]["rows"][2:]) <= TOLERANCE


def test_going_on_in_one_process(one: dict) -> None:
    assert apart(one["TP2+SP at {}"]["rows"], one["one"]["rows"][2:]) <= TOLERANCE


@pytest.mark.parametrize("target", ["qkv", "proj", "fc1", "fc2"])
def test_one_layer_is_what_the_paper_says(target: str, alone: dict) -> None:
    assert alone["closed form"][target] < 1e-5


def test_a_layer_with_its_norm_in_it(alone: dict) -> None:
    assert alone["fused"] < 1e-5


def test_merged_logits_are_those_of_weights_and_adapters(one: dict) -> None:
    for case in ("one", "one, two targets"):
        unmerged, merged = (torch.tensor(one[case][kind]["logits"]) for kind in ("apart", "merged"))
        assert (unmerged - merged).abs().max() <= TOLERANCE * merged.abs().max()
        assert one[case]["left"] == []


@pytest.mark.parametrize("layout", ["one", "TP2", "TP2+SP", "PP2 VPP2", "DP2"])
def test_generation_sees_the_adapters(layout: str, two: list, one: dict) -> None:
    found = one[layout] if layout == "one" else two[0][layout]
    assert found["apart"]["tokens"] == found["merged"]["tokens"]
    assert found["apart"]["tokens"] != found["tokens of the base"]
    assert not found["apart"]["lean"]
    assert found["merged"]["lean"] == (layout in ("one", "PP2 VPP2")), "the short way is for plain layers without hooks"


@pytest.mark.parametrize("layout", ["one", "TP2", "TP2+SP", "PP2 VPP2", "DP2"])
def test_rollout_engines_get_merged_weights(layout: str, two: list, one: dict) -> None:
    found = one[layout] if layout == "one" else two[0][layout]
    unmerged, merged = found["apart"]["weights"], found["merged"]["weights"]
    assert unmerged.keys() == merged.keys()
    for name, numbers in merged.items():
        assert torch.allclose(torch.tensor(unmerged[name]), torch.tensor(numbers), rtol=1e-5, atol=1e-6), name


def test_adapters_start_anew_on_a_checkpoint_without_any(alone: dict) -> None:
    loads = alone["loads"]
    assert loads["the base came"] and loads["adapters anew"] and loads["and it trains"]


def test_adapters_start_from_those_of_a_checkpoint(alone: dict) -> None:
    assert alone["loads"]["adapters came"]


@pytest.mark.parametrize(("load", "said"), [
    ("go on without", "holds no LoRA adapters to go on from"),
    ("into a bare model", "holds LoRA adapters (lora.rank = 3), this run's model has none"),
    ("another rank", "its adapters have lora.rank = 3, this run's 5"),
])
def test_what_does_not_fit_is_refused(load: str, said: str, alone: dict) -> None:
    assert said in alone["loads"][load]


@pytest.fixture(scope="module")
def checkpoint(two: list, folder: Path) -> Path:
    return folder / "TP2+SP" / "step-00000002"


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_a_release_holds_merged_weights(dtype: str, checkpoint: Path, tmp_path: Path) -> None:
    """The gate compares logits with those of the Megatron model and its adapters."""
    from tests.hf.models import tensors

    report = export_hf(checkpoint, tmp_path / "release", dtype=dtype, no_tokenizer=True)
    assert report.parity is not None and report.parity.conversion.relative < 1e-5
    down = tensors(tmp_path / "release")["model.layers.2.mlp.down_proj.weight"]
    reader = opened.TorchDistReader(checkpoint / "weights")
    w, a, b = (
        reader.rows(f"decoder.layers.mlp.{name}", 0, rows, 2).double()
        for name, rows in (("linear_fc2.weight", 32), ("lora_fc2.a", 3), ("lora_fc2.b", 32))
    )
    wanted = w + 4 * b @ a
    assert (down.double() - wanted).abs().max() <= (1e-6 if dtype == "fp32" else 2**-8) * wanted.abs().max()
    assert (down.double() - w).abs().max() > 1e-3 * w.abs().max()


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_the_gate_refuses_a_release_without_the_adapters(
    dtype: str, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging.MergingReader, "rows", lambda self, *what: self._reader.rows(*what))
    with pytest.raises(GateError, match="computes something else"):
        export_hf(checkpoint, tmp_path / "release", dtype=dtype, no_tokenizer=True)
    assert not (tmp_path / "release").exists()


def test_the_gate_refuses_adapters_that_merge_into_something_else(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Adapter, "product", lambda self: self.b.float() @ self.a.float())
    with pytest.raises(GateError, match="merged into them compute something else"):
        export_hf(checkpoint, tmp_path / "release", dtype="bf16", no_tokenizer=True)


@pytest.mark.parametrize(("override", "said"), [
    ("lora.rank=0", "lora.rank = 0"), ("lora.alpha=0", "lora.alpha = 0"), ("lora.dropout=1.0", "lora.dropout = 1.0"),
    ("lora.targets=[]", "lora.targets is empty"), ("lora.targets=[qkv, qkv]", "name it once"),
    ("lora.targets=[lm_head]", "lora.targets"), ("lora.ranks=4", "lora.ranks"),
])
def test_a_wrong_section_is_refused(override: str, said: str) -> None:
    with pytest.raises(UserError, match="lora") as caught:
        load_run("tiny-cpu", [override])
    assert said in str(caught.value)


def test_the_section_is_optional() -> None:
    assert load_run("tiny-cpu").lora is None and load_run("tiny-cpu", ["lora=null"]).lora is None
    lora = load_run("tiny-cpu", ["lora.rank=8"]).lora
    assert load_run("tiny-cpu", ["lora={rank: 4, alpha: 8}"]).lora.scale == 2.0
    assert (lora.rank, lora.scale, lora.dropout, lora.targets) == (8, 4.0, 0.0, ["qkv", "proj", "fc1", "fc2"])

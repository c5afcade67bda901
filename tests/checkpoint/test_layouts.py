"""A run goes on from its checkpoint: bit for bit at the same layout, and with the same tensors at any other one.

Four processes are started once (fixture `report`) and do all of it; the tests below read their report.
"""

import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.metadata import TensorStorageMetadata

from megatron_qm.checkpoint.distributed import quiet
from tests.checkpoint.tiny_run import MODEL, job, tiny_run, tiny_runs
from tests.distributed import run_ranks

RANKS = 4
TIED = replace(MODEL, tied_embeddings=True)

SAME_LAYOUT: dict[str, dict[str, Any]] = {
    "DP4": {},
    "DP4, asynchronous": {"asynchronous": True},
    "DP4, overlapped": {"overlap_grad_reduce": True, "overlap_param_gather": True},
    "DP4, bf16": {"dtype": "bf16"},
    "DP4, bf16, plain optimizer": {"dtype": "bf16", "distributed_optimizer": False},
    "TP2 x PP2, SP, asynchronous": {"tp": 2, "pp": 2, "sp": True, "asynchronous": True},
    "PP2 x VPP2 x DP2, tied": {"pp": 2, "vpp": 2, "model": TIED},
    "CP2 x DP2": {"cp": 2},
}
# Written at DP4 with the distributed optimizer, loaded here, written again, loaded at DP4 again.
OTHER_LAYOUT: dict[str, dict[str, Any]] = {
    "TP2 x PP2, SP": {"tp": 2, "pp": 2, "sp": True},
    "PP2 x VPP2 x DP2": {"pp": 2, "vpp": 2},
    "CP2 x TP2": {"cp": 2, "tp": 2},
    "TP2 x DP2, plain optimizer": {"tp": 2, "distributed_optimizer": False},
}
BF16 = {"PP2 x DP2, bf16, plain optimizer": {"pp": 2, "distributed_optimizer": False}}


def in_ranks(directory: str) -> dict[str, Any]:
    """What the four processes do; returns what the tests look at."""
    with job():
        same = {name: same_layout(Path(directory, "same", name), **options) for name, options in SAME_LAYOUT.items()}
        other = other_layouts(Path(directory, "other"), OTHER_LAYOUT)
        bf16 = other_layouts(Path(directory, "bf16"), BF16, dtype="bf16")
    return {"same": same, "other": other | bf16}


def same_layout(directory: Path, asynchronous: bool = False, **layout: Any) -> dict[str, Any]:
    """Two steps, a checkpoint, two more steps; and those two again in a run that starts from the checkpoint."""
    with tiny_runs(**layout) as make:
        run = make(1)
        run.train(2)
        torch.rand(1 + dist.get_rank())  # ranks draw differently from now on
        random.seed(dist.get_rank())
        np.random.seed(dist.get_rank())
        store = run.store(directory, asynchronous=asynchronous)
        run.save(store)
        at_save, drawn = run.digest(), draw()
        losses = run.train(2)  # with `asynchronous`, while the checkpoint is being written
        store.finish()
        whole = {"at_save": at_save, "drawn": drawn, "losses": losses, "at_end": run.digest()}
        run = make(7)
        before = run.digest()
        run.load(run.store(directory))
        resumed = {"at_save": run.digest(), "drawn": draw(), "losses": run.train(2), "at_end": run.digest()}
    return {"whole": whole, "resumed": resumed, "before": before}


def other_layouts(directory: Path, layouts: dict[str, dict[str, Any]], dtype: str = "fp32") -> dict[str, Any]:
    with tiny_run(dtype=dtype) as run:
        run.train(2)
        run.save(run.store(directory / "DP4"))
        at_save, losses = run.digest(), run.train(2)
    report = {}
    for name, layout in layouts.items():
        with tiny_run(seed=7, dtype=dtype, **layout) as run:
            run.load(run.store(directory / "DP4"))
            run.save(run.store(directory / name))
            report[name] = {"losses": losses, "there": run.train(2), "at_save": at_save}
    with tiny_runs(dtype=dtype) as make:
        for name in layouts:
            run = make(8)
            run.load(run.store(directory / name))
            report[name]["back"] = run.digest()
    return report


def draw() -> list[float]:
    return [float(torch.rand(())), random.random(), float(np.random.rand())]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("layouts")


@pytest.fixture(scope="module")
def report(directory: Path) -> list[dict[str, Any]]:
    """By rank."""
    return run_ranks("tests.checkpoint.test_layouts:in_ranks", RANKS, str(directory), timeout=400)


@pytest.mark.parametrize("name", SAME_LAYOUT)
def test_same_layout_is_bit_for_bit(report: list[dict[str, Any]], name: str) -> None:
    for rank in report:
        found = rank["same"][name]
        assert found["resumed"] == found["whole"]
        assert found["before"] != found["whole"]["at_save"]
        assert found["whole"]["at_save"] != found["whole"]["at_end"]
    drawn = [tuple(rank["same"][name]["whole"]["drawn"]) for rank in report]
    assert len(set(drawn)) == RANKS


def test_a_save_does_not_disturb_overlapped_training(report: list[dict[str, Any]]) -> None:
    same = report[0]["same"]
    assert same["DP4, overlapped"]["whole"]["losses"] == pytest.approx(same["DP4"]["whole"]["losses"], rel=1e-6)


@pytest.mark.parametrize("name", [*OTHER_LAYOUT, *BF16])
def test_another_layout_and_back(report: list[dict[str, Any]], directory: Path, name: str) -> None:
    kind = "bf16" if name in BF16 else "other"
    written, again = tensors(directory / kind / "DP4"), tensors(directory / kind / name)
    # Megatron's plain FP32 optimizer keeps no copy of the weights, and its mixed precision one names it otherwise.
    if "plain" in name:
        written = {key: value for key, value in written.items() if "optimizer.state.param." not in key}
        again = {key: value for key, value in again.items() if "optimizer.state.fp32_param." not in key}
    assert set(again) == set(written)
    assert [key for key in written if not torch.equal(written[key], again[key])] == []
    for rank in report:
        found = rank["other"][name]
        assert found["back"] == found["at_save"]
        assert found["there"] == pytest.approx(found["losses"], rel=1e-5 if kind == "other" else 1e-3)


@pytest.mark.parametrize("path", ["other/DP4", "same/DP4, overlapped"])
def test_a_checkpoint_has_every_state_of_every_weight(report: list[dict[str, Any]], directory: Path, path: str) -> None:
    found = tensors(directory / path)
    weights = {key for key in found if not key.startswith("optimizer.")}
    assert {"embedding.word_embeddings.weight", "output_layer.weight", "decoder.final_layernorm.weight"} <= weights
    for state in ("param", "exp_avg", "exp_avg_sq"):
        states = {key.removeprefix(f"optimizer.state.{state}."): value for key, value in found.items() if state in key}
        assert set(states) >= weights
        assert all(bool(states[key].abs().sum() > 0) for key in weights)
    # With overlap, a rank's weights are those of the step before until the next forward pass gathers them.
    assert [key for key in weights if not torch.equal(found[key], found[f"optimizer.state.param.{key}"])] == []


def test_all_ranks_write(report: list[dict[str, Any]], directory: Path) -> None:
    names = os.listdir(directory / "other" / "DP4" / "step-00000002" / "weights")
    assert {name.split("_")[2] for name in names if name.endswith(".distcp")} == {"0", "1", "2", "3"}


def tensors(run: Path) -> dict[str, torch.Tensor]:
    """Whole tensors by name, read by torch alone."""
    reader = dcp.FileSystemReader(run / "step-00000002" / "weights")
    stored = reader.read_metadata().state_dict_metadata
    state = {
        key: torch.empty(value.size, dtype=value.properties.dtype)
        for key, value in stored.items()
        if isinstance(value, TensorStorageMetadata)
    }
    with quiet():
        dcp.load(state, storage_reader=reader, no_dist=True)
    return state

"""A reward model's checkpoint, written at one layout, is the same at every other one, its head included."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.checkpoint.test_layouts import tensors
from tests.checkpoint.tiny_run import MODEL, job, tiny_run
from tests.distributed import run_ranks

HEAD = "output_layer.score"
SCORED = replace(MODEL, head="score", tied_embeddings=True)
WRITTEN: dict[str, Any] = {"tp": 2, "pp": 2, "sp": True}
OTHERS: dict[str, dict[str, Any]] = {"DP4": {}, "PP2 x VPP2 x DP2": {"pp": 2, "vpp": 2}, "TP2 x DP2": {"tp": 2}}


def in_ranks(directory: str) -> dict[str, list[float]]:
    """Losses of the two steps after the checkpoint, by layout."""
    with job():
        with tiny_run(model=SCORED, **WRITTEN) as run:
            run.train(2)
            run.save(run.store(Path(directory, "written")))
            losses = {"written": run.train(2)}
        for name, layout in OTHERS.items():
            with tiny_run(seed=7, model=SCORED, **layout) as run:
                run.load(run.store(Path(directory, "written")))
                run.save(run.store(Path(directory, name)))
                losses[name] = run.train(2)
    return losses


def test_a_score_head_goes_from_layout_to_layout(tmp_path: Path) -> None:
    losses = run_ranks("tests.checkpoint.test_score_head:in_ranks", 4, str(tmp_path), timeout=300)
    written = tensors(tmp_path / "written")
    assert written[HEAD].shape == (1, SCORED.hidden_size) and written[HEAD].abs().sum() > 0
    assert "output_layer.weight" not in written
    for name in OTHERS:
        again = tensors(tmp_path / name)
        assert set(again) == set(written)
        assert [key for key in written if not torch.equal(written[key], again[key])] == []
        for rank in losses:
            assert rank[name] == pytest.approx(rank["written"], rel=1e-5)

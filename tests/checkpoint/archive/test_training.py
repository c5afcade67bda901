"""Training goes on from a restored checkpoint as if there had been no archive; Megatron loads what an old one was."""

from pathlib import Path
from typing import Any

import torch.distributed as dist

from megatron_qm.checkpoint.archive.restore import restore
from megatron_qm.checkpoint.archive.write import archive
from megatron_qm.cli import main
from megatron_qm.config.model import ModelConfig
from tests.checkpoint.archive.test_old_zarr import OLD, PROJ, RECIPE, formula
from tests.checkpoint.tiny_run import job, tiny_run
from tests.distributed import run_ranks

OLD_MODEL = ModelConfig(layers=2, hidden_size=32, ffn_hidden_size=48, heads=4, kv_heads=2, head_dim=8, vocab_size=100,
                        tied_embeddings=False).resolved()  # fmt: skip
TENSOR_PARALLEL = 2


def on_each_rank(directory: str) -> dict[str, Any]:
    folder = Path(directory)
    with job():
        return train_on(folder) | load_old(folder)


def train_on(folder: Path) -> dict[str, Any]:
    with tiny_run(dtype="bf16", tp=TENSOR_PARALLEL) as run:
        store = run.store(folder / "run")
        run.train(2)
        saved = run.save(store)
        losses, digest = run.train(2), run.digest()
    if dist.get_rank() == 0:
        archive(saved, str(folder / "archive"))
        restore(str(folder / "archive"), folder / "restored" / saved.name)
    dist.barrier()
    with tiny_run(seed=9, dtype="bf16", tp=TENSOR_PARALLEL) as run:
        run.load(run.store(folder / "restored"))
        return {"undisturbed": [losses, digest], "restored": [run.train(2), run.digest()]}


def load_old(folder: Path) -> dict[str, Any]:
    if dist.get_rank() == 0:
        (folder / "recipe.yaml").write_text(RECIPE)
        assert main(["restore", "--archive", str(OLD), "--output", str(folder / "old"),
                     "--config", str(folder / "recipe.yaml")]) == 0  # fmt: skip
    dist.barrier()
    with tiny_run(model=OLD_MODEL, dtype="bf16", tp=TENSOR_PARALLEL) as run:
        run.store(folder / "unused").load_weights(folder / "old", run.chunks, run.optimizer)
        weights = dict(run.chunks[0].module.named_parameters())
        mine = slice(16 * dist.get_rank(), 16 * dist.get_rank() + 16)
        proj = [weights[PROJ.replace("layers.", f"layers.{layer}.")] for layer in range(2)]
        same = [bool((proj[layer] == formula(PROJ)[layer, :, mine]).all()) for layer in range(2)]
        return {"old": same, "loss is finite": run.train(1)[0] < 100}


def test_training_goes_on_from_what_was_restored(tmp_path: Path) -> None:
    for report in run_ranks("tests.checkpoint.archive.test_training:on_each_rank", TENSOR_PARALLEL, str(tmp_path)):
        assert report["restored"] == report["undisturbed"]
        assert report["old"] == [True, True] and report["loss is finite"]

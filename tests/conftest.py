"""Fixtures that several rooms share."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from tests.align.stages import run, world
from tests.jobs import LAYOUTS, RECIPE, finish

settings.register_profile("any machine", deadline=None)  # a busy one proves nothing
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe over two small datasets, written by Megatron's own builder."""
    import torch
    from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder

    folder = tmp_path_factory.mktemp("pretrain")
    for name in ("A", "B"):
        draw = np.random.default_rng(ord(name))
        builder = IndexedDatasetBuilder(str(folder / f"{name}.bin"), dtype=np.uint16)
        for _ in range(60):
            length = int(draw.integers(5, 200))
            builder.add_document(torch.from_numpy(draw.integers(0, 512, length)), [length])
        builder.finalize(str(folder / f"{name}.idx"))
    path = folder / "recipe.yaml"
    path.write_text(RECIPE.replace("prefix: A", f"prefix: {folder}/A").replace("prefix: B", f"prefix: {folder}/B"))
    return path


@pytest.fixture(scope="session")
def undisturbed(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("undisturbed") / "run"
    finish(recipe, output, *LAYOUTS["TP2+SP"])
    return output


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of many minutes run where they are asked for."""
    if not os.environ.get("MEGATRON_QM_SLOW"):
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="takes minutes: set MEGATRON_QM_SLOW=1"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the stages after pretraining: tokenizer, conversations, items and recipes."""
    folder = tmp_path_factory.mktemp("stages")
    world(folder)
    return folder


@pytest.fixture(scope="session")
def policy(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that has seen the conversations a few times."""
    return run("sft", tiny / "sft.yaml", tmp_path_factory.mktemp("policy"), "sft.epochs=8")

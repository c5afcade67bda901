"""Fixtures of the stages after pretraining."""

from pathlib import Path

import pytest

from tests.align.stages import run, world


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tokenizer, conversations, items and recipes."""
    folder = tmp_path_factory.mktemp("stages")
    world(folder)
    return folder


@pytest.fixture(scope="session")
def policy(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that has seen the conversations a few times."""
    return run("sft", tiny / "sft.yaml", tmp_path_factory.mktemp("policy"), "sft.epochs=8")

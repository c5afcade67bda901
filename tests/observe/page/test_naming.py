"""What runs are called: enough of the path to tell them apart, and the stage in words."""

from pathlib import Path

import pytest

from megatron_qm.observe.page.naming import run_names, stage_of


@pytest.mark.parametrize(("folders", "names"), [
    (["/runs/quickstart/run"], ["quickstart/run"]),
    (["/run"], ["/run"]),
    (["/a/quickstart/run", "/a/life/sft", "/a/life/rl"], ["quickstart/run", "life/sft", "life/rl"]),
    (["/monday/life/rl", "/tuesday/life/rl"], ["monday/life/rl", "tuesday/life/rl"]),
    (["/x/run", "/run"], ["x/run", "/run"]),
    (["/a/b/c", "/a/b/c"], ["/a/b/c", "/a/b/c"]),
])
def test_as_many_parts_as_tell_them_apart(folders: list[str], names: list[str]) -> None:
    assert run_names([Path(folder) for folder in folders]) == names


def test_a_folder_is_called_by_its_place_however_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "life" / "rl").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "life" / "rl")
    assert run_names([Path(".")]) == ["life/rl"]


@pytest.mark.parametrize(("config", "stage"), [
    ({}, ""), ({"model": {}}, "pretraining"), ({"sft": {"epochs": 2}}, "fine-tuning"),
    ({"rl": {"samples": 8}}, "reinforcement learning"),
    ({"stage": "pretrain"}, "pretraining"), ({"stage": "sft", "rl": None}, "fine-tuning"),
    ({"stage": "dpo"}, "preference optimisation"),
    ({"stage": "of tomorrow"}, "of tomorrow"),
])
def test_the_stage_is_told_by_its_key_else_by_its_section(config: dict, stage: str) -> None:
    assert stage_of(config) == stage

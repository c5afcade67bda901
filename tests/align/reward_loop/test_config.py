"""`reward-loop` before anything is begun: what it is told, and what it refuses."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from megatron_qm.align.reward_loop.training import words
from megatron_qm.cli import main
from megatron_qm.config.reward_loop import AnnotatorsConfig, RewardLoopConfig
from tests.align.reward_loop.cases import loop
from tests.align.stages import MODEL, SFT, written


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Names a checkpoint that is a file: what is asked here looks at nothing in it."""
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "reward-model.yaml").write_text(SFT.removeprefix(MODEL))
    return loop(tmp_path, tmp_path, tmp_path / "checkpoint")


def ask(config: Path, *more: str, capsys: pytest.CaptureFixture) -> tuple[int, str, str]:
    code = main(["reward-loop", "--config", str(config), *more])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_dry_run_tells_config_and_stages_and_writes_nothing(config: Path, capsys: pytest.CaptureFixture) -> None:
    before = sorted(config.parent.rglob("*"))
    code, said, _ = ask(config, "--dry-run", "rounds=1", capsys=capsys)
    assert code == 0 and sorted(config.parent.rglob("*")) == before and "labels: 10" in said
    stages = [line.split() for line in said[said.index("stage "):].splitlines()[1:]]
    assert [name for name, *_ in stages] == ["start/pairs", "start/bt", *(f"round-1/{name}" for name in (
        "second", "score", "select", "annotate", "retrain", "measure"))]
    assert all(state == ["to", "do"] for _, *state in stages)


@pytest.mark.parametrize(("overrides", "names"), [
    (["choose=random"], {"grade": False, "second": False}), (["genrm={checkpoint: /}"], {"grade": True, "second": False}),
    ([], {"grade": False, "second": True}),
])
def test_a_second_opinion_is_a_generative_models_or_another_members(
    config: Path, overrides: list[str], names: dict[str, bool], capsys: pytest.CaptureFixture
) -> None:
    said = ask(config, "--dry-run", *overrides, capsys=capsys)[1]
    assert {name: f"/{name} " in said for name in names} == names


@pytest.mark.parametrize(("overrides", "why"), [
    (["lables=3"], "override 'lables=3': unknown key 'lables'; did you mean 'labels'?"),
    (["annotators.nmaes=[x]"], "did you mean 'annotators.names'?"),
    (["genrm={checkpiont: x}"], "unknown key 'genrm.checkpiont'; did you mean 'genrm.checkpoint'?"),
    (["rounds=0"], "rounds = 0: must be 1 or more"), (["labels_share=1"], "labels_share = 1.0: must lie in (0, 1)"),
    (["annotators.names=[]"], "names tell annotators apart"), (["annotators.names=[ann, ann]"], "none of them twice"),
    (["annotators.verdicts=x.jsonl"], "function and verdicts are two ways"), (["first_pairs=null"], "nothing to begin with"),
    (["candidates=nowhere.jsonl"], "candidates = nowhere.jsonl: is not there"),
    (["genrm={checkpoint: nowhere}"], "genrm.checkpoint = nowhere: is not there"),
    (["annotators.function=nothing"], "annotators.function: 'nothing' is not of the form module:function"),
    (["annotators.function=tests.align.reward_loop.cases:nobody"], "has no function 'nobody'"),
    (["overrides=[train.seed=3]"], "overrides: 'train.seed=3': train.seed is the loop's to say"),
    (["overrides=['train={steps: 3}']"], "train is the loop's to say"),
    (["overrides=['reward_model.sources.0.path=x']"], "is the loop's to say"),
    (["overrides=[train.stpes=3]"], "unknown key 'train.stpes'; did you mean 'train.steps'?"),
    (["recipe=reward-model-tny-cpu"], "did you mean 'reward-model-tiny-cpu'?"),
    (["--until", "relect"], "--until relect: is none of the stages start/pairs, "),
    (["--until", "round-3/select"], "is none of the stages"),
])
def test_what_cannot_be_is_refused_in_one_line_before_anything_is_begun(
    config: Path, overrides: list[str], why: str, capsys: pytest.CaptureFixture
) -> None:
    code, _, said = ask(config, *overrides, capsys=capsys)
    assert code == 2 and why in said and said.count("\n") == 1, said
    assert not (config.parent / "loop").exists()


def test_a_config_without_what_must_be_given_names_the_key(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "loop.yaml").write_text("start_from: x\ncandidates: y\n")
    assert "lacks the key 'annotators'" in ask(tmp_path / "loop.yaml", capsys=capsys)[2]


@pytest.mark.parametrize(("share", "expected"), [(None, None), (0.4, [0.45, 0.15, 0.4])])
def test_labels_get_the_share_that_they_are_given(tmp_path: Path, share: float | None, expected: Sequence[float] | None) -> None:
    """The others share the rest by their numbers of pairs."""
    groups = {name: written(tmp_path / f"{name} ä'.jsonl", [{"x": 1}] * count)
              for name, count in (("first", 6), ("genrm", 2), ("labels", 5))}
    config = RewardLoopConfig("start", "c", AnnotatorsConfig(["ann"]), overrides=["train.steps=3"], labels_share=share)
    *_, sources = words(config, tmp_path / "run", groups, 7)
    found = json.loads(sources.removeprefix("reward_model.sources="))
    assert [one["path"] for one in found] == [str(path) for path in groups.values()]
    assert (expected is None and not any("weight" in one for one in found)) or (
        [one["weight"] for one in found] == pytest.approx(expected))
    assert {"train.seed=7", "data.seed=7", "train.steps=3", "train.start_from=start"} <= set(words(config, tmp_path, groups, 7))

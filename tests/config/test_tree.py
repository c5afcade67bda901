"""Recipes that build on others, several of them, and the place that a value came from."""

import argparse
from pathlib import Path

import pytest

from megatron_qm.cli import main
from megatron_qm.commands.recipe import add_recipe_arguments
from megatron_qm.config.load import build, read, to_plain
from megatron_qm.config.recipes import as_arguments
from megatron_qm.config.rl import RlRun
from megatron_qm.config.rl_rules import check_rl
from megatron_qm.config.run import RunConfig, load_run
from megatron_qm.errors import UserError

GROUND = """\
model: {layers: 8, hidden_size: 64, ffn_hidden_size: 128, heads: 8, kv_heads: 4, vocab_size: 1000, max_positions: 4096}
train:
  steps: 100
  global_batch_size: 16
schedule: {rewarmup_at: [10, 20]}
lora: {rank: 4}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ground.yaml").write_text(GROUND)
    (tmp_path / "mine.yaml").write_text("base: ground.yaml\ntrain:\n  steps: 50\nschedule:\n  rewarmup_at: [30]\n")
    (tmp_path / "site.yaml").write_text("parallel:\n  tp: 2\n")
    return tmp_path


def test_blocks_merge_and_lists_and_values_are_replaced(folder: Path) -> None:
    config = load_run(folder / "mine.yaml")
    assert (config.train.steps, config.train.global_batch_size) == (50, 16)
    assert config.schedule.rewarmup_at == [30]
    assert config.lora.rank == 4
    assert "base" not in to_plain(config)


def test_of_several_recipes_a_later_one_wins_and_overrides_win_over_all(folder: Path) -> None:
    (folder / "other.yaml").write_text("train: {steps: 70}\nparallel: {tp: 4}\n")
    config = load_run([folder / "mine.yaml", folder / "site.yaml", folder / "other.yaml"], ["parallel.tp=1"])
    assert (config.train.steps, config.parallel.tp) == (70, 1)
    assert load_run([folder / "other.yaml", folder / "mine.yaml"]).train.steps == 50


def test_null_takes_a_block_back(folder: Path) -> None:
    (folder / "bare.yaml").write_text("base: mine.yaml\nlora: null\nschedule: null\n")
    config = load_run(folder / "bare.yaml")
    assert config.lora is None and config.schedule.rewarmup_at == []


def test_an_override_replaces_the_block_that_it_names(folder: Path) -> None:
    assert load_run(folder / "mine.yaml", ["lora={alpha: 8}"]).lora.rank == 16
    assert load_run(folder / "mine.yaml", ["lora.alpha=8"]).lora.rank == 4


def test_a_shipped_recipe_is_a_base_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("base: tiny-cpu\ntrain: {steps: 70}\n")
    ours, shipped = load_run(tmp_path / "mine.yaml"), load_run("tiny-cpu")
    assert (ours.train.steps, ours.model) == (70, shipped.model)


@pytest.mark.parametrize(("recipes", "overrides", "said"), [
    (["mine.yaml"], ["parallel.tp=3"], "override 'parallel.tp=3': parallel.tp = 3 does not divide model.heads = 8"),
    (["mine.yaml", "site.yaml"], ["model.head_dim=8", "model.kv_heads=1", "model.heads=3"],
     "override 'model.heads=3': parallel.tp = 2 does not divide model.heads = 3"),
    (["mine.yaml", "site.yaml"], ["parallel.sp=true", "data.sequence_length=9"],
     "override 'data.sequence_length=9': parallel.sp: data.sequence_length = 9 must be a multiple"),
    (["mine.yaml"], ["schedule.warmup_steps=60"], "override 'schedule.warmup_steps=60': schedule.warmup_steps = 60 is longer"),
    (["mine.yaml"], ["train.micro_batch_size=3"], "override 'train.micro_batch_size=3': train.global_batch_size = 16 must be"),
    (["mine.yaml"], ["optimizer={lr: 0.1, min_lr: 1}"], "override 'optimizer={lr: 0.1, min_lr: 1}': optimizer.min_lr = 1.0 is"),
    (["mine.yaml"], ["data.sources=[{name: a, prefix: b, weight: [[2, 1], [1, 1]]}]"],
     "override 'data.sources=[{name: a, prefix: b, weight: [[2, 1], [1, 1]]}]': data.sources.0.weight: the token counts"),
    (["mine.yaml"], ["model.shape=qwen3-8bb"], "override 'model.shape=qwen3-8bb': model.shape = 'qwen3-8bb' is not"),
])
def test_a_broken_rule_names_the_place_that_was_stated_last(
    folder: Path, monkeypatch: pytest.MonkeyPatch, recipes: list[str], overrides: list[str], said: str
) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(UserError) as caught:
        load_run(recipes, overrides)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(("text", "place", "said"), [
    ("base: ground.yaml\nparallel:\n  pp: 3\n", "new.yaml:3", "parallel.pp = 3 does not divide model.layers = 8"),
    ("base: ground.yaml\n\noptimizer:\n  lr: -1\n", "new.yaml:4", "optimizer.lr = -1.0: must not be negative"),
    ("base: mine.yaml\nschedule: {warmup_steps: 0}\ntrain: {steps: 20}\n", "new.yaml", None),
    ("base: mine.yaml\nmodel: {layers: 9}\nparallel: {pp: 2}\n", "new.yaml:3", "parallel.pp = 2 does not divide model.layers"),
    ("base: tiny-cpu\nmodel: {heads: 3, kv_heads: 3}\n", "new.yaml:2", "parallel.tp = 2 does not divide model.heads = 3"),
    ("base: ground.yaml\ntrain: {steps: null}\n", "new.yaml:2", "set exactly one of train.steps (None)"),
    ("model: {shape: qwen3-0.6b}\n", "new.yaml", "set exactly one of train.steps (None)"),
])
def test_every_value_keeps_its_own_file_and_line(folder: Path, text: str, place: str, said: str | None) -> None:
    (folder / "new.yaml").write_text(text)
    if said is None:
        load_run(folder / "new.yaml")
        return
    with pytest.raises(UserError) as caught:
        load_run(folder / "new.yaml")
    assert str(caught.value).startswith(f"{folder / place}: {said}")


def test_a_mistake_in_the_base_is_named_there(folder: Path) -> None:
    (folder / "ground.yaml").write_text(GROUND + "optimizer:\n  lr: 11\n")
    with pytest.raises(UserError) as caught:
        load_run(folder / "mine.yaml")
    assert str(caught.value) == f"{folder / 'ground.yaml'}:8: optimizer.lr = 11.0: must be 10 or less"


def test_rules_of_a_stage_name_the_place_too(folder: Path) -> None:
    with pytest.raises(UserError) as caught:
        load_run("rl-tiny-cpu", ["model={shape: qwen3-0.6b}", "data.tokenizer=x", "rl.samples=3"], RlRun, rules=check_rl)
    assert str(caught.value).startswith("override 'rl.samples=3': rl.prompts x rl.samples = 96 responses must be a multiple")


@pytest.mark.parametrize(("files", "said"), [
    ({"a": "base: b.yaml\n", "b": "# b\nbase: c.yaml\n", "c": "base: b.yaml\n"}, "{}/c.yaml:1: base goes round in a circle: "
     "{}/b.yaml -> {}/c.yaml -> {}/b.yaml; take one of them out"),
    ({"a": "base: a.yaml\n"}, "{}/a.yaml:1: base goes round in a circle: {}/a.yaml -> {}/a.yaml"),
    ({"a": "train: {}\nbase: tiny-cpuu\n"}, "{}/a.yaml:2: base: no recipe named 'tiny-cpuu'; did you mean 'tiny-cpu'?"),
    ({"a": "base: bb.yaml\n", "bbb": ""}, "{}/a.yaml:1: base: {}/bb.yaml: no such recipe file; did you mean {}/bbb.yaml?"),
    ({"a": "base: [x, y]\n"}, "{}/a.yaml:1: base wants the name of a shipped recipe, or a path seen from this file, not ['x"),
    ({"a": "base: null\n"}, "{}/a.yaml:1: base wants"),
    ({"a": "x: " + "[" * 5000}, "{}/a.yaml:1: not valid YAML: nested more than 100 deep"),
    ({"a": "x: &x [*x]\n"}, "{}/a.yaml:1: not valid YAML: *x stands inside of what it names"),
])
def test_a_base_that_cannot_be_is_refused(tmp_path: Path, files: dict[str, str], said: str) -> None:
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        read([tmp_path / "a.yaml"])
    assert str(caught.value).startswith(said.replace("{}", str(tmp_path)))


def test_base_is_no_key_of_the_command_line(folder: Path) -> None:
    with pytest.raises(UserError, match="on the command line give --config once more"):
        read([folder / "mine.yaml"], ["base=ground.yaml"])


def test_a_tree_can_be_asked_before_it_is_built(folder: Path) -> None:
    tree = read([folder / "mine.yaml"], ["rl.samples=4", "data.sources=[{name: a, prefix: b}]", "data.sources.0.weight=2"])
    assert "rl" in tree and "sft" not in tree and "train.steps" in tree
    assert tree.value("train.steps") == 50 and tree.value("sft") is None
    assert tree.value("data.sources.0") == {"name": "a", "prefix": "b", "weight": 2}
    assert tree.place(["rl.samples"]) == "override 'rl.samples=4'"
    assert tree.place(["train.steps"]) == f"{folder / 'mine.yaml'}:3"
    assert tree.place(["train.global_batch_size"]) == f"{folder / 'ground.yaml'}:4"
    assert tree.place(["optimizer.lr"]) == str(folder / "mine.yaml")
    with pytest.raises(UserError, match="unknown key 'rl'"):
        build(RunConfig, tree)


def test_no_recipe_at_all_is_a_sentence() -> None:
    with pytest.raises(UserError, match="name one with --config"):
        read([])


def test_what_the_command_line_names_is_passed_on_whole() -> None:
    parser = argparse.ArgumentParser()
    add_recipe_arguments(parser)
    args = parser.parse_args(["--config", "a", "--config=b.yaml", "train.steps=1"])
    assert args.config == ["a", "b.yaml"] and args.overrides == ["train.steps=1"]
    assert vars(parser.parse_args([*as_arguments(args.config), *args.overrides])) == vars(args)


def test_config_prints_what_several_recipes_come_to(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["config", "--config", str(folder / "mine.yaml"), "--config", str(folder / "site.yaml")]
    assert main([*command, "--get", "parallel.tp"]) == 0 and capsys.readouterr().out == "2\n"
    assert main(command) == 0
    (folder / "resolved.yaml").write_text(capsys.readouterr().out)
    assert load_run(folder / "resolved.yaml") == load_run([folder / "mine.yaml", folder / "site.yaml"])

"""Recipes: what is read, and what a mistake is answered with."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from megatron_qm.config.keys import keys
from megatron_qm.config.load import load, to_yaml
from megatron_qm.config.run import RunConfig, load_run
from megatron_qm.config.stages import STAGES
from megatron_qm.errors import UserError

RECIPE = """\
model: {shape: qwen3-1.7b}
train:
  steps: 10
  global_batch_size: 8
optimizer:
  lr: 3e-4
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE)
    return path


def test_resolved_config_reads_back_equal(recipe: Path, tmp_path: Path) -> None:
    config = load_run(recipe, ["parallel.tp=2", "data.sources=[{name: a, prefix: b, weight: [[0, 1], [1e9, 0.5]]}]"])
    again = tmp_path / "resolved.yaml"
    again.write_text(to_yaml(config))
    assert load_run(again) == config
    assert config.optimizer.lr == 3e-4  # YAML 1.1 reads 3e-4 as text
    assert config.data.sources[0].weight == [(0.0, 1.0), (1e9, 0.5)]


def test_overrides_reach_into_lists_and_the_last_one_wins(recipe: Path) -> None:
    overrides = ["data.sources=[{name: a, prefix: b}]", "data.sources.0.weight=2", "train.steps=5", "train.steps=7"]
    config = load_run(recipe, overrides)
    assert config.data.sources[0].weight == 2.0
    assert config.train.steps == 7


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("model: {shape: qwen3-1.7b}\ntrain:\n  stepz: 3\n", 3, "did you mean 'train.steps'"),
        ("modle: {}\n", 1, "did you mean 'model'"),
        ("train: {steps: ten}\n", 1, "train.steps wants a whole number, not 'ten'"),
        ("train: {steps: 1.5}\n", 1, "train.steps wants a whole number, not 1.5"),
        ("train: {steps: true}\n", 1, "train.steps wants a whole number, not True"),
        ("parallel:\n  sp: 1\n", 2, "parallel.sp wants true or false, not 1"),
        ("train:\n  steps: 1\n  steps: 2\n", 3, "given twice (first at line 2)"),
        ("train: [1, 2]\n", 1, "train wants `key: value` lines"),
        ("precision: {fp8: delayd}\n", 1, "did you mean 'delayed'"),
        ("data:\n  sources:\n    - {name: a, prefx: b}\n", 3, "did you mean 'data.sources.0.prefix'"),
        ("data:\n  sources:\n    - {name: a}\n", 3, "lacks the key 'data.sources.0.prefix'"),
        ("train: {steps: 1\n", 2, "not valid YAML"),
        ("- 1\n", 1, "expected `key: value` lines"),
        ("optimizer: {lr: .nan}\n", 1, "optimizer.lr wants a number"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load(RunConfig, path)
    assert f"{path}:{line}" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.stepz=3", "did you mean 'train.steps'"),
        ("steps=3", "did you mean 'train.steps'"),
        ("tp=2", "did you mean 'parallel.tp'"),
        ("train", "write it as key=value"),
        ("data.sources.1.weight=2", "is not an index of a list of 0"),
        ("train.seed.x=1", "train.seed wants a whole number"),
        ("train.seed={", "not valid YAML"),
    ],
)
def test_a_wrong_override_is_named(recipe: Path, override: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        load_run(recipe, ["data.sources=[]", override])
    assert repr(override) in str(caught.value)
    assert said in str(caught.value)


def test_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(UserError, match="did you mean 'tiny-cpu'"):
        load_run("tiny-cpuu")


def test_a_wrong_option_fails_before_torch_is_imported(recipe: Path) -> None:
    program = (
        "import sys\n"
        "from megatron_qm.cli import main\n"
        f"code = main(['pretrain', '--config', {str(recipe)!r}, 'parallel.tp=3'])\n"
        "assert 'torch' not in sys.modules and 'megatron' not in sys.modules\n"
        "sys.exit(code)\n"
    )
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert "parallel.tp = 3 does not divide model.heads = 16" in done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - start < 30  # the bound of 2 s is benchmarked; here only that nothing heavy is waited for


def test_a_block_of_free_names_takes_single_values(tmp_path: Path) -> None:
    """Recipes merge name by name, an override reaches in, and what was resolved is read back."""
    base, recipe = tmp_path / "base.yaml", tmp_path / "r.yaml"
    base.write_text("data: {template_arguments: {enable_thinking: true, effort: high}}\n")
    recipe.write_text("base: base.yaml\ndata: {template_arguments: {budget: 3}}\n")
    config = load(RunConfig, recipe, ["data.template_arguments.enable_thinking=false"])
    assert config.data.template_arguments == {"enable_thinking": False, "effort": "high", "budget": 3}
    recipe.write_text(to_yaml(config))
    assert load(RunConfig, recipe) == config
    assert load(RunConfig, recipe, ["data.template_arguments=null"]).data.template_arguments == {}


@pytest.mark.parametrize("value", ["[1]", "{a: [1]}", "{a: {b: 1}}", "{a: null}", "{a: .nan}", "text"])
def test_a_block_of_free_names_takes_nothing_else(value: str, tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text(f"data:\n  template_arguments: {value}\n")
    with pytest.raises(UserError, match=r"r.yaml:2: data.template_arguments(.a)? wants "):
        load(RunConfig, recipe)


@pytest.mark.parametrize("stage", list(STAGES))
def test_no_text_where_text_or_null_is_meant_is_refused_by_its_key(stage: str, recipe: Path) -> None:
    """A variable of a shell that is not set is no wish for what null stands for."""
    found = [key.name for key in keys(STAGES[stage].kind) if key.type == "text or null" and "*" not in key.name]
    assert {"train.start_from", "observe.probes", "data.tokenizer"} <= set(found)
    for name in found:
        with pytest.raises(UserError, match=f"^override .*: {name} = '' names nothing; say what is meant, or null for none$"):
            load(STAGES[stage].kind, recipe, [f'{name}=""'])

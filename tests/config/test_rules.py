"""Each rule, broken once: the message names the key, the value and the rule."""

from pathlib import Path

import pytest

from megatron_qm.config.rules import check_world
from megatron_qm.config.run import load_run
from megatron_qm.errors import UserError

BASE = """\
model: {layers: 8, hidden_size: 64, ffn_hidden_size: 128, heads: 8, kv_heads: 4, vocab_size: 1000, max_positions: 4096}
train: {steps: 100, global_batch_size: 16}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(BASE)
    return path


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["parallel.tp=3"], "parallel.tp = 3 does not divide model.heads = 8"),
        (["parallel.tp=8"], "parallel.tp = 8 does not divide model.kv_heads = 4"),
        (["parallel.tp=0"], "parallel.tp = 0: must be 1 or more"),
        (["parallel.sp=true"], "parallel.sp = true needs parallel.tp > 1"),
        (["parallel.pp=3"], "parallel.pp = 3 does not divide model.layers = 8"),
        (["parallel.vpp=2"], "parallel.vpp = 2 needs parallel.pp > 1"),
        (["parallel.pp=4", "parallel.vpp=4"], "pp = 4 x vpp = 4 does not divide model.layers = 8"),
        (["parallel.cp=2", "data.sequence_length=1001"], "must be a multiple of 2 x cp = 4"),
        (["parallel.tp=2", "parallel.sp=true", "data.sequence_length=1001"], "must be a multiple of tp x cp = 2"),
        (["parallel.cp=2", "data.reset_at_document_ends=true"], "does not go with parallel.cp > 1"),
        (["parallel.overlap_tp=true"], "needs parallel.sp = true"),
        (["parallel.overlap_param_gather=true"], "needs parallel.overlap_grad_reduce = true"),
        (["parallel.devices=3", "parallel.tp=2"], "3 ranks cannot be split"),
        (["parallel.devices=3"], "must be a multiple of DP 3"),
        (["train.micro_batch_size=3"], "must be a multiple of train.micro_batch_size = 3"),
        (["train.tokens=1e6"], "exactly one of train.steps (100) and train.tokens (1000000.0)"),
        (["schedule.warmup_steps=101"], "longer than the run of 100 steps"),
        (["schedule.decay_steps=10"], "is for schedule.kind = wsd, not cosine"),
        (["schedule.rewarmup_at=[50, 20]"], "steps must rise"),
        (["optimizer.min_lr=1"], "is above optimizer.lr"),
        (["optimizer.beta2=1"], "must lie in [0, 1)"),
        (["precision.fp8=delayed", "device=cpu"], "needs a Hopper GPU or later"),
        (["precision.fp8=delayed", "device=a100"], "needs a Hopper GPU or later"),
        (["precision.fp8=mxfp8", "device=h100"], "needs a Blackwell GPU"),
        (["precision.fp8=blockwise", "precision.params=fp32"], "needs precision.params = bf16"),
        (["precision.first_layers_bf16=1"], "only mean something with precision.fp8"),
        (["precision.fp8=delayed", "precision.first_layers_bf16=1"], "do not go with fp8 = delayed"),
        (["recompute.layers=1"], "needs recompute.mode = full"),
        (["recompute.mode=full", "recompute.layers=9"], "is over the 8 layers"),
        (["model.kv_heads=3"], "must be a multiple of model.kv_heads = 3"),
        (["model.vocab_size=null"], "model.vocab_size is not set"),
        (["data.sequence_length=8192"], "is over model.max_positions = 4096"),
        (["data.sequence_length=200000", "model.yarn={}"], "is over model.max_positions = 131072 (as YaRN stretches it)"),
        (["model.yarn={beta_slow: 40}"], "model.yarn.beta_slow = 40.0 must be below beta_fast = 32.0"),
        (["model.yarn={}", "model.rope_scaling={}", "model.family=llama"], "both stretch RoPE"),
        (["model.yarn={}", "model.rope_theta=1"], "needs model.rope_theta above 1"),
        (["data.sources=[{name: a, prefix: x}, {name: a, prefix: y}]"], "the name a is given twice"),
        (["data.sources=[{name: a, prefix: x, weight: -1}]"], "data.sources.0.weight = -1.0: must not be negative"),
        (["data.sources=[{name: a, prefix: x, weight: [[5, 1], [2, 1]]}]"], "must rise"),
    ],
)
def test_a_broken_rule_is_named(recipe: Path, overrides: list[str], said: str) -> None:
    with pytest.raises(UserError) as caught:
        load_run(recipe, overrides)
    assert said in str(caught.value)


def test_the_base_breaks_none(recipe: Path) -> None:
    config = load_run(recipe, ["parallel.tp=2", "parallel.sp=true", "parallel.pp=2", "parallel.vpp=2"])
    check_world(config, 8)
    assert config.parallel.describe(8) == "TP2 x SP x PP2 x VPP2 x DP2"


def test_interleaving_needs_micro_batches_in_multiples_of_the_stages(recipe: Path) -> None:
    config = load_run(recipe, ["parallel.pp=4", "parallel.vpp=2", "train.global_batch_size=6"])
    with pytest.raises(UserError, match="must be a multiple of parallel.pp = 4"):
        check_world(config, 4)

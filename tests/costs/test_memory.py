"""Memory estimates against what autograd really keeps in a Megatron model, and against the paper's own arithmetic."""

from dataclasses import replace

import pytest

from megatron_qm.config.data import DataConfig
from megatron_qm.config.fusion import RewardConfig
from megatron_qm.config.lora import LoraConfig
from megatron_qm.config.model import ModelConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.rl import PolicyLossConfig, RlConfig, RlRun, SamplingConfig
from megatron_qm.config.rules import check
from megatron_qm.config.run import RunConfig, load_run
from megatron_qm.config.train import PrecisionConfig, RecomputeConfig, TrainConfig
from megatron_qm.costs.memory import chunks_in_flight, layer_activations, memory_by_stage, memory_per_rank
from megatron_qm.costs.parameters import parameters_per_rank
from megatron_qm.errors import UserError
from tests.costs.megatron_builds import BATCH, SEQUENCE, Megatron
from tests.costs.shapes import shape


def run_config(case: dict) -> RunConfig:
    return RunConfig(
        device="cpu", model=shape(**case["model"]), parallel=ParallelConfig(**case["parallel"]),
        data=DataConfig(sequence_length=SEQUENCE), recompute=RecomputeConfig(case["mode"]),
        train=TrainConfig(steps=1, global_batch_size=BATCH, micro_batch_size=BATCH),
    )


def test_activations_are_those_that_autograd_keeps(megatron: Megatron) -> None:
    for case, (kept, _) in megatron.activations:
        config = run_config(case)
        memory = memory_per_rank(config, 2, stage=0)
        estimate = memory.activations + memory.logits
        if case["mode"] == "full":  # the layer that is whole while it is recomputed is not there after the forward pass
            tokens = BATCH * SEQUENCE
            shared = tokens * config.model.hidden_size * 4 // (2 if config.parallel.sp else 1)
            estimate -= layer_activations(config.model, config.parallel, tokens, "fp32", fused=False) - shared
        # what is left out: statistics of norms and attention, cosines and sines
        assert kept * 0.96 <= estimate <= kept * 1.001, (case, estimate / kept)


def test_interleaving_costs_what_the_paper_says() -> None:
    """Korthikanti et al. 2022, section 4.2.3: L layers' activations on the first stage, times 1 + (p - 1) / (p m)."""
    for pp, vpp in ((4, 2), (8, 4), (2, 3)):
        chunks = chunks_in_flight(ParallelConfig(pp=pp, vpp=vpp), stage=0, micro_batches=10_000)
        assert chunks / (pp * vpp) == pytest.approx(1 + (pp - 1) / (pp * vpp))
    assert chunks_in_flight(ParallelConfig(pp=4), stage=0, micro_batches=100) == 4
    assert [chunks_in_flight(ParallelConfig(pp=4), stage, 100) for stage in range(4)] == [4, 3, 2, 1]
    assert chunks_in_flight(ParallelConfig(pp=4), stage=0, micro_batches=2) == 2


def test_weights_gradients_and_optimizer_of_a_8b_model() -> None:
    """18 bytes a parameter without the distributed optimizer, 6 + 12 / d with it (Megatron-Core's documentation)."""
    config = RunConfig(
        model=ModelConfig(shape="llama3.1-8b").resolved(), parallel=ParallelConfig(tp=2, cp=2),
        data=DataConfig(sequence_length=4096), train=TrainConfig(steps=1, global_batch_size=8),
    )
    count = parameters_per_rank(config.model, tp=2)
    sharded = memory_per_rank(config, 16, 0)  # DP4 x CP2: 8 shards
    state = sharded.weights + sharded.gradients + sharded.optimizer
    assert (sharded.parameters, state) == (count, pytest.approx(count * (6 + 12 / 8)))
    whole = replace(config, parallel=replace(config.parallel, distributed_optimizer=False))
    memory = memory_per_rank(whole, 16, 0)
    assert memory.weights + memory.gradients + memory.optimizer == count * 18
    bf16_gradients = replace(config, precision=PrecisionConfig(grad_reduce_fp32=False))
    assert memory_per_rank(bf16_gradients, 16, 0).gradients == count * 2
    fp32 = memory_per_rank(config, 16, 0, params="fp32")
    assert (fp32.weights, fp32.gradients, fp32.optimizer) == (count * 4, count * 4, count)
    # logits: 4096 tokens / CP2 x 128256 / TP2 entries, BF16 and FP32
    assert sharded.logits == 2048 * 64128 * 6


@pytest.mark.parametrize("recipe", ["tiny-cpu", "qwen3-1.7b-h100", "qwen2.5-32b-h100", "qwen3-32b-h100"])
def test_shipped_recipes_fit_their_device(recipe: str) -> None:
    config = load_run(recipe)
    stages = memory_by_stage(config, config.parallel.devices)
    assert len(stages) == config.parallel.pp
    limit = 80 if "h100" in recipe else 8
    for memory in stages:
        assert 0 < memory.total < (limit - 5) * 2**30
        kinds = (memory.weights, memory.gradients, memory.optimizer, memory.activations, memory.logits)
        assert sum(kinds) == memory.total and min(kinds) >= 0
    assert [memory.logits > 0 for memory in stages] == [False] * (len(stages) - 1) + [True]


def test_each_saving_saves() -> None:
    config = load_run("qwen3-32b-h100")
    base = memory_by_stage(config, 512)[0]
    full = replace(config, recompute=RecomputeConfig("full"))
    some = replace(config, recompute=RecomputeConfig("full", layers=2))
    bf16 = replace(config, precision=PrecisionConfig())
    without_sp = replace(config, parallel=replace(config.parallel, sp=False))
    activations = [memory_by_stage(one, 512)[0].activations for one in (full, some, config, bf16)]
    assert activations == sorted(activations) and len(set(activations)) == 4
    assert memory_by_stage(without_sp, 512)[0].activations > base.activations
    assert memory_by_stage(bf16, 512)[0].weights < base.weights  # no FP8 copies
    assert memory_by_stage(config, 256)[0].optimizer == pytest.approx(2 * base.optimizer, rel=1e-6)


def test_adapters_are_all_that_has_gradients_and_moments() -> None:
    config = RunConfig(
        model=ModelConfig(shape="llama3.1-8b").resolved(), parallel=ParallelConfig(tp=2),
        data=DataConfig(sequence_length=4096), train=TrainConfig(steps=1, global_batch_size=8), lora=LoraConfig(rank=16),
    )
    # 32 layers, hidden 4096, FFN 14336, QKV 4096 + 2 x 1024: A and B of rank 16, the split side halved
    adapters = 32 * 16 * (4096 + 6144 // 2 + 4096 + 4096 // 2 + 4096 + 28672 // 2 + 4096 + 14336 // 2)
    memory, count = memory_per_rank(config, 8, 0), parameters_per_rank(config.model, tp=2)
    assert (memory.parameters, memory.weights) == (count + adapters, (count + adapters) * 2)
    assert (memory.gradients, memory.optimizer) == (adapters * 4, adapters * 12 // 4)  # moments over DP4


def test_rl_holds_reward_models_in_the_ranks_each_once() -> None:
    """Qwen3-8B with one row for a head: a stage of two has half of the layers, the last the row and the norm."""
    shape = ModelConfig(shape="qwen3-8b")
    rewards = [RewardConfig("a", checkpoint="x", model=shape), RewardConfig("b", checkpoint="x", model=shape, part="score"),
               RewardConfig("c", checkpoint="y", model=shape, dtype="fp32"), RewardConfig("d")]
    config = RlRun(
        model=ModelConfig(shape="llama3.1-8b").resolved(), parallel=ParallelConfig(tp=2, pp=2),
        data=DataConfig(sequence_length=4096), train=TrainConfig(steps=1, global_batch_size=8), rl=RlConfig(rewards=rewards),
    )
    without = replace(config, rl=replace(config.rl, rewards=[]))
    layers = 18 * (192_937_984 // 2 + 2 * 4096 + 2 * 128)  # matrices over TP2, norms whole
    counts = (layers + 151_936 // 2 * 4096, layers + 4096 + 4096)
    for memory, bare, count in zip(memory_by_stage(config, 8), memory_by_stage(without, 8), counts, strict=True):
        assert memory.rewards == (2 + 4) * count == memory.total - bare.total
    with pytest.raises(UserError, match="of rl.rewards.0.checkpoint = x stands in the ranks at their layout, and parallel.tp"):
        check(replace(config, parallel=ParallelConfig(tp=16), model=replace(config.model, heads=64, kv_heads=16)))


def test_rl_holds_a_reference_and_keys_and_values() -> None:
    config = RlRun(
        model=ModelConfig(shape="llama3.1-8b").resolved(), parallel=ParallelConfig(tp=2, pp=2),
        data=DataConfig(sequence_length=4096), train=TrainConfig(steps=1, global_batch_size=8),
        rl=RlConfig(sampling=SamplingConfig(max_sequences=100)),
    )
    memory = memory_per_rank(config, 8, 0)
    assert memory.reference == memory.weights
    assert memory.cache == 100 * 4096 * 16 * 2 * 4 * 128 * 2  # 16 layers, keys and values, 4 heads of 128, BF16
    assert memory.total == 2 * memory.weights + memory.gradients + memory.optimizer + memory.cache
    without = replace(config, rl=replace(config.rl, loss=PolicyLossConfig(kl=0.0), saved_rollouts=["x.jsonl"]))
    assert (memory_per_rank(without, 8, 0).reference, memory_per_rank(without, 8, 0).cache) == (0, 0)

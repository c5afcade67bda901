"""Predicted bytes against what Megatron allocates, the ranking against the rules, and arithmetic by hand."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from megatron_qm.config.data import DataConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.rules import check, check_world
from megatron_qm.config.run import RunConfig, load_run
from megatron_qm.config.train import TrainConfig
from megatron_qm.costs.memory import memory_per_rank
from megatron_qm.costs.parameters import layer_parameters, parameters_per_rank
from megatron_qm.errors import UserError
from megatron_qm.plan.hardware import Assumptions, find_gpu
from megatron_qm.plan.layouts import rank_layouts
from megatron_qm.plan.predict import buffer_bytes, predict
from tests.costs.shapes import shape
from tests.distributed import run_ranks

SMALL = {"layers": 4, "hidden_size": 64, "ffn_hidden_size": 128, "heads": 4, "kv_heads": 4, "head_dim": 16}
QWEN3, QWEN2 = SMALL | {"family": "qwen3", "tied_embeddings": True}, SMALL | {"family": "qwen2"}
LAYOUTS = [
    (1, {"distributed_optimizer": False}, QWEN3), (2, {"tp": 2, "sp": True}, QWEN3), (2, {"pp": 2}, QWEN2),
    (2, {"pp": 2, "vpp": 2}, QWEN3), (2, {}, QWEN2), (4, {"distributed_optimizer": False}, QWEN2),
    (4, {"tp": 2, "pp": 2, "sp": True}, QWEN2), (4, {"cp": 2}, QWEN3), (8, {"tp": 2, "pp": 2, "sp": True}, QWEN3),
    (8, {"tp": 4, "sp": True}, QWEN2), (16, {"pp": 4}, QWEN2), (16, {"tp": 2, "pp": 2, "cp": 2, "sp": True}, QWEN3),
]


@pytest.fixture(scope="module")
def allocated() -> list[tuple[dict, dict]]:
    cases = [
        {"world_size": world, "rank": rank, "parallel": parallel, "model": model}
        for world, parallel, model in LAYOUTS for rank in sorted({0, world - 1})
    ]
    return list(zip(cases, run_ranks("tests.plan.builds:allocated", 1, cases, timeout=400)[0], strict=True))


def test_weights_gradients_and_optimizer_are_those_allocated(allocated: list[tuple[dict, dict]]) -> None:
    assert len(LAYOUTS) >= 10
    for case, found in allocated:
        parallel = ParallelConfig(**case["parallel"])
        config = RunConfig(device="cpu", model=shape(**case["model"]), parallel=parallel, data=DataConfig(sequence_length=64),
                           train=TrainConfig(steps=1, global_batch_size=64))
        stage = 0 if case["rank"] == 0 else parallel.pp - 1
        memory = memory_per_rank(config, case["world_size"], stage)
        assert (memory.weights, memory.gradients) == (found["weights"], found["gradients"]), case
        shards = parallel.data_parallel(case["world_size"]) * parallel.cp
        if not parallel.distributed_optimizer or shards == 1:
            assert memory.optimizer == found["optimizer"], case
        else:  # the shards of a padded buffer: none is larger, and the last one may be smaller by the padding
            padding = 8 * 64 * shards
            assert memory.optimizer - padding <= found["optimizer"] <= memory.optimizer + padding, (case, found, memory.optimizer)


@pytest.mark.slow
def test_every_rank_of_the_32b_model_on_512_gpus_holds_its_share() -> None:
    config = load_run("qwen3-32b-h100")
    parallel, model = config.parallel, config.model
    dp = 512 // parallel.model_ranks
    roles = [pp * parallel.tp * dp + tp for pp in range(parallel.pp) for tp in range(parallel.tp)]
    ranks = roles + [role + (dp - 1) * parallel.tp for role in roles]  # the first and the last of the DP replicas
    found = run_ranks("tests.plan.builds:shares_of_32b", 1, ranks, timeout=400)[0]
    seen = {}
    for share in found:
        stage, place = share["pp"], (share["tp"], share["pp"])
        assert share["parameters"] == parameters_per_rank(model, parallel.tp, parallel.pp, stage), share
        seen.setdefault(place, share)
        assert seen[place] == share, "replicas hold the same"
    assert len(seen) == parallel.tp * parallel.pp
    total = sum(share["parameters"] - (share["whole"] if share["tp"] else 0) for share in seen.values())
    tables = 2 * model.padded_vocab_size * model.hidden_size
    assert total == model.layers * layer_parameters(model) + tables + model.hidden_size


def test_every_ranked_layout_is_legal_and_the_fitting_ones_come_first() -> None:
    config, gpu, given = load_run("qwen3-32b-h100"), find_gpu("h100"), Assumptions()
    options = rank_layouts(config, 512, gpu, given)
    for option in options[:50] + options[-50:]:
        check(option.config)
        check_world(option.config, 512)
    fits = [option.fits for option in options]
    assert fits == sorted(fits, reverse=True) and any(fits) and not all(fits)
    speeds = [option.prediction.tokens_per_second for option in options if option.fits]
    assert speeds == sorted(speeds, reverse=True)
    room = gpu.memory - given.reserve_gib * 2**30
    assert all(option.fits == (option.prediction.bytes <= room) for option in options)
    own = (config.parallel.tp, config.parallel.pp, config.parallel.vpp, config.parallel.cp, True, 1, "selective")
    assert own in [option.key for option in options if option.fits]
    assert len({option.key for option in options}) == len(options)
    assert {option.config.parallel.sp for option in options if option.config.parallel.tp > 1} == {True, False}


@pytest.mark.parametrize(("arguments", "word"), [
    (["--gpus", "0"], "--gpus: 0 must be 1 or more"), (["--gpus", "512", "--top", "0"], "--top: 0 must be 1 or more"),
    (["--gpus", "512", "--simulate-failures", "--trials", "0"], "--trials: 0 must be"),
    (["--gpus", "512", "--simulate-failures", "--checkpoint-minutes", "nan"], "--checkpoint-minutes: nan must be"),
    (["--gpus", "512", "--simulate-failures", "--save-seconds", "0"], "costs nothing"),
    (["--gpus", "48", "--simulate-failures"], "must be a multiple of DP 3"),
])
def test_an_impossible_wish_is_refused_in_a_sentence(arguments: list[str], word: str) -> None:
    done = plan("--config", "qwen3-32b-h100", *arguments)
    assert done.returncode == 2 and word in done.stderr and "Traceback" not in done.stderr


def test_where_the_recipes_own_layout_stands() -> None:
    """Without SP, and with a micro-batch that is not among the usual ones, it is found too."""
    large = ["train.micro_batch_size=16", "train.global_batch_size=2048"]
    for own in (["parallel.sp=false", "parallel.overlap_tp=false"], large):
        done = plan("--config", "qwen3-32b-h100", "--gpus", "512", *own)
        assert done.returncode == 0 and ("is number" in done.stdout or "does not fit" in done.stdout), done.stdout[-300:]


def small(**parallel: int) -> RunConfig:
    return RunConfig(device="h100", model=shape(**QWEN2), parallel=ParallelConfig(**parallel),
                     data=DataConfig(sequence_length=64), train=TrainConfig(steps=1, global_batch_size=32))


def test_buffers_by_hand() -> None:
    activation, keys_values = 64 * 64 * 2, 64 * 2 * 4 * 16 * 2
    assert buffer_bytes(small()) == 0
    assert buffer_bytes(small(tp=2, sp=True)) == 2 * activation
    assert buffer_bytes(small(pp=2)) == 4 * activation
    assert buffer_bytes(small(cp=2)) == 4 * keys_values / 2


def test_traffic_by_hand() -> None:
    gpu, given = find_gpu("h100"), Assumptions()
    count = parameters_per_rank(small().model)
    alone = predict(small(), 1, gpu, given).traffic
    assert (alone.tp, alone.cp, alone.pp, alone.dp) == (0, 0, 0, 0)
    data = predict(small(), 4, gpu, given).traffic
    assert data.dp == pytest.approx(count * (4 + 2) * 3 / 4) and data.on_nvlink == data.dp
    tensor = predict(small(tp=2, sp=True), 2, gpu, given).traffic
    assert tensor.tp == pytest.approx(10 * (64 * 64 * 2) / 2 * 4 * 32)  # 10 a layer, half of b s h 2 bytes, 4 layers, 32 batches
    pipe = predict(small(pp=2), 2, gpu, given)
    assert pipe.traffic.pp == 2 * 64 * 64 * 2 * 32
    assert pipe.bubble == pytest.approx(pipe.compute * 1 / 32), "(pp - 1) / m of Narayanan et al. 2021, section 2.2"
    chunks = predict(replace(small(pp=2), parallel=ParallelConfig(pp=2, vpp=2)), 2, gpu, given)
    assert chunks.bubble == pytest.approx(pipe.bubble / 2)


def test_twice_the_gpus_halve_the_work_and_recompute_adds_a_third_of_the_products() -> None:
    gpu, given = find_gpu("h100"), Assumptions()
    assert predict(small(), 2, gpu, given).compute == pytest.approx(predict(small(), 1, gpu, given).compute / 2)
    full = replace(small(), recompute=replace(small().recompute, mode="full"))
    assert 1.15 < predict(full, 1, gpu, given).compute / predict(small(), 1, gpu, given).compute < 4 / 3


@pytest.mark.parametrize(("texts", "word"), [
    (["gem=0.5"], "gemm_bf16"), (["network=2"], "at most at 1"), (["node=fast"], "no number"),
])
def test_a_wrong_assumption_is_refused_by_name(texts: list[str], word: str) -> None:
    with pytest.raises(UserError, match=word):
        Assumptions().with_values(texts)


def plan(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-X", "importtime", "-m", "megatron_qm.cli", "plan", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_command_needs_no_torch_and_prints_json() -> None:
    done = plan("--config", "qwen3-32b-h100", "--gpus", "512", "--json", "--top", "3")
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(json.loads(done.stdout)) == 3
    assert "| torch\n" not in done.stderr and "megatron.core" not in done.stderr


def test_where_nothing_fits_it_says_by_how_much() -> None:
    done = plan("--config", "qwen3-32b-h100", "--gpus", "8")
    assert done.returncode == 2 and "nothing fits: the least is TP8" in done.stdout and "GiB over" in done.stdout
    done = plan("--config", "qwen3-32b-h100", "--gpu", "a100")
    assert done.returncode == 2 and "a100 has no FP8" in done.stderr

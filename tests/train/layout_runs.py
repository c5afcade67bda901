"""What the ranks of tests/train/test_parity.py run: a few steps of a tiny model at each of several layouts."""

from typing import Any

import numpy as np

VOCAB, LENGTH, GLOBAL_BATCH, SOURCES = 250, 32, 8, 2
MODEL = {
    "family": "qwen3", "layers": 4, "hidden_size": 64, "ffn_hidden_size": 128, "heads": 4, "kv_heads": 2,
    "head_dim": 16, "vocab_size": VOCAB, "tied_embeddings": True,
}


def train_layouts(cases: dict[str, dict[str, Any]], steps: int = 10, device: str = "cpu") -> dict[str, list[list[float]]]:
    """{case: [[loss, gradient norm, loss of source 1] per step]}. A case holds ParallelConfig keys, and `options`."""
    from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment

    ranks = ranks_from_environment()
    platform = choose_platform(device, ranks.local_rank)
    with process_group(platform, ranks), platform.scope():
        return {name: train(platform, dict(case), steps) for name, case in cases.items()}


def train(platform: Any, case: dict[str, Any], steps: int) -> list[list[float]]:
    from megatron_qm.config.lora import LoraConfig
    from megatron_qm.config.model import ModelConfig, YarnScaling
    from megatron_qm.config.parallel import ParallelConfig
    from megatron_qm.config.train import GuardConfig, OptimizerConfig, PrecisionConfig, RecomputeConfig
    from megatron_qm.model.build import build_model
    from megatron_qm.train.batches import micro_batches
    from megatron_qm.train.guard import Guard
    from megatron_qm.train.optimizer import build_optimizer, data_parallel
    from megatron_qm.train.step import Stepper, this_place
    from tests.groups import passing_groups

    options = case.pop("options", {})
    parallel, precision = ParallelConfig(**case), PrecisionConfig(**options.get("precision", {}))
    yarn = YarnScaling(**options["yarn"]) if "yarn" in options else None
    model = ModelConfig(**MODEL | options.get("model", {}), yarn=yarn).resolved()
    with passing_groups(parallel):
        platform.seed(1)
        recompute = RecomputeConfig(mode=options.get("recompute", "none"))
        lora = LoraConfig(**options["lora"]) if "lora" in options else None
        chunks = build_model(model, parallel, platform, precision, recompute, z_loss=options.get("z_loss", 0.0), lora=lora)
        wrapped = data_parallel(chunks, parallel, precision)
        # Adam divides by the root of the second moment: an entry whose gradient is rounding alone would move by a whole step.
        settings = OptimizerConfig(eps=1e-5)
        stepper = Stepper(wrapped, build_optimizer(wrapped, settings, parallel), settings, SOURCES,
                          Guard(GuardConfig(), platform.device))
        place, micro = this_place(), options.get("micro_batch", 1)
        mine = sum(place.sequences(GLOBAL_BATCH, micro), [])
        rows = []
        for step in range(steps):
            numbers = batch(step, mine, options.get("length", LENGTH))
            batches = micro_batches(numbers, micro, place, platform.device, packed=options.get("packed", False))
            result = stepper.train(batches, len(mine) // micro, 1e-3)
            rows.append([result.losses.mean, result.grad_norm, result.losses.mean_of(1)])
        return rows


def batch(step: int, sequences: list[int], length: int = LENGTH) -> Any:
    """The same random sequences for everybody; some tokens do not count, and documents start at random places."""
    from megatron_qm.data.batch import Batch

    draw = np.random.default_rng(step)
    tokens = draw.integers(0, VOCAB, (GLOBAL_BATCH, length + 1))
    starts = draw.random((GLOBAL_BATCH, length)) < 0.1
    mask = (draw.random((GLOBAL_BATCH, length)) < 0.9).astype(np.float32)
    positions = np.tile(np.arange(length), (GLOBAL_BATCH, 1))
    return Batch(
        tokens_bs=tokens[sequences, :-1], labels_bs=tokens[sequences, 1:], loss_mask_bs=mask[sequences],
        source_b=np.array(sequences) % SOURCES, position_ids_bs=positions[sequences],
        real_bs=np.ones(tokens[sequences, 1:].shape, bool), document_starts_bs=starts[sequences],
    )

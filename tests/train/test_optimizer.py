"""What the optimizer does to a parameter, against closed forms."""

from typing import Any

import pytest

from tests.distributed import run_ranks


def updates() -> dict[str, Any]:
    """One step from a known gradient with and without weight decay rules; returns what moved."""
    import torch

    from megatron_qm.config.model import ModelConfig
    from megatron_qm.config.parallel import ParallelConfig
    from megatron_qm.config.train import OptimizerConfig, PrecisionConfig
    from megatron_qm.model.build import build_model
    from megatron_qm.model.parallel_groups import parallel_groups
    from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment
    from megatron_qm.train.optimizer import build_optimizer, data_parallel, set_hyperparameters
    from tests.train.layout_runs import MODEL

    platform, parallel, found = choose_platform("cpu"), ParallelConfig(), {}
    settings = {
        "default": OptimizerConfig(weight_decay=0.5, clip_grad=0.0),
        "decay all": OptimizerConfig(weight_decay=0.5, clip_grad=0.0, decay_norms_and_biases=True),
        "no embeddings": OptimizerConfig(weight_decay=0.5, clip_grad=0.0, decay_embeddings=False),
        "clipped": OptimizerConfig(weight_decay=0.0, clip_grad=1.0),
    }
    with process_group(platform, ranks_from_environment()), platform.scope(), parallel_groups(parallel):
        for name, setting in settings.items():
            model = ModelConfig(**MODEL | {"qkv_bias": True}).resolved()
            wrapped = data_parallel(build_model(model, parallel, platform), parallel, PrecisionConfig())
            optimizer = build_optimizer(wrapped, setting, parallel)
            set_hyperparameters(optimizer, setting, 0.01)
            parameters = dict(wrapped[0].module.named_parameters())
            for parameter in parameters.values():
                parameter.main_grad.fill_(3.0)
            before = {key: value.detach().clone() for key, value in parameters.items()}
            _, norm, _ = optimizer.step()
            # the first AdamW step moves by lr * g / (|g| + eps), after p *= 1 - lr * decay
            found[name] = {
                key: ((before[key] - value.detach() - 0.01) / before[key]).median().item()
                for key, value in parameters.items() if before[key].abs().max() > 0
            } | {"norm": float(norm), "elements": sum(p.numel() for p in parameters.values())}
            assert all(torch.isfinite(p).all() for p in parameters.values())
    return found


@pytest.fixture(scope="module")
def moved() -> dict[str, Any]:
    return run_ranks("tests.train.test_optimizer:updates", 1)[0]


def decayed(case: dict[str, float], ending: str) -> float:
    return next(value for key, value in case.items() if key.endswith(ending))


def test_weight_decay_leaves_norms_out_unless_asked(moved: dict) -> None:
    """Megatron-Core 0.19 decays everything where 0.16 leaves 1-D parameters out: our rule is said explicitly."""
    for version_trap in ("input_layernorm.weight", "q_layernorm.weight", "final_layernorm.weight"):
        assert decayed(moved["default"], version_trap) == pytest.approx(0.0, abs=1e-6)
        assert decayed(moved["decay all"], version_trap) == pytest.approx(0.005, rel=1e-2)
    assert decayed(moved["default"], "linear_qkv.weight") == pytest.approx(0.005, rel=1e-2)


def test_embeddings_can_be_left_out_of_weight_decay(moved: dict) -> None:
    assert decayed(moved["default"], "word_embeddings.weight") == pytest.approx(0.005, rel=1e-2)
    assert decayed(moved["no embeddings"], "word_embeddings.weight") == pytest.approx(0.0, abs=1e-4)


def test_the_norm_is_reported_with_and_without_clipping(moved: dict) -> None:
    for case in ("default", "clipped"):
        assert moved[case]["norm"] == pytest.approx(3.0 * moved[case]["elements"] ** 0.5, rel=1e-5)

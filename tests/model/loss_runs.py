"""What the ranks of tests/model/test_loss_rows.py run: the model's loss on given logits, split over the vocabulary."""

from typing import Any

MODEL = {"family": "qwen3", "layers": 1, "hidden_size": 32, "ffn_hidden_size": 64, "heads": 2, "kv_heads": 2, "head_dim": 16,
         "vocab_size": 250}
WEIGHT = 1e-2


def rows_and_gradient(temperature: float) -> dict[str, list]:
    """Rows [3, b, s] at `temperature` from logits that all ranks draw alike, this rank's columns of them, and the gradient of the
    first two."""

    from megatron_qm.config.model import ModelConfig
    from megatron_qm.config.parallel import ParallelConfig
    from megatron_qm.model.build import build_model
    from megatron_qm.model.language_model import tempered
    from megatron_qm.model.parallel_groups import parallel_groups
    from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment

    ranks = ranks_from_environment()
    platform, parallel = choose_platform("cpu"), ParallelConfig(tp=ranks.world_size)
    with process_group(platform, ranks), platform.scope(), parallel_groups(parallel):
        platform.seed(1)
        [chunk] = build_model(ModelConfig(**MODEL).resolved(), parallel, platform, z_loss=WEIGHT, entropy=True)
        logits, labels = drawn(chunk.vocab_size)
        share = logits.shape[-1] // ranks.world_size
        mine = logits[..., ranks.rank * share : (ranks.rank + 1) * share].clone().requires_grad_()
        with tempered([chunk], temperature):
            rows = chunk.compute_language_model_loss(labels, mine * 1.0)
        assert chunk.temperature == 1, "what is not of the policy is examined as it is"
        rows[:2].sum().backward()
        return {"rows": rows.tolist(), "gradient": mine.grad.tolist()}


def drawn(width: int) -> tuple[Any, Any]:
    """logits [s, b, width of the padded vocabulary], labels [b, s]."""
    import torch

    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(5, 2, width, generator=generator)
    return logits, torch.randint(0, MODEL["vocab_size"], (2, 5), generator=generator)

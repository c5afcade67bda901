"""What the ranks of test_layouts.py do: load an imported model at a layout, compute its losses, save it from there.

Axes: b sequences, s tokens.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from megatron.core import parallel_state
from megatron.core.pipeline_parallel import get_forward_backward_func

from megatron_qm.checkpoint.manifest import model_of, read_manifest
from megatron_qm.checkpoint.store import CheckpointStore
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.run import RunConfig
from megatron_qm.config.train import CheckpointConfig, PrecisionConfig
from megatron_qm.model.build import build_model
from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment
from tests.groups import passing_groups

SEQUENCES, LENGTH = 2, 24


def tokens_bs(vocab: int) -> torch.Tensor:
    """[SEQUENCES, LENGTH + 1]: the same for every model and layout."""
    return torch.randint(vocab, (SEQUENCES, LENGTH + 1), generator=torch.Generator().manual_seed(3))


def run_cases(root: str, cases: dict[str, dict[str, Any]]) -> dict[str, list[list[float]] | None]:
    """{case: loss of each token, from the ranks of the last stage}. Writes root/saved/CASE/step-00000001."""
    platform = choose_platform("cpu")
    torch.set_num_threads(1)
    with process_group(platform, ranks_from_environment()), platform.scope():
        return {name: _run(platform, Path(root), name, dict(case)) for name, case in cases.items()}


def _run(platform: Any, root: Path, name: str, case: dict[str, Any]) -> list[list[float]] | None:
    imported = root / "imported" / case.pop("model")
    precision = PrecisionConfig(params=case.pop("dtype", "fp32"))
    model, layout = model_of(read_manifest(imported)), ParallelConfig(**case)
    with passing_groups(layout):
        platform.seed(1)
        chunks = build_model(model, layout, platform, precision, seed=7)
        store = CheckpointStore(root / "saved" / name, CheckpointConfig(), platform)
        store.load_weights(imported, chunks, None)
        losses = _losses(chunks, model.vocab_size)
        store.save(1, 1000, chunks, None, {}, RunConfig(model=model, parallel=layout, precision=precision))
        return losses


@torch.no_grad()
def _losses(chunks: list[torch.nn.Module], vocab: int) -> list[list[float]] | None:
    tokens = tokens_bs(vocab)
    kept: list[torch.Tensor] = []

    def forward(iterator: Iterator[torch.Tensor], chunk: torch.nn.Module) -> tuple[torch.Tensor, Any]:
        row_bs = next(iterator)[None]
        positions_bs = torch.arange(LENGTH)[None]
        return chunk(row_bs[:, :-1], positions_bs, None, labels=row_bs[:, 1:]), keep

    def keep(output_bs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, dict]:
        kept.append(output_bs[0].clone())
        return output_bs.sum(), torch.tensor(LENGTH, dtype=torch.int), {}

    get_forward_backward_func()(
        forward_step_func=forward,
        data_iterator=[iter(tokens) for _ in chunks] if len(chunks) > 1 else iter(tokens),
        model=chunks if len(chunks) > 1 else chunks[0],
        num_microbatches=SEQUENCES,
        seq_length=LENGTH,
        micro_batch_size=1,
        forward_only=True,
    )
    return [row_s.tolist() for row_s in kept] if parallel_state.is_pipeline_last_stage(ignore_virtual=True) else None

"""A checkpoint's model on the ranks of this job, for verbs that ask it and teach it nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from megatron_qm.checkpoint.manifest import lora_of, model_of, read_manifest
from megatron_qm.checkpoint.store import CheckpointStore
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.train import CheckpointConfig, PrecisionConfig
from megatron_qm.model.build import build_model
from megatron_qm.model.language_model import LanguageModel
from megatron_qm.model.parallel_groups import parallel_groups
from megatron_qm.platform.runtime import choose_platform, process_group, ranks_from_environment


@contextmanager
def checkpoint_model(
    checkpoint: Path, parallel: ParallelConfig, dtype: Literal["fp32", "bf16"] | None, device: str, seed: int = 0
) -> Iterator[tuple[list[LanguageModel], int]]:
    """(this rank's chunks, its rank) of `checkpoint`, adapters included, within the scopes it needs. dtype: "fp32" or "bf16"
    (None: fp32 on a CPU, else bf16). Raises UserError where the ranks do not fit the layout."""
    manifest, ranks = read_manifest(checkpoint), ranks_from_environment()
    parallel.data_parallel(ranks.world_size)
    platform = choose_platform(device, ranks.local_rank)
    precision = PrecisionConfig(params=dtype or "auto")
    with process_group(platform, ranks), platform.scope(), parallel_groups(parallel):
        platform.seed(seed)
        model = build_model(model_of(manifest), parallel, platform, precision, lora=lora_of(manifest))
        store = CheckpointStore(checkpoint.parent, CheckpointConfig(), platform, read_only=True)
        store.load_weights(checkpoint, model, None)
        yield model, ranks.rank

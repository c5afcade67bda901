"""Models that stand in the ranks beside the one that is trained: asked, and not learnt."""

from pathlib import Path

from megatron_qm.checkpoint.manifest import lora_of, read_manifest
from megatron_qm.config.model import ModelConfig
from megatron_qm.config.run_config import RunConfig
from megatron_qm.config.train import PrecisionConfig
from megatron_qm.model.build import build_model
from megatron_qm.model.language_model import LanguageModel
from megatron_qm.training import Parts


def frozen_model(
    config: RunConfig, parts: Parts, checkpoint: Path, model: ModelConfig | None = None, precision: PrecisionConfig | None = None
) -> list[LanguageModel]:
    """This rank's chunks of what `checkpoint` holds, at the run's layout. model, precision: where they are not the run's. All
    ranks call together. Raises UserError for a checkpoint that cannot be read, or holds another model."""
    chunks = build_model(model or config.model, config.parallel, parts.platform, precision or config.precision,
                         seed=config.train.seed, lora=lora_of(read_manifest(checkpoint)))
    for chunk in chunks:
        chunk.requires_grad_(False)
    parts.store.load_weights(checkpoint, chunks, None)
    return chunks

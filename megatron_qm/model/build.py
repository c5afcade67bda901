"""A model from a config: this rank's chunks of Megatron's GPTModel (one, or one per virtual pipeline stage)."""

from megatron.core import parallel_state
from megatron.core.transformer.transformer_config import TransformerConfig

from megatron_qm.config.lora import LoraConfig
from megatron_qm.config.model import ModelConfig
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.config.train import PrecisionConfig, RecomputeConfig
from megatron_qm.model.initialize import initialize
from megatron_qm.model.language_model import LanguageModel
from megatron_qm.model.layer_specs import block_spec
from megatron_qm.model.lora import attach
from megatron_qm.model.rope import stretch
from megatron_qm.model.transformer_config import transformer_config
from megatron_qm.platform.runtime import Platform


def build_model(
    model: ModelConfig,
    parallel: ParallelConfig,
    platform: Platform,
    precision: PrecisionConfig | None = None,
    recompute: RecomputeConfig | None = None,
    *,
    seed: int = 1234,
    z_loss: float = 0.0,
    entropy: bool = False,
    lora: LoraConfig | None = None,
) -> list[LanguageModel]:
    """This rank's model chunks on its device, initialised by `seed` alike at every layout; not yet wrapped in DDP.

    With `lora` it has adapters, and all else is frozen.
    Needs Megatron's parallel groups (model/parallel_groups.py: `parallel_groups`).
    """
    config = transformer_config(model, parallel, platform, precision, recompute)
    stages = range(parallel.vpp) if parallel.vpp else (None,)
    chunks = [_chunk(model, config, platform, stage, z_loss, entropy) for stage in stages]
    for chunk in chunks:
        if lora is not None:
            attach(chunk, lora)
        chunk.to(platform.device)
    initialize(chunks, seed)
    return chunks


def _chunk(
    model: ModelConfig, config: TransformerConfig, platform: Platform, vp_stage: int | None, z_loss: float, entropy: bool
) -> LanguageModel:
    first = parallel_state.is_pipeline_first_stage(ignore_virtual=vp_stage is None, vp_stage=vp_stage)
    last = parallel_state.is_pipeline_last_stage(ignore_virtual=vp_stage is None, vp_stage=vp_stage)
    built = LanguageModel(
        config=config,
        transformer_layer_spec=block_spec(platform.layers, config, vp_stage),
        vocab_size=model.padded_vocab_size,
        real_vocab_size=model.vocab_size,
        max_sequence_length=model.longest_sequence,
        pre_process=first,
        post_process=last,
        parallel_output=True,
        share_embeddings_and_output_weights=model.shares_embedding,
        position_embedding_type="rope",
        rotary_base=model.rope_theta,
        vp_stage=vp_stage,
        z_loss=z_loss,
        entropy=entropy,
        head=model.head,
        tied_embeddings=model.tied_embeddings,
    )
    stretch(built.rotary_pos_emb, model)
    return built

"""Is the model that a checkpoint holds the one that is about to be filled? Has it the same adapters?"""

from collections.abc import Callable, Mapping

from megatron_qm.config.lora import LoraConfig, is_adapter
from megatron_qm.config.model import ModelConfig
from megatron_qm.errors import UserError
from megatron_qm.json_types import whole_of
from megatron_qm.model.language_model import LanguageModel
from megatron_qm.model.score_head import is_score_head


def refuse_another_model(saved: Mapping[str, object], chunk: LanguageModel, place: str, *, training: bool = False) -> None:
    """Compare a manifest's `model` with a live model chunk. A language model may start a reward model, but not go on as one with
    `training`. Raises UserError naming the first key that differs."""
    head = _head_of(saved)
    if head != chunk.head and (training or chunk.head != "score"):
        raise UserError(f"{place}: holds a model whose head is {head}, this run's is {chunk.head}; "
                        "take a checkpoint of this stage, or start a new run from it")
    padded = ModelConfig(
        vocab_size=whole_of(saved, "vocab_size"), pad_vocab_to_multiple_of=whole_of(saved, "pad_vocab_to_multiple_of")
    ).padded_vocab_size
    for key, here in _shape_of(chunk).items():
        there = padded if key == "padded_vocab_size" else saved[key]
        if there != here:
            hint = " (vocab_size rounded up to pad_vocab_to_multiple_of)" if key == "padded_vocab_size" else ""
            raise UserError(
                f"{place}: holds a model with {key} = {there}, this run's model has {here}{hint}; "
                f"set model.* as it was, or take a checkpoint of this model"
            )


def fresh_beside(saved: Mapping[str, object], lora: LoraConfig | None) -> Callable[[str], bool]:
    """Which tensors a checkpoint of the model `saved`, with adapters or without, may lack: they start anew."""
    head = _head_of(saved)
    return lambda name: (lora is None and is_adapter(name)) or (head != "score" and is_score_head(name))


def refuse_other_adapters(saved: LoraConfig | None, here: LoraConfig | None, place: str, *, training: bool) -> None:
    """Compare the adapters of a checkpoint with those of a live model. A checkpoint without any may start some anew, but
    not go on with `training`. Raises UserError naming what differs."""
    if saved is None:
        if here is not None and training:
            raise UserError(
                f"{place}: holds no LoRA adapters to go on from, and this run trains some (lora.rank = {here.rank}); start a "
                f"new run from it with train.start_from={place} and train.init_model_only=true, or leave lora out"
            )
        return
    if here is None:
        raise UserError(
            f"{place}: holds LoRA adapters (lora.rank = {saved.rank}), this run's model has none; set lora as it was, or "
            f"merge them into the weights: megatron-qm export-hf, then import-hf"
        )
    for key, there in saved.shape().items():
        if there != here.shape()[key]:
            raise UserError(f"{place}: its adapters have lora.{key} = {there}, this run's {here.shape()[key]}; set it as it was")


def _head_of(saved: Mapping[str, object]) -> object:
    """Checkpoints from before there were reward models do not say."""
    return saved.get("head") or "vocabulary"


def _shape_of(chunk: LanguageModel) -> dict[str, object]:
    """What decides which tensors there are and what they mean, in ModelConfig's words, read off the model itself."""
    config = chunk.config
    return {
        "layers": config.num_layers,
        "hidden_size": config.hidden_size,
        "ffn_hidden_size": config.ffn_hidden_size,
        "heads": config.num_attention_heads,
        "kv_heads": config.num_query_groups,
        "head_dim": config.kv_channels,
        "tied_embeddings": chunk.tied_embeddings,
        "qkv_bias": config.add_qkv_bias,
        "qk_norm": config.qk_layernorm,
        "vocab_size": chunk.real_vocab_size,
        "padded_vocab_size": chunk.vocab_size,
    }

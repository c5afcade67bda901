"""Small models, as our config and as transformers builds them."""

import torch

from megatron_qm.config.model import ModelConfig


def shape(family: str, **changes) -> ModelConfig:
    values = dict(family=family, layers=4, hidden_size=48, ffn_hidden_size=80, heads=6, kv_heads=2, head_dim=12,
                  vocab_size=301, tied_embeddings=False)
    return ModelConfig(**(values | changes)).resolved()


def transformers_model(model: ModelConfig, **more) -> torch.nn.Module:
    # seconds: not in every rank
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, LlamaConfig, Qwen2Config, Qwen3Config

    config = {"qwen2": Qwen2Config, "qwen3": Qwen3Config, "llama": LlamaConfig}[model.family](
        num_hidden_layers=model.layers, hidden_size=model.hidden_size, intermediate_size=model.ffn_hidden_size,
        num_attention_heads=model.heads, num_key_value_heads=model.kv_heads, head_dim=model.head_dim,
        vocab_size=model.vocab_size, tie_word_embeddings=model.tied_embeddings, max_position_embeddings=512, **more,
        **({"num_labels": 1} if model.head == "score" else {}),
    )
    return (AutoModelForSequenceClassification if model.head == "score" else AutoModelForCausalLM).from_config(config)

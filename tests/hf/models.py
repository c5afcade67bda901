"""Small random models made by transformers itself, a tokenizer, and the files of an HF folder as plain arrays."""

import copy
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCAB = 301  # padded to 384 in the checkpoint
SHAPE: dict[str, Any] = {
    "vocab_size": VOCAB, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 256,
}
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 64}
# Short sequences are past the original length; a few channels of each head are blended.
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 8, "beta_fast": 1.0, "beta_slow": 0.25}
# name: (model_type, what differs from SHAPE)
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "qwen2": ("qwen2", {"rope_theta": 1e6, "initializer_range": 0.03}),
    "qwen2-tied": ("qwen2", {"tie_word_embeddings": True, "head_dim": 16}),
    "qwen3": ("qwen3", {"rope_theta": 1e6, "head_dim": 16}),
    "qwen3-tied": ("qwen3", {"tie_word_embeddings": True, "num_key_value_heads": 4}),
    "llama": ("llama", {"rope_theta": 500000.0, "rms_norm_eps": 1e-5, "rope_scaling": LLAMA3}),
    "qwen2-yarn": ("qwen2", {"rope_theta": 100.0, "head_dim": 16, "rope_scaling": YARN}),
    "qwen3-yarn": ("qwen3", {"rope_theta": 1e4, "head_dim": 16, "rope_scaling": YARN | {"attention_factor": 0.7}}),
    "llama-yarn": ("llama", {"rope_theta": 100.0, "head_dim": 16, "rope_scaling": YARN | {"truncate": False}}),
    "llama-tied": ("llama", {"tie_word_embeddings": True, "num_key_value_heads": 4}),
}
TEMPLATE = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|endoftext|>{% endfor %}"


def save_random_model(
    folder: Path, name: str, dtype: torch.dtype = torch.float32, *, scores: bool = False, **save: Any
) -> torch.nn.Module:
    """An HF folder with every weight drawn large enough that attention is far from uniform; returns the model. scores: a reward
    model, whose tokenizer is `save_tokenizer`'s."""
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification

    kind, more = MODELS[name]
    labels = {"num_labels": 1, "pad_token_id": 1} if scores else {}
    config = AutoConfig.for_model(kind, **copy.deepcopy(SHAPE | more), **labels)  # transformers writes into what it is given
    torch.manual_seed(sum(name.encode()))
    model = (AutoModelForSequenceClassification if scores else AutoModelForCausalLM).from_config(config)
    with torch.no_grad():
        for key, parameter in model.named_parameters():
            parameter.normal_(1.0 if "norm" in key else 0.0, 0.3)
    model.to(dtype).save_pretrained(folder, **save)
    return model


def save_tokenizer(folder: Path, **config: Any) -> None:
    """A byte-level BPE with fewer entries than VOCAB, its end token and a chat template."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<|endoftext|>", "<|pad|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(["the patient has chest pain and a fever", "患者头痛三天"] * 5, trainer)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    base = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|endoftext|>", "pad_token": "<|pad|>",
            "clean_up_tokenization_spaces": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(base | config))
    (folder / "chat_template.jinja").write_text(TEMPLATE)


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    """Every tensor of an HF folder, read by the safetensors library."""
    found: dict[str, torch.Tensor] = {}
    for file in sorted(folder.glob("*.safetensors")):
        found |= load_file(file)
    return found


def differing(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> list[str]:
    """Names of tensors that are not bit for bit the same, in dtype and shape as well."""
    bad = [name for name in a.keys() & b.keys() if a[name].dtype != b[name].dtype or not torch.equal(a[name], b[name])]
    return sorted(bad) + sorted(a.keys() ^ b.keys())

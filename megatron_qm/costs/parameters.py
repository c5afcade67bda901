"""How many parameters a model has, in all and on each rank. Plain numbers: nothing is built."""

from megatron_qm.config.lora import LoraConfig
from megatron_qm.config.model import ModelConfig
from megatron_qm.errors import UserError


def parameter_count(model: ModelConfig) -> int:
    """Parameters of the released model: real vocabulary rows, tied embeddings once (what transformers counts)."""
    rows = model.vocab_size + (0 if model.shares_embedding else model.output_rows)
    return model.layers * layer_parameters(model) + rows * model.hidden_size + model.hidden_size


def parameters_per_rank(model: ModelConfig, tp: int = 1, pp: int = 1, stage: int = 0) -> int:
    """Parameters that one rank of pipeline stage `stage` (from 0) holds, padded vocabulary rows included.

    The first stage holds the embedding; the last one the final norm and the output layer, which with tied embeddings
    is a copy of the embedding wherever the two stages differ, and of a reward model one row that every rank has.
    Interleaving (VPP) moves layers, not counts.
    Raises UserError where the layout does not divide the model.
    """
    _require_division(model, tp, pp)
    if not 0 <= stage < pp:
        raise UserError(f"stage = {stage}: the pipeline has stages 0 to {pp - 1}")
    table = model.padded_vocab_size // tp * model.hidden_size
    first, last = stage == 0, stage == pp - 1
    total = model.layers // pp * layer_parameters(model, tp)
    if first:
        total += table
    if last:
        total += model.hidden_size
        total += 0 if model.shares_embedding and first else _output(model, table)
    return total


def _output(model: ModelConfig, table: int) -> int:
    return model.hidden_size if model.head == "score" else table


def layer_parameters(model: ModelConfig, tp: int = 1) -> int:
    """Parameters of one transformer layer on one of `tp` ranks: matrices and the QKV bias are split, norms are not."""
    query, key = model.heads * model.head_dim, model.kv_heads * model.head_dim
    split = linear_parameters(model)
    if model.qkv_bias:
        split += query + 2 * key
    whole = 2 * model.hidden_size + (2 * model.head_dim if model.qk_norm else 0)
    return split // tp + whole


def linear_parameters(model: ModelConfig) -> int:
    """Entries of a layer's weight matrices: QKV, attention output, and the three of SwiGLU."""
    query, key = model.heads * model.head_dim, model.kv_heads * model.head_dim
    attention = model.hidden_size * (query + 2 * key) + query * model.hidden_size
    return attention + 3 * model.hidden_size * model.ffn_hidden_size


def adapter_parameters(model: ModelConfig, lora: LoraConfig, tp: int = 1) -> int:
    """Parameters of the adapters of one layer on one of `tp` ranks: of A and B the side of the split is split."""
    attention, ffn, hidden = model.heads * model.head_dim, model.ffn_hidden_size, model.hidden_size
    whole_and_split = {  # (width that every rank holds, width that is cut)
        "qkv": (hidden, attention + 2 * model.kv_heads * model.head_dim), "proj": (hidden, attention),
        "fc1": (hidden, 2 * ffn), "fc2": (hidden, ffn),
    }
    return sum(lora.rank * (whole + split // tp) for whole, split in (whole_and_split[target] for target in lora.targets))


def _require_division(model: ModelConfig, tp: int, pp: int) -> None:
    split = {
        "model.heads": model.heads,
        "model.kv_heads": model.kv_heads,  # Megatron could copy KV heads to more ranks; config/rules.py refuses it
        "model.ffn_hidden_size": model.ffn_hidden_size,
        "the padded vocabulary": model.padded_vocab_size,
    }
    for key, value in split.items():
        if value % tp:
            raise UserError(f"parallel.tp = {tp} does not divide {key} = {value}")
    if model.layers % pp:
        raise UserError(f"parallel.pp = {pp} does not divide model.layers = {model.layers}")

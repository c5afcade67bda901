"""Megatron's GPTModel with the loss that we train on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from megatron.core.distributed import DistributedDataParallel
from megatron.core.models.gpt.gpt_model import GPTModel
from megatron.core.packed_seq_params import PackedSeqParams
from megatron.core.tensor_parallel import vocab_parallel_cross_entropy
from torch import Tensor, nn

from megatron_qm.config.lora import LoraConfig
from megatron_qm.config.model import Head
from megatron_qm.model.branches import turned
from megatron_qm.model.score_head import ScoreHead
from megatron_qm.model.z_loss import vocab_parallel_entropy, vocab_parallel_logsumexp


class LanguageModel(GPTModel):
    """GPTModel whose padded vocabulary rows take no probability, so that its loss is the released model's; or, with the head
    "score", a reward model, which gives a score of each token in the place of the loss."""

    lora: LoraConfig | None = None  # of its adapters (model/lora.py)
    output_layer: Any  # Megatron's, or a ScoreHead
    post_process: bool  # whether this chunk has it
    temperature = 1.0  # of the distribution whose loss is taken (`tempered`)

    def __init__(
        self, *args: object, real_vocab_size: int, z_loss: float = 0.0, entropy: bool = False, head: Head = "vocabulary",
        tied_embeddings: bool = False, **kwargs: object,
    ) -> None:
        """tied_embeddings: of the language model that this is, or that a reward model was."""
        super().__init__(*args, **kwargs)
        self.real_vocab_size = real_vocab_size
        self.z_loss, self.entropy, self.head, self.tied_embeddings = z_loss, entropy, head, tied_embeddings
        if head == "score" and self.post_process:
            self.output_layer = ScoreHead(self.config)

    def forward(self, *args: object, packed_seq_params: PackedSeqParams | None = None, **kwargs: object) -> Tensor:
        with turned(self.rotary_pos_emb, packed_seq_params):
            output: Tensor = super().forward(*args, packed_seq_params=packed_seq_params, **kwargs)
        return output

    def compute_language_model_loss(self, labels: Tensor, logits: Tensor) -> Tensor:
        """Of a reward model its scores, [b, s]. Else cross entropy per token, [b, s], from labels [b, s] and this TP rank's
        logits [s, b, v].

        With a z-loss weight w, training gets [2, b, s]: cross entropy, and w * logsumexp(logits)^2 (PaLM, section 5); with
        `entropy` a third row, the entropy of the prediction in nats, which carries no gradient. All are of
        softmax(logits / temperature).
        """
        if self.head == "score":
            return logits.squeeze(-1).transpose(0, 1).contiguous()
        logits_sbv = self._without_padding(self._at_temperature(logits))
        if not (self.training and (self.z_loss or self.entropy)):
            return self._cross_entropy(labels, logits_sbv)
        # Megatron's cross entropy works in place on logits in FP32.
        loss_bs = self._cross_entropy(labels, logits_sbv.clone() if logits_sbv.dtype == torch.float32 else logits_sbv)
        lse_sb = vocab_parallel_logsumexp(logits_sbv.float(), self.pg_collection.tp)
        rows = [loss_bs, self.z_loss * lse_sb.square().transpose(0, 1)]
        if self.entropy:
            entropy_sb = vocab_parallel_entropy(logits_sbv.detach().float(), lse_sb.detach(), self.pg_collection.tp)
            rows.append(entropy_sb.transpose(0, 1))
        return torch.stack(rows)

    def sharded_state_dict(self, *args: object, **kwargs: object) -> dict[str, object]:
        """Megatron looks on the last stage for an output layer whose rows are the vocabulary's; a score head has none."""
        last = self.post_process
        self.post_process = last and self.head == "vocabulary"
        try:
            state: dict[str, object] = super().sharded_state_dict(*args, **kwargs)
        finally:
            self.post_process = last
        return state

    def _cross_entropy(self, labels: Tensor, logits_sbv: Tensor) -> Tensor:
        loss_bs: Tensor
        if self.config.cross_entropy_loss_fusion:
            loss_bs = super().compute_language_model_loss(labels, logits_sbv)
        else:
            loss_bs = vocab_parallel_cross_entropy(logits_sbv, labels.transpose(0, 1).contiguous()).transpose(0, 1)
        return loss_bs

    def _at_temperature(self, logits_sbv: Tensor) -> Tensor:
        """In FP32, as the engine divides them: the cross entropy would make that copy anyway."""
        return logits_sbv if self.temperature == 1 else logits_sbv.float().div_(self.temperature)

    def _without_padding(self, logits_sbv: Tensor) -> Tensor:
        padding = self.vocab_size - self.real_vocab_size
        if not padding:
            return logits_sbv
        local = logits_sbv.shape[-1]
        first_row = self.pg_collection.tp.rank() * local
        real = min(max(self.real_vocab_size - first_row, 0), local)
        if real < local:
            logits_sbv[..., real:] = torch.finfo(logits_sbv.dtype).min
        return logits_sbv


def unwrap(model: Sequence[nn.Module]) -> list[LanguageModel]:
    """A rank's chunks, each wrapped in Megatron's DDP or not, without it."""
    bare = (chunk.module if isinstance(chunk, DistributedDataParallel) else chunk for chunk in model)
    return [cast(LanguageModel, chunk) for chunk in bare]  # to torch, what DDP wraps is any module


@contextmanager
def tempered(model: Sequence[nn.Module], temperature: float) -> Iterator[None]:
    """While it lasts, loss and entropy of a rank's chunks are of the distribution that is sampled from at `temperature`."""
    chunks = unwrap(model)
    for chunk in chunks:
        chunk.temperature = temperature
    try:
        yield
    finally:
        for chunk in chunks:
            chunk.temperature = 1.0

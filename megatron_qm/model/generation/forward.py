"""One step of the training model's own modules over packed tokens, across tensor and pipeline parallel ranks.

GPTModel.forward counts positions from 0 along the sequence axis; here each token brings its own, so the parts that it is
made of are called one after the other: embedding, layers, output weights.

Axes: t tokens of a step (all sequences, one after the other), T tokens of this rank (fewer under sequence parallelism),
h hidden, r rows whose logits are wanted, v vocabulary.
"""

from collections.abc import Sequence
from contextlib import nullcontext

import torch
import torch.distributed as dist
import torch.nn.functional as F
from megatron.core import parallel_state
from megatron.core.tensor_parallel import gather_from_sequence_parallel_region
from torch import Tensor

from megatron_qm.model.generation.lean import lean_layers
from megatron_qm.model.language_model import LanguageModel

_FP8_TOKENS = 16  # cuBLAS wants this multiple in each dimension of an FP8 product


class PackedForward:
    """Runs `chunks` (this rank's, unwrapped) and gives the last pipeline stage's ranks logits.

    positions: how many the longest sequence can have.
    """

    def __init__(self, chunks: Sequence[LanguageModel], positions: int) -> None:
        self._chunks = chunks
        self._config = chunks[0].config
        self._device = next(chunks[0].parameters()).device
        # `packed_seq` says that the frequencies of all positions are wanted, whatever the context parallel rank
        self._rope_S11d = chunks[0].rotary_pos_emb(positions, packed_seq=True)
        tp = parallel_state.get_tensor_model_parallel_world_size()
        self._sequence_parallel = self._config.sequence_parallel and tp > 1
        self._tp = tp if self._sequence_parallel else 1
        self._multiple = max(self._tp, _FP8_TOKENS * self._tp if self._config.fp8 else 1)
        self._lean = [lean_layers(chunk) for chunk in chunks]
        self._stages: int = parallel_state.get_pipeline_model_parallel_world_size()
        self._stage: int = parallel_state.get_pipeline_model_parallel_rank()

    @property
    def is_last_stage(self) -> bool:
        return self._stage == self._stages - 1

    def __call__(self, tokens: Sequence[int], positions: Sequence[int], rows: Sequence[int]) -> Tensor | None:
        """Logits [r, v] of the tokens at `rows`, v the real vocabulary, on the last stage; None on the others."""
        # Without modules of Megatron's there is nothing for the CPU's shim to catch, and it costs a call per operation.
        with torch._C.DisableTorchFunction() if all(self._lean) else nullcontext():
            return self._step(tokens, positions, rows)

    def _step(self, tokens: Sequence[int], positions: Sequence[int], rows: Sequence[int]) -> Tensor | None:
        filler = [0] * (-len(tokens) % self._multiple)
        token_1t = torch.tensor([[*tokens, *filler]], device=self._device)
        position_1t = torch.tensor([[*positions, *filler]], device=self._device)
        rope_t11d = self._rope_S11d[position_1t[0]]
        hidden_T1h = torch.empty(0)  # the first stage begins with the tokens
        for index, chunk in enumerate(self._chunks):
            if index or self._stage:
                hidden_T1h = self._receive(hidden_T1h, token_1t.shape[1] // self._tp)
            hidden_T1h = self._run(chunk, hidden_T1h, token_1t, position_1t, rope_t11d)
            if index < len(self._chunks) - 1 or not self.is_last_stage:
                self._send(hidden_T1h)
        return self._logits(self._chunks[-1], hidden_T1h, rows) if self.is_last_stage else None

    def _run(
        self, chunk: LanguageModel, hidden_T1h: Tensor, token_1t: Tensor, position_1t: Tensor, rope_t11d: Tensor
    ) -> Tensor:
        if chunk.pre_process:
            hidden_T1h = chunk.embedding(input_ids=token_1t, position_ids=position_1t)
        lean = self._lean[self._chunks.index(chunk)]
        if lean is not None:
            return lean(hidden_T1h, rope_t11d)
        if not chunk.pre_process:
            chunk.set_input_tensor(hidden_T1h)
        hidden_T1h = chunk.decoder(hidden_states=hidden_T1h, attention_mask=None, rotary_pos_emb=rope_t11d)
        if not chunk.pre_process:
            chunk.set_input_tensor(None)
        return hidden_T1h

    def _logits(self, chunk: LanguageModel, hidden_T1h: Tensor, rows: Sequence[int]) -> Tensor:
        """Only of the wanted rows: a prompt's other tokens need none, and the vocabulary is wide."""
        if self._sequence_parallel:
            hidden_T1h = gather_from_sequence_parallel_region(hidden_T1h)
        hidden_rh = hidden_T1h[torch.tensor(rows, device=self._device), 0]
        tied = chunk.share_embeddings_and_output_weights
        weight_vh = chunk.shared_embedding_or_output_weight() if tied else chunk.output_layer.weight
        logits_rv = F.linear(hidden_rh.to(weight_vh.dtype), weight_vh)
        group = parallel_state.get_tensor_model_parallel_group()
        if group.size() > 1:
            pieces = [torch.empty_like(logits_rv) for _ in range(group.size())]
            dist.all_gather(pieces, logits_rv.contiguous(), group=group)
            logits_rv = torch.cat(pieces, dim=1)
        return logits_rv[:, : chunk.real_vocab_size]

    def _receive(self, hidden_T1h: Tensor, tokens: int) -> Tensor:
        """From the stage before; the first stage's later chunks (virtual stages) get the last stage's output."""
        if self._stages == 1:
            return hidden_T1h
        shape = (tokens, 1, self._config.hidden_size)
        received = torch.empty(shape, dtype=self._config.pipeline_dtype or self._config.params_dtype, device=self._device)
        dist.recv(received, parallel_state.get_pipeline_model_parallel_prev_rank())
        return received

    def _send(self, hidden_T1h: Tensor) -> None:
        if self._stages > 1:
            dist.send(hidden_T1h.contiguous(), parallel_state.get_pipeline_model_parallel_next_rank())

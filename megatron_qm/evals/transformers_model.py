"""A Hugging Face folder as transformers runs it: greedy responses and log-probabilities, with nothing of ours in between."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from megatron_qm.errors import UserError
from megatron_qm.evals.limits import Limits


def limits_of(folder: Path) -> Limits:
    """Of a folder's model, which is not loaded. Raises UserError for a folder that transformers cannot read."""
    from transformers import AutoConfig

    try:
        config: Any = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False).get_text_config()
    except Exception as error:  # transformers raises many kinds for a folder that is not one
        raise UserError(f"{folder}: transformers cannot load it: {first_line(error)}") from None
    return Limits(getattr(config, "max_position_embeddings", None), config.vocab_size)


def first_line(error: Exception) -> str:
    return (str(error).strip() or repr(error)).splitlines()[0]


class TransformersModel:
    """dtype: "fp32" or "bf16". Raises UserError for a folder that transformers cannot load."""

    def __init__(self, folder: Path, dtype: str, device: str, batch: int = 32) -> None:
        from transformers import AutoModelForCausalLM

        from megatron_qm.hf.transformers_side import quiet

        kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
        try:
            with quiet():
                model: Any = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except Exception as error:  # transformers raises many kinds for a folder that is not one
            raise UserError(f"{folder}: transformers cannot load it: {first_line(error)}") from None
        self._model = model.to(device=device, dtype=kind).eval()
        self._device, self._batch = device, batch

    @torch.no_grad()
    def answers(
        self, prompts: Sequence[tuple[int, ...]], stops: tuple[int, ...], max_new_tokens: int
    ) -> list[tuple[int, ...]]:
        """Greedy responses, ending with a stop token where one came. Prompts of one length run together: padding, which
        would move the last bits of a number, is not needed."""
        found: list[tuple[int, ...]] = [()] * len(prompts)
        for some in self._batches(prompts):
            ids_bs = torch.tensor([prompts[n] for n in some], device=self._device)
            out_bs = self._model.generate(
                ids_bs, attention_mask=torch.ones_like(ids_bs), do_sample=False, num_beams=1, max_new_tokens=max_new_tokens,
                eos_token_id=list(stops) or None, pad_token_id=stops[0] if stops else 0, repetition_penalty=1.0,
                temperature=None, top_p=None, top_k=None,
            )
            for n, row in zip(some, out_bs[:, ids_bs.shape[1] :].tolist(), strict=True):
                found[n] = _until_stop(row, stops)
        return found

    @torch.no_grad()
    def score(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[float]:
        """Sum of log p(continuation token | all before it), in nats, for each (prompt ids, continuation ids)."""
        scores = [0.0] * len(pairs)
        for some in self._batches([(*prompt, *rest) for prompt, rest in pairs]):
            ids_bs = torch.tensor([[*pairs[n][0], *pairs[n][1]] for n in some], device=self._device)
            logp_bsv = self._model(ids_bs[:, :-1]).logits.float().log_softmax(-1)
            logp_bs = logp_bsv.gather(-1, ids_bs[:, 1:, None])[..., 0].double()
            for row, n in enumerate(some):
                scores[n] = float(logp_bs[row, len(pairs[n][0]) - 1 :].sum())
        return scores

    def _batches(self, rows: Sequence[Sequence[int]]) -> list[list[int]]:
        """Indices of rows of one length, at most `batch` together."""
        by_length: dict[int, list[int]] = defaultdict(list)
        for number, row in enumerate(rows):
            by_length[len(row)].append(number)
        return [same[at : at + self._batch] for same in by_length.values() for at in range(0, len(same), self._batch)]


def _until_stop(row: list[int], stops: tuple[int, ...]) -> tuple[int, ...]:
    end = next((at for at, token in enumerate(row) if token in stops), len(row) - 1)
    return tuple(row[: end + 1])

"""Probes on a Megatron model in training, at any layout."""

from collections.abc import Sequence
from pathlib import Path

from torch import nn

from megatron_qm.errors import UserError
from megatron_qm.evals.probes import Encoder, ProbeScore, read_probes, score_probes
from megatron_qm.train.score import score_continuations


class ProbeRun:
    """Reads the probes and the tokenizer once; `__call__` scores a model, the same on every rank."""

    def __init__(self, probes: str, tokenizer: str | None) -> None:
        if tokenizer is None:
            raise UserError("observe.probes needs data.tokenizer: the folder that the datasets were tokenised with")
        self._probes = read_probes(Path(probes))
        self._encode = _encoder(Path(tokenizer))

    def __call__(self, model: Sequence[nn.Module]) -> list[ProbeScore]:
        return score_probes(self._probes, self._encode, lambda pairs: score_continuations(model, pairs))


def _encoder(folder: Path) -> Encoder:
    from tokenizers import Tokenizer

    path = folder / "tokenizer.json" if folder.is_dir() else folder
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises a bare Exception for a missing or broken file
        raise UserError(f"{path}: cannot load this tokenizer: {error}") from None
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids

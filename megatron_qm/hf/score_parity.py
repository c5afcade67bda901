"""Does the released reward model give the scores of the Megatron model? At every token, and as transformers reads the score of a
conversation: alone, and in a batch that is padded on either side.

As in parity.py both compute in FP32 on this machine's CPU, one after the other, from the very files.

Axes: n conversations, b of them in a batch, s tokens.
"""

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from megatron_qm.hf.errors import GateError
from megatron_qm.hf.opened import Opened
from megatron_qm.hf.parity import Trace, difference, first_different_module, megatron_traces, trace_of
from megatron_qm.hf.transformers_side import load_scorer, load_tokenizer, padded

SCORE_TOLERANCE = 1e-4  # of a score, or, where scores are larger than 1, of the largest
SIDES = ("right", "left")


@dataclass(frozen=True)
class ScoreParity:
    """Differences are the largest. tokens: of the scores of all `count` tokens of all conversations. alone, right, left: of the
    conversations' scores as transformers reads them, by itself or padded on a side. rounding: what the release's dtype costs a
    conversation's score."""

    conversations: int
    count: int
    largest_score: float
    tokens: float
    alone: float
    right: float
    left: float
    rounding: float | None

    @property
    def allowed(self) -> float:
        return SCORE_TOLERANCE * max(1.0, self.largest_score)


def compare_scores(opened: Opened, release: Path, conversations: Sequence[Sequence[int]], dtype: torch.dtype) -> ScoreParity:
    """Raises GateError naming the first module that differs, or the side of the padding on which scores do."""
    exact, reference = megatron_traces(opened, conversations, dtype)
    released, read = _released(release, conversations)
    gc.collect()
    ends_n = _ends(reference)
    apart = {name: _gap(score_n, ends_n) for name, score_n in read.items()}
    found = ScoreParity(
        len(conversations), sum(map(len, conversations)), float(torch.cat(reference.logits_sv).abs().max()),
        difference(reference.logits_sv, released.logits_sv).largest, apart["alone"], apart["right"], apart["left"],
        _gap(_ends(exact), ends_n) if exact is not reference else None,
    )
    _refuse_others(found, first_different_module(reference, released), apart)
    return found


def describe_scores(found: ScoreParity) -> str:
    text = (
        f"{found.conversations} conversations of {found.count:,} tokens: scores, up to {found.largest_score:.3g}, differ by at "
        f"most {found.tokens:.1e} at any token, {found.alone:.1e} where a conversation is read alone, {found.right:.1e} padded "
        f"on the right and {found.left:.1e} on the left (allowed {found.allowed:.1e})"
    )
    return text if found.rounding is None else text + f"; rounding to BF16 itself costs a score up to {found.rounding:.1e}"


def _refuse_others(found: ScoreParity, where: str | None, apart: dict[str, float]) -> None:
    if not found.tokens <= found.allowed or where is not None:
        raise GateError(
            f"the release computes something else than the Megatron model, first in {where or 'score'}: scores differ by up to "
            f"{found.tokens:.3g} (of scores up to {found.largest_score:.3g}; allowed {found.allowed:.2g})"
        )
    for name, gap in apart.items():
        if not gap <= found.allowed:
            how = "alone" if name == "alone" else f"padded on the {name}"
            raise GateError(f"transformers gives a conversation that is read {how} another score than its last token's: they "
                            f"differ by up to {gap:.3g} (allowed {found.allowed:.2g})")


@torch.no_grad()
def _released(release: Path, conversations: Sequence[Sequence[int]]) -> tuple[Trace, dict[str, Tensor]]:
    """(scores of all tokens, {how conversations are read: their scores [n]})."""
    model, tokenizer = load_scorer(release), load_tokenizer(release)
    body, head = model.get_submodule("model"), model.get_submodule("score")
    trace = trace_of(model, conversations, lambda ids_bs: head(body(input_ids=ids_bs).last_hidden_state))
    alone = [model(input_ids=torch.tensor([list(ids)])).logits[:, 0] for ids in conversations]
    read = {"alone": torch.cat(alone)}
    read |= {side: model(**padded(tokenizer, conversations, side)).logits[:, 0] for side in SIDES}
    return trace, read


def _ends(trace: Trace) -> Tensor:
    """The score of each conversation [n]: of its last token."""
    return torch.stack([score_s1[-1, 0] for score_s1 in trace.logits_sv])


def _gap(one_n: Tensor, other_n: Tensor) -> float:
    return float((one_n.float() - other_n.float()).abs().nan_to_num(float("inf")).max())  # NaN is no agreement

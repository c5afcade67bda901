"""Comparisons as documents of a dataset (data/responses.py): rendered, put together, packed and written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from megatron_qm.align.preferences.comparisons import Comparison, parse, refuse_equals
from megatron_qm.align.preferences.nemo_aligner import Half, half, in_twos, is_half
from megatron_qm.align.sft.conversations import Conversation, UnusableError
from megatron_qm.align.sft.formats import Ignore
from megatron_qm.align.sft.reading import Rejected, read_lines
from megatron_qm.align.sft.rendering import Rendered, Renderer
from megatron_qm.align.sft.samples import Sample, refuse_foreign
from megatron_qm.align.sft.writing import Kind, RowWriter
from megatron_qm.config.groups import GroupConfig, GroupsRun
from megatron_qm.config.preferences import PreferencesConfig
from megatron_qm.data.responses import BRANCH, ENDS, REFERENCE, VALUES


@dataclass(frozen=True)
class ComparedSample(Sample):
    """branch: uint8 [s], of each token which response it is of, 0 for the shared prompt. values: of each response."""

    branch: np.ndarray
    values: Sequence[float]


def samples_of(
    group: GroupConfig, paths: Sequence[str], renderer: Renderer, config: GroupsRun
) -> Iterator[Sample | Rejected]:
    """Of every line that is not blank, in order. Raises UserError for a tokenizer that is not the model's."""
    for path in paths:
        for found in in_twos(read_lines(Path(path), frozenset(group.ignore), _parsed)):
            yield found if isinstance(found, Rejected) else _sample(_compared(found), renderer, config)


def _parsed(sample: object, path: str, line: int, ignore: Ignore) -> Comparison | Half:
    return half(sample, path, line, ignore) if is_half(sample) else parse(sample, path, line, ignore)


def _compared(found: Comparison | tuple[Half, Half]) -> Comparison:
    """Of two consecutive lines the first is the better."""
    if isinstance(found, Comparison):
        return found
    return Comparison([Conversation(tuple(one.messages), one.path, one.line, (), "nemo-aligner") for one in found], [1.0, 0.0])


def _sample(comparison: Comparison, renderer: Renderer, config: GroupsRun) -> Sample | Rejected:
    first, length = comparison.conversations[0], config.data.sequence_length
    assert isinstance(config.groups, PreferencesConfig)
    try:
        if config.groups.needs_scores and first.format != "scored":
            raise UnusableError("no scores to learn",
                                f"a sample of format {first.format} says which is better, not what each is worth")
        rendered = [renderer.render(conversation) for conversation in comparison.conversations]
        refuse_equals([tuple(one.ids.tolist()) for one in rendered])
        whole, branch = together(rendered, share=config.groups.share_prompt)
        if len(whole) > length:
            raise UnusableError("too long", f"its prompt and responses have {len(whole)} tokens together, more than {length}")
    except UnusableError as error:
        return Rejected(first.path, first.line, error.kind, str(error))
    origin = f"{first.path}:{first.line}"
    refuse_foreign(whole, origin, config)
    return ComparedSample(whole, origin, first.format, branch, comparison.values)


def together(rendered: Sequence[Rendered], *, share: bool) -> tuple[Rendered, np.ndarray]:
    """The renderings of one prompt with several responses as one document, and the response that each token is of. share: what
    comes before the prompt's last token stands once. Raises UnusableError where the prompts differ."""
    prompts = [int(np.argmax(one.learn)) for one in rendered]
    prompt = rendered[0].ids[: prompts[0]]
    if any(at != prompts[0] or (one.ids[:at] != prompt).any() for at, one in zip(prompts, rendered, strict=True)):
        raise UnusableError("the chat template renders the prompt otherwise for another response", "")
    if len(rendered) > _MOST:
        raise UnusableError("too many responses", f"{len(rendered)}, more than {_MOST}")
    shared = max(prompts[0] - 1, 0) if share else 0
    ids = [rendered[0].ids[:shared], *(one.ids[shared:] for one in rendered)]
    learn = [np.zeros(shared, bool), *(one.learn[shared:] for one in rendered)]
    branch = np.repeat(np.arange(len(ids), dtype=np.uint8), [len(part) for part in ids])
    return Rendered(np.concatenate(ids), np.concatenate(learn), frozenset().union(*(one.notes for one in rendered))), branch


_MOST = 255  # responses of a document


class ComparedWriter(RowWriter):
    """Beside the tokens, what data/responses.py reads."""

    read: ClassVar[tuple[str, ...]] = (*RowWriter.read, BRANCH, ENDS, VALUES)
    follows: ClassVar[tuple[str, ...]] = (f"{REFERENCE}.json", REFERENCE)

    def __init__(self, prefix: Path, dtype: np.dtype, stack: ExitStack) -> None:
        super().__init__(prefix, dtype, stack)
        self._written = 0

    def row(self, samples: Sequence[Sample], length: int) -> None:
        super().row(samples, length)
        branch, at = np.zeros(length, np.uint8), 0
        for sample in samples:
            assert isinstance(sample, ComparedSample)
            branch[at : at + len(sample)] = sample.branch
            self._files[ENDS].write((self._written + at + _ends(sample.branch)).astype("<i8").tobytes())
            self._files[VALUES].write(np.array(sample.values, "<f4").tobytes())
            at += len(sample)
        self._files[BRANCH].write(branch.tobytes())
        self._written += length


def _ends(branch_s: np.ndarray) -> np.ndarray:
    """Of a document: each response's last token."""
    return np.flatnonzero(np.append(branch_s[1:] != branch_s[:-1], True) & (branch_s > 0))


COMPARISONS = Kind(samples_of, ComparedWriter)

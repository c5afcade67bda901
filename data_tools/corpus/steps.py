"""Blocks of lines through steps one after another: what each worker does with each block."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from data_tools.corpus.counts import StepCounts
from data_tools.corpus.document import Document, Dropped, Step, through
from data_tools.corpus.reading import ReadAs, line_of, read_block
from data_tools.corpus.samples import Sample, chosen, sample
from data_tools.sources.blocks import Block, Position, Reject
from data_tools.sources.parse import BadLine
from megatron_qm.errors import UserError

READ = "read"
NOTHING_LEFT = Dropped("nothing left", "the step took away the whole text")


@dataclass(frozen=True)
class StepOf:
    """A step by what makes it, so that each worker can make its own."""

    name: str
    maker: Callable[[Any], Step]
    config: object


class Outcome(NamedTuple):
    """What became of a block: JSON lines of the documents that were kept, lines rejected, and for `read` and each step counts
    and samples."""

    input: int
    end: Position
    consumed: int
    data: bytes
    rejects: list[Reject]
    counts: list[StepCounts]
    samples: list[list[Sample]]


class _Held(NamedTuple):
    line: int
    size: int  # bytes of its text
    document: Document


@dataclass
class Pass:
    """Blocks of `inputs` through `steps`; called with a block. Goes to other processes without what it has made."""

    inputs: Sequence[ReadAs]
    steps: Sequence[StepOf]
    limit: int  # bytes of the longest line
    seed: int = 0
    _made: list[Step] = field(default_factory=list)

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_made": []}

    def __call__(self, block: Block) -> Outcome:
        """Raises UserError where a step cannot be made, or fails."""
        self._made = self._made or [step.maker(step.config) for step in self.steps]
        read_as = self.inputs[block.input]
        held, rejects, read = self._read(block, read_as)
        counts, samples = [read], [list[Sample]()]
        for named, step in zip(self.steps, self._made, strict=True):
            held, of_step, dropped = self._through(named.name, step, held, block.input)
            counts.append(of_step)
            samples.append(chosen(dropped))
        data = b"".join(self._written(document, line, block.input) for line, _, document in held)
        return Outcome(block.input, block.end, block.consumed, data, rejects, counts, samples)

    def _read(self, block: Block, read_as: ReadAs) -> tuple[list[_Held], list[Reject], StepCounts]:
        began = time.process_time()
        documents, lines, rejects = read_block(block, read_as, self.limit)
        held = []
        for document, line in zip(documents, lines, strict=True):
            try:
                line_of(Document("", document.known), read_as.output_key)
            except BadLine as error:
                rejects.append(Reject(line, *error.args))
            else:
                held.append(_Held(line, len(document.text.encode()), document))
        counts = StepCounts(documents=len(held) + len(rejects), kept=len(held), bytes=sum(item.size for item in held))
        counts.kept_bytes = counts.bytes
        counts.rejected.update(reject.reason for reject in rejects)
        counts.seconds = time.process_time() - began
        return held, rejects, counts

    def _through(
        self, name: str, step: Step, held: list[_Held], number: int
    ) -> tuple[list[_Held], StepCounts, list[Sample]]:
        """Of the documents `held` those that the step keeps."""
        counts = StepCounts(documents=len(held), bytes=sum(item.size for item in held))
        kept, dropped = [], []
        began = time.process_time()
        texts = [item.document.text for item in held]
        results = through(step, [item.document for item in held])
        for item, text in zip(held, texts, strict=True):
            try:
                after = next(results)
            except UserError:
                raise
            except Exception as error:  # whatever a step raises, the user hears on which document
                place = self._place(number, item.line)
                raise UserError(f"{place}: {name} failed on this document: {_in_words(error)}") from error
            if isinstance(after, Document) and after.text:
                kept.append(_kept(item, text, after, counts))
            else:
                why = NOTHING_LEFT if isinstance(after, Document) else after
                counts.drop(why.reason, item.size)
                dropped.append(sample(self.seed, number, item.line, item.document, text, why))
        counts.kept = len(kept)
        counts.kept_bytes = sum([item.size for item in kept])
        counts.seconds = time.process_time() - began
        return kept, counts, dropped

    def _written(self, document: Document, line: int, number: int) -> bytes:
        """Raises UserError: what was read could be written, so a step has put something there that cannot."""
        try:
            return line_of(document, self.inputs[number].output_key)
        except BadLine as error:
            said = ": ".join(error.args)
            raise UserError(f"{self._place(number, line)}: a step made what no JSON line can hold: {said}") from None

    def _place(self, number: int, line: int) -> str:
        return f"{self.inputs[number].input.path}:{line + 1}"


def _kept(item: _Held, before: str, after: Document, counts: StepCounts) -> _Held:
    """before: its text then; counts: get the change."""
    changed = after.text is not before and after.text != before
    if not changed and after is item.document:
        return item
    size = len(after.text.encode()) if changed else item.size
    if changed:
        counts.change(item.size, size)
    return _Held(item.line, size, after)


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:300]}"

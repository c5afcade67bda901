"""What a stage of build_corpus.py is: a step over single documents, or work on files over a whole corpus."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from data_tools.corpus.counts import StepCounts
from data_tools.corpus.document import Step
from data_tools.corpus.rows import Corpus, corpus_of
from data_tools.stopping import StopRequest
from megatron_qm.json_types import JsonObject

LONGEST_INSIDE = 1 << 30  # a line that one stage wrote the next one reads


@dataclass(frozen=True)
class WholeWork:
    """What a stage over a whole corpus is asked: JSON lines of `inputs` to `output`, which is compressed as its name says.

    folder: its own, to work in; what it finds there is of an earlier run of the same work that did not end. seed: of samples.
    """

    inputs: Sequence[Path]
    output: Path
    folder: Path
    workers: int
    stop: StopRequest
    seed: int = 0

    def corpus(self) -> Corpus:
        """The inputs, reading which ends where a stop is requested."""
        stopped = partial(self.stop.check, "stopped; the same command begins this stage again")
        return corpus_of([str(path) for path in self.inputs], LONGEST_INSIDE, stopped)


@dataclass(frozen=True)
class WholeResult:
    """counts: what came in is what was kept and what was dropped; CPU seconds are measured by who asks. samples: as in a report
    (data_tools/corpus/report.py)."""

    counts: StepCounts
    samples: Sequence[JsonObject] = ()
    more: JsonObject = field(default_factory=dict)  # for the report


@dataclass(frozen=True)
class Stage:
    """Of one of two kinds: `maker` makes a step over single documents from the config, `whole` reads and writes files. ready:
    raises UserError for what the latter needs and does not find, before any work."""

    name: str
    config: type
    maker: Callable[[Any], Step] | None = None
    whole: Callable[[Any, WholeWork], WholeResult] | None = None
    ready: Callable[[Any], None] | None = None

    def check(self, config: Any) -> None:
        """Raises UserError where the stage cannot work: a library or a file is missing, or is not what is meant."""
        if self.maker:
            self.maker(config)
        if self.ready:
            self.ready(config)

"""The stages that a corpus.yaml may name. A new one is an entry in STAGES."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_tools.corpus.cleaning.cleaner import CleanConfig, cleaner
from data_tools.corpus.cleaning.language import LanguageConfig, language
from data_tools.corpus.cleaning.quality import QualityConfig, quality
from data_tools.corpus.counts import StepCounts
from data_tools.corpus.document import Step
from data_tools.corpus.grading.grader import GradeConfig, grader
from data_tools.corpus.phi.deidentifying import PhiConfig, deidentifier
from data_tools.stopping import StopRequest
from megatron_qm.json_types import JsonObject


@dataclass(frozen=True)
class WholeWork:
    """What a stage over a whole corpus is asked: JSON lines of `inputs` to `output`, which is compressed as its name says.

    folder: its own, to work in; what it finds there is of an earlier run of the same work that did not end.
    """

    inputs: Sequence[Path]
    output: Path
    folder: Path
    workers: int
    stop: StopRequest


@dataclass(frozen=True)
class WholeResult:
    """counts: what came in is what was kept and what was dropped. samples: as in a report (data_tools/corpus/report.py)."""

    counts: StepCounts
    samples: Sequence[JsonObject] = ()
    more: JsonObject = field(default_factory=dict)  # for the report


@dataclass(frozen=True)
class Stage:
    """Of one of two kinds: `maker` makes a step over single documents from the config, `whole` reads and writes files."""

    name: str
    config: type
    maker: Callable[[Any], Step] | None = None
    whole: Callable[[Any, WholeWork], WholeResult] | None = None


STAGES: Sequence[Stage] = (
    Stage("clean", CleanConfig, maker=cleaner),
    Stage("language", LanguageConfig, maker=language),
    Stage("quality", QualityConfig, maker=quality),
    Stage("deidentify", PhiConfig, maker=deidentifier),
    Stage("grade", GradeConfig, maker=grader),
)

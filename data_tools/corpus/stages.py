"""The stages that a corpus.yaml may name. A new one is an entry in STAGES."""

from collections.abc import Sequence

from data_tools.corpus.cleaning.cleaner import CleanConfig, cleaner
from data_tools.corpus.cleaning.language import LanguageConfig, language
from data_tools.corpus.cleaning.quality import QualityConfig, quality
from data_tools.corpus.contamination.stage import DecontaminateConfig, decontaminate, items_are_there
from data_tools.corpus.duplicates.config import DuplicatesConfig
from data_tools.corpus.duplicates.stage import deduplicate, libraries_are_there
from data_tools.corpus.grading.grader import GradeConfig, grader
from data_tools.corpus.phi.deidentifying import PhiConfig, deidentifier
from data_tools.corpus.stage import Stage

STAGES: Sequence[Stage] = (
    Stage("clean", CleanConfig, maker=cleaner),
    Stage("language", LanguageConfig, maker=language),
    Stage("quality", QualityConfig, maker=quality),
    Stage("deidentify", PhiConfig, maker=deidentifier),
    Stage("grade", GradeConfig, maker=grader),
    Stage("deduplicate", DuplicatesConfig, whole=deduplicate, ready=libraries_are_there),
    Stage("decontaminate", DecontaminateConfig, whole=decontaminate, ready=items_are_there),
)

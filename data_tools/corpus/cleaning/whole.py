"""Cleaning, language and quality as one step: what `data_tools/clean.py` does. In a corpus.yaml they are steps of their own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from annotated_types import Ge, Le

from data_tools.corpus.cleaning.cleaner import CleanConfig, cleaner
from data_tools.corpus.cleaning.language import LanguageConfig, language
from data_tools.corpus.cleaning.quality import QualityConfig, quality
from data_tools.corpus.cleaning.utf16 import batches
from data_tools.corpus.document import Document, Dropped, Step, Together, through


@dataclass(frozen=True)
class CleaningConfig:
    """What is cleaned, which languages stay, which rules judge."""

    simplify: bool = True  # traditional Chinese to simplified, by OpenCC; Japanese is left alone
    boilerplate: bool = True  # take out lines of web pages: menus, rights, cookies, calls to look on, doctors on the phone
    repeats: bool = True  # take out lines that a document says again; the first stays
    languages: list[str] = field(default_factory=list)  # ISO 639-1 codes, und for what nobody can tell; empty keeps all
    judge: bool = True  # drop poor documents by the quality rules
    rules: str | None = None  # a YAML file in the form of data_tools/corpus/cleaning/quality.yaml; null is that one
    domain_at_least: Annotated[float, Ge(0), Le(100)] = 0.0  # medical terms in 100 Han characters or words; on medicine: 8 to 30

    def __post_init__(self) -> None:
        """Raises UserError as the configs of the steps do."""
        LanguageConfig(self.languages)
        QualityConfig(self.rules, self.domain_at_least)


def cleaning(config: CleaningConfig) -> Step:
    clean = CleanConfig(config.simplify, config.boilerplate, config.repeats)
    steps = [cleaner(clean), language(LanguageConfig(config.languages))]
    if config.judge:
        steps.append(quality(QualityConfig(config.rules, config.domain_at_least)))

    def all_of_them(documents: Sequence[Document]) -> Iterator[Document | Dropped]:
        for some in batches(documents):
            try:
                yield from _taken(steps, some)
            except Exception:  # one after another, so that it is known which of them fails
                yield from (_taken(steps, [document])[0] for document in some)

    return Together(all_of_them)


def _taken(steps: Sequence[Step], documents: Sequence[Document]) -> list[Document | Dropped]:
    found: list[Document | Dropped] = list(documents)
    for step in steps:
        left = [(at, one) for at, one in enumerate(found) if isinstance(one, Document)]
        for (at, _), one in zip(left, through(step, [document for _, document in left]), strict=True):
            found[at] = one
    return found

"""The step that keeps poor documents out, by the rules of a YAML file, each with its reason."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import yaml
from annotated_types import Ge, Le

from data_tools.corpus.cleaning.counted import Column, counted, rows_of
from data_tools.corpus.cleaning.language import UNKNOWN, language_of
from data_tools.corpus.cleaning.measures import NAMES, Measures
from data_tools.corpus.cleaning.utf16 import batches
from data_tools.corpus.cleaning.words import Lists
from data_tools.corpus.document import Document, Dropped, Step, Together
from megatron_qm.errors import UserError

SHIPPED = Path(__file__).parent / "quality.yaml"
_SECTIONS = {"any", "zh", "en", "cues", "listing"}
_KEYS = {"drop", "measure", "at_least", "at_most", "when", "reason"}


@dataclass(frozen=True)
class QualityConfig:
    """Which rules, and how medical a document must be."""

    rules: str | None = None  # a YAML file in the form of data_tools/corpus/cleaning/quality.yaml; null is that one
    domain_at_least: Annotated[float, Ge(0), Le(100)] = 0.0  # medical terms in 100 Han characters or words; on medicine: 8 to 30

    def __post_init__(self) -> None:
        if not 0 <= self.domain_at_least <= 100:
            raise UserError(f"domain_at_least = {self.domain_at_least}: give terms in a hundred, from 0 to 100")


@dataclass(frozen=True)
class Rule:
    """A document stays if `measure` is within low and high, or one of `when` is out of its range."""

    drop: str
    measure: str
    low: float
    high: float
    when: tuple[tuple[str, float, float], ...]
    reason: str

    def broken(self, value: float) -> str:
        """In words."""
        bound = f"at least {self.low:g}" if value < self.low else f"at most {self.high:g}"
        return f"{self.measure} = {value:.4g}, {bound} is kept"


@dataclass(frozen=True)
class Rules:
    of: Mapping[str, tuple[Rule, ...]]
    lists: Lists


def quality(config: QualityConfig) -> Step:
    """A document that stays has `domain`, medical terms in a hundred. Its `language` is worked out where no step has."""
    rules = read_rules(Path(config.rules) if config.rules else SHIPPED)

    def judge(documents: Sequence[Document]) -> Iterator[Document | Dropped]:
        for some in batches(documents):
            languages = [_language(document) for document in some]
            known = counted([document.text for document in some], [language == "zh" for language in languages], rules.lists)
            asked = [_asked(rules, language, latin) for language, latin in zip(languages, known["latin"].tolist(), strict=True)]
            left = {name: still_open(rules.of[name], known) for name in set(asked)}
            for at, (document, language, of_text) in enumerate(zip(some, languages, rows_of(known), strict=True)):
                measures = Measures(document.text, language, _removed(document), rules.lists, of_text)
                yield _outcome(document, measures, left[asked[at]][at], config.domain_at_least)

    return Together(judge)


def _language(document: Document) -> str:
    language = document.known.get("language")
    return language if isinstance(language, str) else language_of(document.text)


def _outcome(document: Document, measures: Measures, rules: tuple[Rule, ...], least: float) -> Document | Dropped:
    if (dropped := _judged(measures, rules)) is not None:
        return dropped
    if measures.domain < least:
        return Dropped("domain", f"domain = {measures.domain:.3g}, at least {least:g} is kept")
    document.known["domain"] = round(measures.domain, 1)
    return document


def _asked(rules: Rules, language: str, latin: float) -> str:
    """Whose rules. What no language can be told of but its Latin letters (abbreviations, keys hit at random) is asked those of
    English. latin: their share."""
    if language == UNKNOWN and latin > 0.5:
        language = "en"
    return language if language in rules.of else "any"


def _judged(measures: Measures, rules: tuple[Rule, ...]) -> Dropped | None:
    """By the first rule that is broken."""
    for rule in rules:
        for name, low, high in rule.when:
            if not low <= getattr(measures, name) <= high:
                break
        else:
            value = getattr(measures, rule.measure)
            if not rule.low <= value <= rule.high:
                return Dropped(rule.drop, rule.broken(value))
    return None


def still_open(rules: tuple[Rule, ...], columns: Mapping[str, Column]) -> list[tuple[Rule, ...]]:
    """Of each text the rules that it may break by what is counted of it."""
    size = len(next(iter(columns.values())))
    table = np.ones((len(rules), size), bool)
    for rule, row in zip(rules, table, strict=True):
        for name, low, high in rule.when:
            if name in columns:
                row &= (columns[name] >= low) & (columns[name] <= high)
        if rule.measure in columns:
            row &= (columns[rule.measure] < rule.low) | (columns[rule.measure] > rule.high)
    return [tuple(compress(rules, row)) for row in table.T.tolist()]


def _removed(document: Document) -> dict[str, int]:
    """Characters that cleaning took out, by kind."""
    found = document.known.get("removed")
    return {kind: count for kind, count in found.items() if isinstance(count, int)} if isinstance(found, dict) else {}


@lru_cache(maxsize=4)
def read_rules(path: Path) -> Rules:
    """Raises UserError with the file, the rule and what is wrong with it."""
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: is no YAML: {' '.join(str(error).split())[:300]}") from None
    if not isinstance(told, dict) or set(told) != _SECTIONS:
        raise UserError(f"{path}: must have the keys {', '.join(sorted(_SECTIONS))}, as {SHIPPED.name} has")
    common, zh, en = (tuple(_rule(path, section, at, one) for at, one in enumerate(told[section] or (), 1))
                      for section in ("any", "zh", "en"))  # fmt: skip
    return Rules({"any": common, "zh": (*common, *zh), "en": (*common, *en)}, _lists(path, told))


def _rule(path: Path, section: str, at: int, told: Any) -> Rule:
    where = f"{path}: {section}, rule {at}"
    if not isinstance(told, dict) or not {"drop", "measure", "reason"} <= set(told) <= _KEYS:
        raise UserError(f"{where}: must have drop, measure and reason, and may have at_least, at_most and when")
    when = told.get("when", {})
    for name in (told["measure"], *when):
        if name not in NAMES:
            raise UserError(f"{where}: there is no measure {name!r}; there are {', '.join(sorted(NAMES))}")
    low, high = told.get("at_least", -math.inf), told.get("at_most", math.inf)
    ranges = [(low, high), *when.values()]
    if any(not _is_range(one) for one in ranges):
        raise UserError(f"{where}: bounds must be numbers, at_least not over at_most, and `when` must have [least, most]")
    return Rule(told["drop"], told["measure"], low, high, tuple((name, *bounds) for name, bounds in when.items()), told["reason"])


def _is_range(value: Any) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return False
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in value) and value[0] <= value[1]


def _lists(path: Path, told: Mapping[str, Any]) -> Lists:
    try:
        cues = {kind: {language: tuple(map(str, words)) for language, words in of.items()} for kind, of in told["cues"].items()}
        return Lists(cues, re.compile("|".join(f"(?:{one})" for one in told["listing"]), re.IGNORECASE))
    except (AttributeError, TypeError, re.error) as error:
        raise UserError(f"{path}: cues must be {{kind: {{zh: [...], en: [...]}}}}, listing patterns: {error}") from None

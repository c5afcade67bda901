"""Templates of relations, read from YAML with all that is wrong named by its line."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

from data_tools.corpus.verbalising.phrases import Part, parts_of
from megatron_qm.config.load import load
from megatron_qm.errors import UserError

SHIPPED = Path(__file__).with_name("templates.yaml")
Kind: TypeAlias = Literal["disease", "drug", "test", "other"]


@dataclass(frozen=True)
class Phrases:
    """says: sentences of a fact; denies: of one that does not hold."""

    says: tuple[str, ...]
    denies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for phrase in (*self.says, *self.denies):
            try:
                parts_of(phrase)
            except ValueError as error:
                raise UserError(str(error)) from None
        if not self.says:
            raise UserError("says: no sentence stands there")

    @cached_property
    def parts(self) -> Mapping[bool, tuple[tuple[Part, ...], ...]]:
        """Taken apart, by whether the fact is negated."""
        return {negated: tuple(map(parts_of, phrases)) for negated, phrases in ((False, self.says), (True, self.denies))}


@dataclass(frozen=True)
class Relation:
    """names: what files may call it, beside `name`."""

    name: str
    names: tuple[str, ...] = ()
    about: Kind = "other"
    lists: bool = True
    en: Phrases | None = None
    zh: Phrases | None = None

    def phrases(self, language: str) -> Phrases | None:
        return self.zh if language == "zh" else self.en


@dataclass(frozen=True)
class ByLanguage:
    en: tuple[str, ...] = ()
    zh: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShortNames:
    """What a subject is called once it has been named."""

    disease: ByLanguage = field(default_factory=ByLanguage)
    drug: ByLanguage = field(default_factory=ByLanguage)
    test: ByLanguage = field(default_factory=ByLanguage)
    other: ByLanguage = field(default_factory=ByLanguage)

    def of(self, about: str, language: str) -> tuple[str, ...]:
        names: tuple[str, ...] = getattr(getattr(self, about), language)
        return names


@dataclass(frozen=True)
class Qualifier:
    """What stands in front of a sentence, with {q}."""

    name: str
    en: str
    zh: str
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for text in (self.en, self.zh):
            if text.count("{q}") != 1:
                raise UserError(f"{text!r} needs {{q}} once")

    def around(self, language: str) -> tuple[str, str]:
        before, _, after = (self.zh if language == "zh" else self.en).partition("{q}")
        return before, after


@dataclass(frozen=True)
class Templates:
    """templates.yaml."""

    relations: list[Relation]
    names: ShortNames = field(default_factory=ShortNames)
    qualifiers: list[Qualifier] = field(default_factory=list)

    def __post_init__(self) -> None:
        taken: dict[str, str] = {}
        for relation in self.relations:
            for name in (relation.name, *relation.names):
                if taken.setdefault(name.casefold(), relation.name) != relation.name:
                    raise UserError(f"relations: {name!r} is a name of {taken[name.casefold()]} and of {relation.name}")

    @cached_property
    def _by_name(self) -> Mapping[str, Relation]:
        return {name.casefold(): one for one in self.relations for name in (one.name, *one.names)}

    @cached_property
    def _qualifiers_by_name(self) -> Mapping[str, str]:
        return {name.casefold(): one.name for one in self.qualifiers for name in (one.name, *one.names)}

    def knows(self, name: str) -> bool:
        return name.casefold() in self._by_name

    def relation(self, name: str, language: str, negated: bool) -> Relation:
        """Raises ValueError in words where there is no sentence for it."""
        found = self._by_name.get(name.casefold())
        if found is None:
            near = difflib.get_close_matches(name.casefold(), self._by_name, n=1) if len(name) < 80 else []
            advice = f"the nearest that is known is {near[0]!r}" if near else "add one to the file of --templates"
            raise ValueError(f"no template for the relation {name!r:.80}; {advice}")
        phrases = found.phrases(language)
        if phrases is None or not phrases.parts[negated]:
            raise ValueError(f"the relation {found.name} has no {'negated ' if negated else ''}sentence in {language!r}")
        return found

    def qualifier(self, name: str) -> str:
        """Its own name for one that has several; any other is left as it is."""
        return self._qualifiers_by_name.get(name.casefold(), name)


def read_templates(path: str | None = None) -> Templates:
    """Those that ship with the package for None. Raises UserError naming file, line and key."""
    return load(Templates, Path(path) if path else SHIPPED)

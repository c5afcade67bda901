"""An item with what can be said about it: the things that are right, others that are not, and how each may be written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from random import Random

from megatron_qm.rewards.audit.generate.style import Kind, Style

JOINS = {"en": (", ", " and ", "; ", " + "), "zh": ("、", "，", "和", "；")}


@dataclass(frozen=True)
class Thing:
    """Something that an answer may name. forms: how it is written, by suffix of the slot ("" is the usual one: {x}, and "t" is
    {xt}). credit: what it earns where it stands for the right one. forbidden: whoever gives it earns nothing at all."""

    forms: Mapping[str, str]
    credit: float = 0.0
    forbidden: bool = False


@dataclass(frozen=True)
class Telling:
    """How answers to a question are written in one language: what they say, and what people add behind a stated one."""

    styles: tuple[Style, ...]
    tails: tuple[tuple[str, str], ...]

    @cached_property
    def by_kind(self) -> Mapping[Kind, Sequence[Style]]:
        return {kind: [style for style in self.styles if style.kind is kind] for kind in Kind}


@dataclass(frozen=True)
class Question:
    """keys: what is right, all of them. others: what is not, mutually different. telling: by language of the answer. slots: what
    styles may quote beyond things. exact: right is all or nothing, and no F1. needs: slots of which an answer has one, or it
    cannot be judged (a dose). everything: a catalogue in which the keys stand, for who names all to be paid for one."""

    prompt: str
    reference: object
    metadata: Mapping[str, object]
    keys: Sequence[Thing]
    others: Sequence[Thing]
    telling: Mapping[str, Telling]
    slots: Mapping[str, str] = field(default_factory=dict)
    exact: bool = False
    needs: frozenset[str] = frozenset()
    everything: Sequence[str] = ()

    def bounds(self, kind: Kind, stated: Sequence[Thing]) -> tuple[float, float]:
        """Of the score of an answer of that kind which gives `stated`."""
        if kind is Kind.NEVER or any(thing.forbidden for thing in stated):
            return 0.0, 0.0
        if kind is Kind.EVERYTHING:
            return 0.0, 0.0 if self.exact else 2 * len(self.keys) / (len(self.everything) + len(self.keys))
        low, high = self._score(stated)
        return (0.0 if kind is Kind.CONTRADICTS else low), high

    def _score(self, stated: Sequence[Thing]) -> tuple[float, float]:
        """Right or not, or the F1 of the best assignment."""
        hits = [1.0 if thing in self.keys else thing.credit for thing in stated]
        if self.exact:
            whole = len(stated) == len(self.keys) and all(hit == 1.0 for hit in hits)
            return (1.0, 1.0) if whole else (0.0, max((hit for hit in hits if hit < 1.0), default=0.0))
        f1 = 2 * sum(sorted(hits, reverse=True)[: len(self.keys)]) / (len(stated) + len(self.keys))
        return f1, f1

    def styles(self, kind: Kind, language: str) -> list[Style]:
        """Those that can answer this: several answers need a slot for all of them, a dose one for doses."""
        styles = self.telling[language].by_kind[kind]
        if kind in (Kind.NEVER, Kind.EVERYTHING):
            return list(styles)
        if len(self.keys) > 1:
            styles = [style for style in styles if any(slot.startswith("xs") for slot in style.slots)]
        return [style for style in styles if not self.needs or self.needs & style.slots]


def in_language(both: str, language: str) -> str:
    """Of "Measles=麻疹"."""
    english, _, chinese = both.partition("=")
    return {"en": english, "zh": chinese}[language]


def written_in(language: str, rng: Random) -> str:
    """The language that names are written in: now and then the other one, within sentences of this."""
    return language if rng.random() > 0.06 else {"en": "zh", "zh": "en"}[language]


def catalogue(everything: Sequence[str]) -> dict[str, str]:
    return {"every": ", ".join(everything), "everylines": "\n".join(f"{n}. {text}" for n, text in enumerate(everything, start=1)),
            "everyjson": json.dumps(everything, ensure_ascii=False)}


def one_thing(letter: str, thing: Thing) -> dict[str, str]:
    """{y}, and {yt} and its like for the other forms."""
    return {letter + suffix: text for suffix, text in thing.forms.items()}


def all_things(things: Sequence[Thing], language: str, rng: Random) -> dict[str, str]:
    """{x} is the first of them; {xs} and its forms are all, joined as people join them; {xsjson} a JSON list, {xsnumbered} and
    {xsbulleted} lines, {xstight} and {xsslashed} without a space."""
    join = rng.choice(JOINS[language])
    slots = one_thing("x", things[0])
    for suffix in things[0].forms:
        slots["xs" + suffix] = _joined([thing.forms[suffix] for thing in things], join, language)
    usual = [thing.forms[""] for thing in things]
    slots["xsjson"] = "[" + ", ".join(f'"{text}"' for text in usual) + "]"
    slots["xsnumbered"] = "\n".join(f"{number}. {text}" for number, text in enumerate(usual, start=1))
    slots["xsbulleted"] = "\n".join(f"- {text}" for text in usual)
    slots["xstight"], slots["xsslashed"] = "".join(usual), "/".join(usual)
    return slots


def _joined(texts: Sequence[str], join: str, language: str) -> str:
    """"a, b and c": the last one of three or more is joined by a word, where words join."""
    commas = {"en": ", ", "zh": "、"}[language]
    if len(texts) > 2 and join in (" and ", "和"):
        return commas.join(texts[:-1]) + join + texts[-1]
    return join.join(texts)

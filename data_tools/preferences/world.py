"""The diseases of one language as the preferences use them, and who is shown which of them.

Groups are dealt over the places of diseases in the table, which both languages share: one that is held out is so in Chinese as in
English, and so is whatever has its code or its name within its own ("Anemia", "Iron Deficiency Anemia").
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from data_tools.knowledge.triples import PREDICATES, disease_triples
from data_tools.preferences.item import LANGUAGES

Facts = Mapping[str, tuple[str, ...]]
# fine-tuning answers questions about `shown`, RL asks about `asked`, reward models see both, and nobody sees `held_out`
Group = Literal["shown", "asked", "held_out"]
_SHARES: Mapping[Group, float] = {"shown": 0.3, "asked": 0.4}


@dataclass(frozen=True)
class World:
    """facts: what is known of each disease. groups: its diseases, each in one."""

    language: str
    facts: Mapping[str, Facts]
    groups: Mapping[Group, tuple[str, ...]]

    @property
    def training(self) -> tuple[str, ...]:
        return self.groups["shown"] + self.groups["asked"]

    def foreign(self, subject: str, predicate: str, draw: random.Random) -> str:
        """A value that other diseases have and `subject` has not."""
        known = self.facts[subject].get(predicate, ())
        while True:
            value = draw.choice(draw.choice(list(self.facts.values())).get(predicate, known))
            if value not in known:
                return value


def worlds(seed: int, languages: Sequence[str] = LANGUAGES, share: float = 1.0) -> dict[str, World]:
    """By language. share: of the diseases of each group, which are all that a smaller world knows of. Raises UserError where the
    package that holds the facts is not installed."""
    tables = {language: _facts(language) for language in LANGUAGES}
    names = {language: list(table) for language, table in tables.items()}
    dealt = _deal(_families(names, tables), random.Random(f"{seed} deal"))
    kept = {group: _some(places, share, random.Random(f"{seed} {group}")) for group, places in dealt.items()}
    return {language: _world(language, tables[language],
                             {group: tuple(names[language][place] for place in places) for group, places in kept.items()})
            for language in languages}


def _some(places: list[int], share: float, draw: random.Random) -> list[int]:
    return sorted(draw.sample(places, max(1, round(share * len(places)))))


def _world(language: str, table: Mapping[str, Facts], groups: Mapping[Group, tuple[str, ...]]) -> World:
    known = {name for group in groups.values() for name in group}
    return World(language, {name: facts for name, facts in table.items() if name in known}, groups)


def _facts(language: str) -> dict[str, Facts]:
    found: dict[str, dict[str, list[str]]] = {}
    for triple in disease_triples(language):
        found.setdefault(triple.subject, {}).setdefault(triple.predicate, []).append(triple.object)
    return {subject: {name: tuple(known[name]) for name in PREDICATES if name in known} for subject, known in found.items()}


def _families(names: Mapping[str, Sequence[str]], tables: Mapping[str, Mapping[str, Facts]]) -> list[list[int]]:
    """Places that must stay together: those of a code, and those of names within names, in any language."""
    home = list(range(len(names[LANGUAGES[0]])))
    for language, known in names.items():
        codes = [tables[language][name]["code"] for name in known]
        for one, name in enumerate(known):
            for other in range(one):
                if name in known[other] or known[other] in name or codes[one] == codes[other]:
                    joined, left = home[one], home[other]
                    home = [left if place == joined else place for place in home]
    return [[place for place, family in enumerate(home) if family == root] for root in sorted(set(home))]


def _deal(families: list[list[int]], draw: random.Random) -> dict[Group, list[int]]:
    draw.shuffle(families)
    total = sum(map(len, families))
    dealt: dict[Group, list[int]] = {group: [] for group in get_args(Group)}
    for family in families:
        home: Group = next((group for group, share in _SHARES.items() if len(dealt[group]) < share * total), "held_out")
        dealt[home] += family
    return {group: sorted(places) for group, places in dealt.items()}

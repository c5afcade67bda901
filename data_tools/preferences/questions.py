"""Prompts: which facts of which disease are asked for, and in which words."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from data_tools.knowledge.triples import PREDICATES
from data_tools.preferences.item import SINGLE, Item
from data_tools.preferences.phrases import CHOICES, NOUNS, PROMPTS, Split, parts_in_words
from data_tools.preferences.world import World

_MOST_FACTS = 3  # asked for at once, one less where an answer follows: what a response of 60 tokens has room for
_CHOICE_SHARE = 0.5


@dataclass(frozen=True)
class Question:
    """key: of the item and its words; equal keys are equal prompts."""

    item: Item
    prompt: str
    key: str
    split: Split  # of its phrasing

    @property
    def kind(self) -> str:
        return "choice" if self.item.answer else "facts"


def draw_question(world: World, subjects: Sequence[str], split: Split, draw: random.Random) -> Question:
    subject = draw.choice(subjects)
    chosen = draw.random() < _CHOICE_SHARE
    asked = _asked(draw, _MOST_FACTS - chosen, chosen)
    answer = draw.choice([name for name in asked if name in NOUNS[world.language]]) if chosen else None
    item = Item(subject, world.language, world.facts[subject], asked, answer)
    return _worded(item, split, draw)


def _asked(draw: random.Random, most: int, chosen: bool) -> dict[str, int]:
    """Predicates in the order in which they are asked for; one that can be chosen among them where `chosen`."""
    while True:
        predicates = draw.sample(PREDICATES, draw.randint(1, most))
        asked = {name: 1 if name in SINGLE else draw.randint(1, 2) for name in predicates}
        if sum(asked.values()) <= most and not (chosen and predicates == ["symptom"]):
            return asked


def _worded(item: Item, split: Split, draw: random.Random) -> Question:
    prompts, choices = PROMPTS[item.language].of(split), CHOICES[item.language].of(split)
    number, end = draw.randrange(len(prompts)), draw.randrange(len(choices))
    prompt = prompts[number].replace("{parts}", parts_in_words(item.language, item.asked)).replace("{s}", item.subject)
    asked = "+".join(f"{name}{count}" for name, count in item.asked.items())
    key = f"gold-{item.language}-{item.subject}-{asked}-{split}{number}"
    if item.answer is not None:
        prompt += choices[end].replace("{p}", NOUNS[item.language][item.answer])
        key += f"-{item.answer}{end}"
    return Question(item, prompt, key, split)

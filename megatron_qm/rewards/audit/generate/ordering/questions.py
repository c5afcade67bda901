"""Reasons that ask for tests: from one to three."""

from dataclasses import dataclass
from random import Random

from megatron_qm.rewards.audit.generate.ordering import chinese, either, english
from megatron_qm.rewards.audit.generate.ordering.facts import MODIFIED, TESTS
from megatron_qm.rewards.audit.generate.question import Question, Telling, Thing, in_language, written_in

_TELLING = {"en": Telling(english.STYLES + either.STYLES, english.TAILS),
            "zh": Telling(chinese.STYLES + either.STYLES, chinese.TAILS)}
_ASKED = {"en": ("A patient may have {}. What do you order?", "To be found: {}\nWhich tests are needed?",
                 "Order the work-up for {}. Order nothing else."),
          "zh": ("患者需了解{}，应做哪些检查？", "目的：{}\n请给出检查项目。", "请为{}开具检查，不要多开。")}
_REASON = {"en": (" to rule out {}", " to look for {}", " (for {})", " because of possible {}"),
           "zh": ("以排除{}", "以了解{}", "（了解{}）", "，明确有无{}")}
_DISTRACTORS = 5


@dataclass(frozen=True)
class Test:
    """names: in each language, the usual one first. reason: what it is to find. modified: how it may be done, where
    that is said."""

    names: dict[str, tuple[str, ...]]
    reason: dict[str, str]
    modified: dict[str, str]


def _test(line: str) -> Test:
    names, more, chinese_more, reason, chinese_reason = line.split("|")
    return Test({"en": (in_language(names, "en"), *more.split(";")), "zh": (in_language(names, "zh"), chinese_more)},
                {"en": reason, "zh": chinese_reason}, _MODIFIED.get(names, {}))


_MODIFIED = {names: {"en": said, "zh": chinese_said} for names, said, chinese_said in
             (line.split("|") for line in MODIFIED.strip().splitlines())}


_ALL = tuple(_test(line) for line in TESTS.strip().splitlines())


def question(rng: Random, language: str) -> Question:
    count = rng.choice((1, 1, 2, 3))
    drawn = rng.sample(_ALL, len(_ALL))
    keys, others = drawn[:count], drawn[count:count + _DISTRACTORS]
    catalogue = drawn[:count + rng.randint(8, 20)]
    written = written_in(language, rng)
    asked = {"en": ", ", "zh": "、"}[language].join(key.reason[language] for key in keys)
    return Question(rng.choice(_ASKED[language]).format(asked), [key.names[language][0] for key in keys],
                    {"synonyms": {test.names[language][0]: _other_names(test, language) for test in catalogue}},
                    [_thing(key, written, rng) for key in keys], [_thing(other, written, rng) for other in others], _TELLING,
                    everything=sorted(test.names[language][0] for test in catalogue))


def _other_names(test: Test, language: str) -> list[str]:
    return [name for names in test.names.values() for name in names if name != test.names[language][0]]


def _thing(test: Test, language: str, rng: Random) -> Thing:
    name = test.names[language][0] if rng.random() < 0.6 else rng.choice(test.names[language])
    reason = test.reason[language]
    return Thing({"": name, "m": test.modified.get(language, name), "g": reason,
                  "r": name + rng.choice(_REASON[language]).format(reason)})

"""The verifiers by name: those that ship, and functions of users, which items may ask for only where the user has named them.

A file of items is data, as is what a caller sends: neither decides what is imported, opened or asked over the network. What they
say goes through `Verifiers.admit`, the one place that turns names into what is loaded; `load` is for what has been admitted.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from megatron_qm import user_code
from megatron_qm.errors import UserError
from megatron_qm.rewards.formats import answer_alone, format_of
from megatron_qm.rewards.general import GENERAL, General, general
from megatron_qm.rewards.graded import GRADED, Graded, graded
from megatron_qm.rewards.hybrid import Hybrid, behind_thinking, hybrid
from megatron_qm.rewards.models import Models
from megatron_qm.rewards.outcome import Reward
from megatron_qm.rewards.two_readings import Readings, TwoReadings, two_readings

T = TypeVar("T")
VERIFIERS = {
    "exam": "megatron_qm.rewards.exam:exam",
    "diagnosis": "megatron_qm.rewards.diagnosis:diagnosis",
    "drugs": "megatron_qm.rewards.drugs:drugs",
    "ordering": "megatron_qm.rewards.ordering:ordering",
    "format": "megatron_qm.rewards.shaping:answer_format",
}
_FORMAT = "format"  # reads no answer that could be read in two ways
HYBRID = "hybrid"  # metadata.rule first, then a model
SHIPPED_NAMES = (*VERIFIERS, HYBRID, GENERAL, GRADED)

Rule = str | TwoReadings  # a function by name, whose answers may be read in two ways
Verifier = Rule | Hybrid | General | Graded  # a rule, or what is asked of a model: plain data, for processes that judge


def load(verifier: Verifier) -> Reward:
    """A verifier that ships, the function "module:function", or what a model is asked. Raises UserError."""
    if isinstance(verifier, Hybrid):
        judge = verifier.judge
        strict = isinstance(verifier.rule, TwoReadings) and verifier.rule.reading == "strict"
        return hybrid(load(verifier.rule), judge.ask, judge.votes, judge.agreement, answer_alone if strict else behind_thinking)
    if isinstance(verifier, TwoReadings):
        return two_readings(load(verifier.rule), verifier.reading)
    if isinstance(verifier, General):
        return general(verifier.principles, verifier.judge.ask, verifier.judge.votes)
    if isinstance(verifier, Graded):
        return graded(verifier.instruction, verifier.judge.ask, verifier.judge.votes)
    if verifier in VERIFIERS:
        module, _, function = VERIFIERS[verifier].partition(":")
        shipped: Reward = getattr(importlib.import_module(module), function)
        return shipped
    return user_code.load(verifier, "verifier")


def function_of(verifier: Verifier) -> str:
    """The name of the function that judges first; empty where a model alone does."""
    if isinstance(verifier, General | Graded):
        return ""
    return verifier if isinstance(verifier, str) else function_of(verifier.rule)


def longest_wait(verifier: Verifier) -> float:
    """Seconds that its model may take to answer all that it is asked about one response."""
    if isinstance(verifier, Rule):
        return 0.0
    questions = len(verifier.principles) if isinstance(verifier, General) else 1
    return questions * verifier.judge.longest_wait


@dataclass(frozen=True)
class Verifiers:
    """What data may ask for: every verifier that ships, `own` functions by name, and `models`. setting: the key or option that
    names more functions. readings: how answers are read; None: leniently, whatever format an item states."""

    own: Mapping[str, str] = field(default_factory=dict)
    setting: str = "verifiers"
    models: Models = field(default_factory=Models)
    readings: Readings | None = None

    @classmethod
    def named(
        cls, specs: Sequence[str], setting: str, models: Models | None = None, readings: Readings | None = None
    ) -> "Verifiers":
        """Of `specs`, each "module:function" or "name=module:function". All are imported: a wrong one is said now. Raises
        UserError."""
        own: dict[str, str] = {}
        for spec in specs:
            name, equals, function = spec.partition("=")
            function = function if equals else name
            if name in SHIPPED_NAMES:
                raise UserError(f"{setting}: {spec!r}: {name!r} is a verifier that ships; choose another name")
            if not name or own.get(name, function) != function:
                raise UserError(f"{setting}: {spec!r}: {name!r} is {'given twice' if name else 'no name'}")
            user_code.load(function, setting)
            own[name] = function
        return cls(own, setting, models or Models(), readings)

    @property
    def names(self) -> tuple[str, ...]:
        return (*SHIPPED_NAMES, *self.own)

    def admit(self, name: object, metadata: Mapping[str, Any]) -> tuple[Verifier, Mapping[str, Any]]:
        """What `load` takes for the verifier `name` that data asks for, and the metadata that it reads. Raises ValueError for
        one that nobody has named, for a rule, judge or principles that nobody has, and for a format that is none (also where
        answers are read leniently) or, where it is to be kept, lacks."""
        format_of(metadata)
        if self.readings is not None:
            metadata = self.readings.stated(name, metadata)
        rest = {key: value for key, value in metadata.items() if key not in ("rule", "judge", "principles")}
        if name == HYBRID:
            return Hybrid(self._rule(metadata.get("rule"), rest), self._asked(HYBRID, self.models.judge_of, metadata)), rest
        if name == GENERAL:
            principles = self._asked(GENERAL, self.models.principles_of, metadata)
            return General(principles, self._asked(GENERAL, self.models.judge_of, metadata)), rest
        if name == GRADED:
            return self._asked(GRADED, lambda _: self.models.who_grades(), metadata), metadata
        return self._rule(name, metadata), metadata

    @staticmethod
    def _asked(name: str, choose: Callable[[Mapping[str, Any]], T], metadata: Mapping[str, Any]) -> T:
        try:
            return choose(metadata)
        except ValueError as error:
            raise ValueError(f"the verifier {name!r}: {error}") from None

    def _rule(self, name: object, metadata: Mapping[str, Any]) -> Rule:
        function = self._function(name)
        return function if self.readings is None or function == _FORMAT else self.readings.of(function, metadata)

    def _function(self, name: object) -> str:
        if not isinstance(name, str):
            raise ValueError(f"metadata.rule = {name!r:.60}: a verifier's name is text, and {HYBRID} needs one")
        if name in VERIFIERS:
            return name
        if name not in self.own:
            raise ValueError(f"the verifier {name!r} is not known: there are {', '.join(self.names)}; a function of your own, "
                             f"module:function, must be named in {self.setting}")
        return self.own[name]


SHIPPED = Verifiers()

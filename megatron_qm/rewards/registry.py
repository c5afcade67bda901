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
from megatron_qm.rewards.general import GENERAL, General, general
from megatron_qm.rewards.hybrid import Hybrid, hybrid
from megatron_qm.rewards.models import Models
from megatron_qm.rewards.outcome import Reward

T = TypeVar("T")
VERIFIERS = {
    "exam": "megatron_qm.rewards.exam:exam",
    "diagnosis": "megatron_qm.rewards.diagnosis:diagnosis",
    "drugs": "megatron_qm.rewards.drugs:drugs",
    "ordering": "megatron_qm.rewards.ordering:ordering",
    "format": "megatron_qm.rewards.shaping:answer_format",
}
HYBRID = "hybrid"  # metadata.rule first, then a model
SHIPPED_NAMES = (*VERIFIERS, HYBRID, GENERAL)

Verifier = str | Hybrid | General  # a function by name, or what is asked of a model: plain data, for processes that judge


def load(verifier: Verifier) -> Reward:
    """A verifier that ships, the function "module:function", or what a model is asked. Raises UserError."""
    if isinstance(verifier, Hybrid):
        judge = verifier.judge
        return hybrid(load(verifier.rule), judge.ask, judge.votes, judge.agreement)
    if isinstance(verifier, General):
        return general(verifier.principles, verifier.judge.ask, verifier.judge.votes)
    if verifier in VERIFIERS:
        module, _, function = VERIFIERS[verifier].partition(":")
        shipped: Reward = getattr(importlib.import_module(module), function)
        return shipped
    return user_code.load(verifier, "verifier")


def function_of(verifier: Verifier) -> str:
    """The name of the function that judges first; empty where a model alone does."""
    return verifier if isinstance(verifier, str) else verifier.rule if isinstance(verifier, Hybrid) else ""


def longest_wait(verifier: Verifier) -> float:
    """Seconds that its model may take to answer all that it is asked about one response."""
    if isinstance(verifier, str):
        return 0.0
    questions = len(verifier.principles) if isinstance(verifier, General) else 1
    return questions * verifier.judge.longest_wait


@dataclass(frozen=True)
class Verifiers:
    """What data may ask for: every verifier that ships, `own` functions by name, and `models`. setting: the key or option that
    names more functions."""

    own: Mapping[str, str] = field(default_factory=dict)
    setting: str = "verifiers"
    models: Models = field(default_factory=Models)

    @classmethod
    def named(cls, specs: Sequence[str], setting: str, models: Models | None = None) -> "Verifiers":
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
        return cls(own, setting, models or Models())

    @property
    def names(self) -> tuple[str, ...]:
        return (*SHIPPED_NAMES, *self.own)

    def admit(self, name: object, metadata: Mapping[str, Any]) -> tuple[Verifier, Mapping[str, Any]]:
        """What `load` takes for the verifier `name` that data asks for, and the metadata that it reads. Raises ValueError for
        one that nobody has named, and for a rule, judge or principles that nobody has."""
        rest = {key: value for key, value in metadata.items() if key not in ("rule", "judge", "principles")}
        if name == HYBRID:
            return Hybrid(self._function(metadata.get("rule")), self._asked(HYBRID, self.models.judge_of, metadata)), rest
        if name == GENERAL:
            principles = self._asked(GENERAL, self.models.principles_of, metadata)
            return General(principles, self._asked(GENERAL, self.models.judge_of, metadata)), rest
        return self._function(name), metadata

    @staticmethod
    def _asked(name: str, choose: Callable[[Mapping[str, Any]], T], metadata: Mapping[str, Any]) -> T:
        try:
            return choose(metadata)
        except ValueError as error:
            raise ValueError(f"the verifier {name!r}: {error}") from None

    def _function(self, name: object) -> str:
        if not isinstance(name, str):
            raise ValueError(f"a verifier's name is text, not {name!r}")
        if name in VERIFIERS:
            return name
        if name not in self.own:
            raise ValueError(f"the verifier {name!r} is not known: there are {', '.join(self.names)}; a function of your own, "
                             f"module:function, must be named in {self.setting}")
        return self.own[name]


SHIPPED = Verifiers()

"""The verifiers by name: those that ship, and functions of users, which items may ask for only where the user has named them.

A file of items is data: what it says must not decide which code is imported. So a name that comes out of one goes through
`Verifiers.admit`; `load` is for names that have been admitted.
"""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from megatron_qm import user_code
from megatron_qm.errors import UserError
from megatron_qm.rewards.outcome import Reward

VERIFIERS = {
    "exam": "megatron_qm.rewards.exam:exam",
    "diagnosis": "megatron_qm.rewards.diagnosis:diagnosis",
    "drugs": "megatron_qm.rewards.drugs:drugs",
    "ordering": "megatron_qm.rewards.ordering:ordering",
    "format": "megatron_qm.rewards.shaping:answer_format",
    "hybrid": "megatron_qm.rewards.hybrid:by_metadata",
    "general": "megatron_qm.rewards.general:by_metadata",
}


def load(name: str) -> Reward:
    """A verifier that ships, or the function "module:function". Raises UserError."""
    if name in VERIFIERS:
        module, _, function = VERIFIERS[name].partition(":")
        shipped: Reward = getattr(importlib.import_module(module), function)
        return shipped
    return user_code.load(name, "verifier")


@dataclass(frozen=True)
class Verifiers:
    """What data may ask for: every verifier that ships, and `own` functions by name. setting: the key or option that names
    more of them."""

    own: Mapping[str, str] = field(default_factory=dict)
    setting: str = "verifiers"

    @classmethod
    def named(cls, specs: Sequence[str], setting: str) -> "Verifiers":
        """Of `specs`, each "module:function" or "name=module:function". All are imported: a wrong one is said now. Raises
        UserError."""
        own: dict[str, str] = {}
        for spec in specs:
            name, equals, function = spec.partition("=")
            function = function if equals else name
            if name in VERIFIERS:
                raise UserError(f"{setting}: {spec!r}: {name!r} is a verifier that ships; choose another name")
            if not name or own.get(name, function) != function:
                raise UserError(f"{setting}: {spec!r}: {name!r} is {'given twice' if name else 'no name'}")
            user_code.load(function, setting)
            own[name] = function
        return cls(own, setting)

    def admit(self, name: str, metadata: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """What `load` takes for the verifier `name` that data asks for, and the metadata in which the rule of a hybrid is
        replaced likewise. Raises ValueError for one that nobody has named."""
        if name == "hybrid" and "rule" in metadata:
            metadata = {**metadata, "rule": self._admitted(metadata["rule"])}
        return self._admitted(name), metadata

    def _admitted(self, name: object) -> str:
        if not isinstance(name, str):
            raise ValueError(f"a verifier's name is text, not {name!r}")
        if name in VERIFIERS:
            return name
        if name not in self.own:
            known = ", ".join((*VERIFIERS, *self.own))
            raise ValueError(f"the verifier {name!r} is not known: there are {known}; a function of your own, module:function, "
                             f"must be named in {self.setting}")
        return self.own[name]


SHIPPED = Verifiers()

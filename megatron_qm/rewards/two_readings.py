"""An answer read twice by one rule: strictly, which takes the answer alone out of the format that the prompt asked for, and
leniently, which takes whatever the rule can read. One of them is the value; both are among its parts, with whether they differ.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from megatron_qm.rewards.formats import FORMATS, answer_alone, format_of, not_kept
from megatron_qm.rewards.metadata import Metadata
from megatron_qm.rewards.outcome import Outcome, Reward, Scored, Unscored, outcome_of

Reading = Literal["strict", "lenient"]
PARTS = ("strict", "lenient", "differ")  # of a rule's Scored: the value of each reading, and 1 where these are not the same


@dataclass(frozen=True)
class TwoReadings:
    """`two_readings` as plain data: the rule by its name, and which reading is the value."""

    rule: str
    reading: Reading


@dataclass(frozen=True)
class Readings:
    """How the answers to items are read, as the user has chosen it. setting: what says so, up to the reading (`--reading `).
    asked: formats that the program itself asks for, by task."""

    reading: Reading
    setting: str
    asked: Mapping[str, str] = field(default_factory=dict)

    def stated(self, task: object, metadata: Mapping[str, Any]) -> Mapping[str, Any]:
        """Metadata with the format that is asked for. Raises ValueError for an item that asks for another one itself."""
        wanted = self.asked.get(task) if isinstance(task, str) else None
        if wanted and format_of(metadata) not in (None, wanted):
            raise ValueError(f"metadata.format = {metadata['format']!r}: its prompt would be told to answer as {wanted} as well; "
                             "ask these items in a call without that")
        return {**metadata, "format": wanted} if wanted else metadata

    def of(self, rule: str, metadata: Mapping[str, Any]) -> str | TwoReadings:
        """Who reads the answers to an item. Raises ValueError for one that states no format, where that is to be kept."""
        if format_of(metadata) is not None:
            return TwoReadings(rule, self.reading)
        if self.reading == "strict":
            raise ValueError(f"metadata.format is not given, and {self.setting}strict reads answers by it: say which of "
                             f"{', '.join(FORMATS)} the prompt asks for, or choose {self.setting}lenient")
        return rule


def two_readings(rule: Reward, reading: Reading) -> Reward:
    """A reward whose value is that of `reading`. An answer that does not keep the format is 0 and `rejected` where it is read
    strictly. A reading that fails costs its parts alone, where it is not the one that counts."""
    def reward(prompt: str, response: str, reference: object, metadata: Metadata) -> Outcome:
        def read(text: str) -> Outcome:
            return outcome_of(rule(prompt, text, reference, metadata))

        strictly, leniently = (read, _aside(read)) if reading == "strict" else (_aside(read), read)
        answer, lenient = answer_alone(response, metadata), leniently(response)
        strict = _rejected(lenient, metadata) if answer is None else strictly(answer)
        chosen = strict if reading == "strict" else lenient
        if not (isinstance(chosen, Scored) and isinstance(strict, Scored) and isinstance(lenient, Scored)):
            return chosen
        both = zip(PARTS, (strict.value, lenient.value, float(strict.value != lenient.value)), strict=True)
        return replace(chosen, parts={**chosen.parts, **dict(both)})

    return reward


def parts_of(outcome: Outcome) -> dict[str, float]:
    """Of both readings; none where there are not two."""
    parts = outcome.parts if isinstance(outcome, Scored) else {}
    return {name: parts[name] for name in PARTS} if set(PARTS) <= set(parts) else {}


def _aside(read: Callable[[str], Outcome]) -> Callable[[str], Outcome]:
    """The same for a reading that is only told of: a function of the user may not take what the other one gives it."""
    def tried(text: str) -> Outcome:
        try:
            return read(text)
        except Exception as error:  # noqa: BLE001  it may be anybody's
            return Unscored(f"exception: {type(error).__name__}")

    return tried


def _rejected(lenient: Outcome, metadata: Metadata) -> Scored:
    """With the parts that the rule has, so that their means are over the same answers."""
    parts = dict.fromkeys(lenient.parts, 0.0) if isinstance(lenient, Scored) else {}
    return Scored(0.0, {**parts, "invalid": 1.0}, not_kept(metadata), "rejected")

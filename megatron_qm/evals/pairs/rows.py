"""A question with responses of which some are better: what a line of a file of pairs holds, and what scores it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from megatron_qm.rewards.outcome import Unscored

Messages: TypeAlias = tuple[Mapping[str, str], ...]  # each {"role", "content"}
# Conversations -> scores. Where there is none: None, or Unscored, whose reason says why in a word or two, behind a colon more.
Scorer: TypeAlias = Callable[[Sequence[Messages]], Sequence[float | Unscored | None]]
Label = Literal["chosen", "rejected", "tie"]
LABELS: tuple[Label, ...] = get_args(Label)
STYLES = ("concise", "detailed_plain", "detailed_markdown")  # RM-Bench's, from the plainest on
REFERENCE = "ref:"  # begins the keys of RewardBench 2's questions that have one right answer, beside `tied:` with several
TIED = "tied:"

# pair: one response a side. best: one better than several. tied: several better ones. reference: what a tied one is held against.
Kind = Literal["pair", "best", "tied", "reference", "styled"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Row:
    """responses: the better ones first, `better` of them; with the label `tie` neither side is. label: which side of the file the
    better ones stood on. styles: of each response, its index in STYLES; empty where they are not told."""

    key: str
    line: int
    prompt: Messages
    responses: tuple[Messages, ...]
    better: int
    label: Label = "chosen"
    stratum: str = ""
    styles: tuple[int, ...] = ()

    @property
    def kind(self) -> Kind:
        if self.styles:
            return "styled"
        if self.better > 1:
            return "tied"
        if self.key.startswith(REFERENCE):
            return "reference"
        return "best" if len(self.responses) > 2 else "pair"

    def conversations(self) -> list[Messages]:
        """What is scored: the prompt with each response."""
        return [(*self.prompt, *response) for response in self.responses]

    def exchanged(self) -> "Row":
        """The better ones in the place of the worse ones and the other way round."""
        at = self.better
        return replace(self, responses=self.responses[at:] + self.responses[:at], better=len(self.responses) - at,
                       styles=self.styles[at:] + self.styles[:at])


def written(response: Messages) -> str:
    """What the assistant wrote of a response: its length and markdown are measured."""
    return "\n".join(message["content"] for message in response if message["role"] == "assistant")

"""Each option called right or wrong, and what answer that is to what the question asks for."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from megatron_qm.rewards.reading.asked import IS_NOT, Asked
from megatron_qm.rewards.reading.options import Options
from megatron_qm.rewards.reading.rank import DENYING, Rank, Statement


class Judgement(NamedTuple):
    """true, false: together all options of the question. marks: whether by marks, which do not say whether `true` is that an
    option's text is so or that it is the answer."""

    true: frozenset[str]
    false: frozenset[str]
    marks: bool

    @property
    def few_are_false(self) -> bool:
        return 0 < len(self.false) < len(self.true)

    def allows(self, answer: frozenset[str]) -> bool:
        """Whether an answer that is named beside it is one of what is right, or what is wrong."""
        if self.marks:
            return answer <= self.true or answer == self.false
        return answer == self.true or answer == self.false and self.few_are_false

    def answer(self, asked: Asked) -> frozenset[str]:
        """Empty where it cannot be told which of the two was meant."""
        if asked in IS_NOT and self.few_are_false:
            return self.false
        return frozenset() if self.marks and asked is not Asked.RIGHT else self.true


def judgement(said: Sequence[Statement], options: Options) -> Judgement | None:
    """By marks, or by statements that call each option right or wrong."""
    every = frozenset(options.letters)
    sheets = [one.letters for one in said if one.rank is Rank.SHEET]
    if sheets:
        return Judgement(sheets[0], every - sheets[0], True)
    true, false = letters_of(said, Rank.VERDICT), letters_of(said, *DENYING)
    return Judgement(true, false, False) if true and false and true | false == every and not true & false else None


def letters_of(said: Iterable[Statement], *ranks: Rank) -> frozenset[str]:
    return frozenset().union(*(one.letters for one in said if one.rank in ranks))

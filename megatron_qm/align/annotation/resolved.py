"""Verdicts turned into pairs: a pair's readings are one vote each, and more than half of them must say the same."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from megatron_qm.align.annotation.candidates import Pair, asked_in, stratum_of
from megatron_qm.align.annotation.verdicts import Said, Verdict
from megatron_qm.json_types import JsonObject

# Why a pair is left out.
UNREAD, SKIPPED, BAD, CONFLICT = "not read", "skipped by all", "neither response is fit", "readings differ"


@dataclass(frozen=True)
class Decided:
    """winner: the better response; of a tie the order of the two means nothing."""

    pair: Pair
    winner: Said

    def to_train(self) -> JsonObject:
        """As `reward-model` and `dpo` read it (comparisons.py), who refuse what they do not know."""
        return self._line({}, {"tie": True})

    def to_measure(self) -> JsonObject:
        """As `evaluate --pairs` reads it."""
        stratum = stratum_of(self.pair.line, "stratum")
        return self._line({"key": self.pair.key, **({"stratum": stratum} if stratum else {})}, {"label": "tie"})

    @property
    def unbiased(self) -> bool:
        """Whether `select` has drawn it at random."""
        selection = self.pair.line.get("selection")
        return isinstance(selection, dict) and selection.get("unbiased") is True

    def _line(self, head: JsonObject, tie: JsonObject) -> JsonObject:
        """head: fields that go before it. What else the pair's line said was said of the order that it had."""
        chosen, rejected = (self.pair.b, self.pair.a) if self.winner == "b" else (self.pair.a, self.pair.b)
        sides = {"chosen": chosen, "rejected": rejected}
        return {**head, **asked_in(self.pair.line), **sides, **(tie if self.winner == "tie" else {})}


@dataclass(frozen=True)
class Resolved:
    """decided: in the order of the pairs. left_out: how many, by reason."""

    decided: Sequence[Decided]
    left_out: Mapping[str, int]


@dataclass(frozen=True)
class _Left:
    why: str


def resolved(pairs: Iterable[Pair], verdicts: Iterable[Verdict]) -> Resolved:
    """Readings of all annotators count alike, second readings too; what they skipped is none."""
    said = defaultdict(list)
    for one in verdicts:
        said[one.key].append(one.said)
    decided, left_out = [], Counter[str]()
    for pair in pairs:
        winner = _majority(said[pair.key])
        if isinstance(winner, _Left):
            left_out[winner.why] += 1
        else:
            decided.append(Decided(pair, winner))
    return Resolved(decided, left_out)


def _majority(said: Sequence[Said]) -> Said | _Left:
    read = [one for one in said if one != "skip"]
    if not read:
        return _Left(SKIPPED if said else UNREAD)
    winner, votes = Counter(read).most_common(1)[0]
    if 2 * votes <= len(read):
        return _Left(CONFLICT)
    return _Left(BAD) if winner == "bad" else winner

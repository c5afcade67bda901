"""What annotators have said in a round: pairs that are decided, how far second readings agree, what models had judged wrongly."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.align.annotation.candidates import Pair, read_candidates
from megatron_qm.align.annotation.resolved import Decided, resolved
from megatron_qm.align.annotation.summary import Share
from megatron_qm.align.annotation.verdict_log import read_standing
from megatron_qm.align.annotation.verdicts import Said, Verdict

Margins = Mapping[str, tuple[float, float]]  # of the generative model or the second member, and of the reward model; NaN for none


@dataclass(frozen=True)
class Judged:
    """Of one round. read: pairs with a verdict. again: what the first and the second reading said of each pair that was read
    twice."""

    read: int
    decided: Sequence[Decided]
    again: Sequence[tuple[Said, Said]]

    @property
    def to_train(self) -> list[Decided]:
        return [one for one in self.decided if not one.unbiased]

    @property
    def to_measure(self) -> list[Decided]:
        return [one for one in self.decided if one.unbiased]


def judged(chosen: Path, verdicts: Path) -> Judged:
    """Raises UserError for files that are not whole."""
    pairs = read_candidates(chosen).pairs
    standing = list(read_standing(verdicts)[1].verdicts.values())
    readings = _readings(standing)
    return Judged(len(readings), resolved(pairs, standing).decided,
                  [(said[0], said[1]) for said in readings.values() if len(said) > 1])


def wrongly_judged(judged: Judged, margins: Margins) -> list[Pair]:
    """Of the pairs to train on, those of which a model had preferred the other side. Pairs to measure by are none of them: what
    is chosen next may not depend on those."""
    return [one.pair for one in judged.to_train
            if one.winner != "tie" and any(_wrong(margin, one) for margin in margins[one.pair.key])]


def accuracy(decided: Iterable[Decided], margins: Margins, place: int = 1) -> Share:
    """Of those that are no ties and have a margin. place: of the model in `margins`; a margin of 0 is not right."""
    found = [(one, margins[one.pair.key][place]) for one in decided if one.winner != "tie"]
    scored = [(one, margin) for one, margin in found if margin == margin]
    return Share(sum(_right(margin, one) for one, margin in scored), len(scored))


def _right(margin: float, one: Decided) -> bool:
    return margin > 0 if one.winner == "a" else margin < 0


def _wrong(margin: float, one: Decided) -> bool:
    """A margin of 0, or none, prefers no side."""
    return margin < 0 if one.winner == "a" else margin > 0


def _readings(verdicts: Iterable[Verdict]) -> Mapping[str, list[Said]]:
    found: defaultdict[str, list[Said]] = defaultdict(list)
    for one in verdicts:
        if one.said != "skip":
            found[one.key].append(one.said)
    return found

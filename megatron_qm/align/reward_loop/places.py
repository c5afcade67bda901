"""Where everything of a loop is."""

from dataclasses import dataclass
from pathlib import Path

from megatron_qm.align.reward_loop.judged import Judged, judged

# Of `pairs`: the pool, and the rows by which its responses are scored. Of `grade`: candidates with grades, and pairs to train on.
POOL, ROWS, GRADED, GRADED_PAIRS = "pool.jsonl", "responses.jsonl", "graded.jsonl", "pairs.jsonl"
MARGINS, CHOSEN, VERDICTS = "margins.jsonl", "chosen.jsonl", "verdicts.jsonl"  # of score (and measure), select, annotate
# Of `annotate`: a round's pairs to train on and to measure by, how far readings agree, and the labels of all rounds so far.
TRAIN, MEASURE, AGREEMENT, LABELS = "train.jsonl", "measure.jsonl", "agreement.json", "labels.jsonl"
RUN, HELD_OUT = "run", "held-out.json"  # of a training; of measure


@dataclass(frozen=True)
class Places:
    """output: the loop's folder. Round 0 is the start."""

    output: Path

    def folder(self, number: int, stage: str) -> Path:
        return self.output / (f"round-{number}" if number else "start") / stage

    def start(self, stage: str, name: str) -> Path:
        return self.folder(0, stage) / name

    def run(self, number: int) -> Path:
        """Of the reward model that stands after a round."""
        return self.folder(number, "retrain" if number else "bt") / RUN

    def margins(self, number: int) -> Path:
        """Of the pool, by the reward model that stands before a round."""
        return self.folder(number, "score") / MARGINS

    def chosen(self, number: int) -> Path:
        return self.folder(number, "select") / CHOSEN

    def annotated(self, number: int, name: str) -> Path:
        return self.folder(number, "annotate") / name

    def judged(self, number: int) -> Judged:
        return judged(self.chosen(number), self.annotated(number, VERDICTS))

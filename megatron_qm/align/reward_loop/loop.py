"""The rounds of a reward model and annotators, stage by stage (report, figure 6).

    start/     grade, pairs, bt, measure       a generative model's grades; the pool of pairs; the first reward model
    round-1/   second, score, select, annotate, retrain, measure
    round-2/   ...

`grade` is there where a generative reward model is named; where none is, `second` trains another member of a committee, and pairs
on which both members disagree are asked about (query by committee: Seung, Opper and Sompolinsky, 1992).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from megatron_qm.align.annotation.candidates import read_candidates
from megatron_qm.align.annotation.scored import read_margins
from megatron_qm.align.reward_loop import margins, training
from megatron_qm.align.reward_loop.annotating import by_function, by_people, judge_of
from megatron_qm.align.reward_loop.judged import wrongly_judged
from megatron_qm.align.reward_loop.places import (
    AGREEMENT,
    CHOSEN,
    GRADED,
    GRADED_PAIRS,
    HELD_OUT,
    LABELS,
    MARGINS,
    MEASURE,
    POOL,
    ROWS,
    RUN,
    TRAIN,
    VERDICTS,
    Places,
)
from megatron_qm.align.reward_loop.pool import build_pool
from megatron_qm.align.reward_loop.stage import Stage
from megatron_qm.checkpoint.folder import newest
from megatron_qm.config.reward_loop import RewardLoopConfig
from megatron_qm.errors import UserError
from megatron_qm.files import write_json_lines
from megatron_qm.json_lines import json_rows
from megatron_qm.json_types import JsonObject
from megatron_qm.steps import Steps, heading


@dataclass
class RewardLoop(Steps):
    """recipe: what training.check_recipe has found in it."""

    config: RewardLoopConfig
    recipe: JsonObject

    @property
    def places(self) -> Places:
        return Places(Path(self.config.output))

    def stages(self) -> Iterator[Stage]:
        """In their order. What a stage reads may not be there before those before it are done."""
        if self.config.genrm is not None:
            yield self._grade()
        yield self._pairs()
        yield self._training(0, "bt", 0, self.config.seed)
        if self.config.held_out is not None:
            yield self._measure(0)
        for number in range(1, self.config.rounds + 1):
            if self._committee:
                yield self._training(number, "second", number - 1, self.config.seed + 1)
            yield self._score(number)
            yield self._select(number)
            yield self._annotate(number)
            yield self._training(number, "retrain", number, self.config.seed)
            yield self._measure(number)

    @property
    def _committee(self) -> bool:
        return self.config.genrm is None and self.config.choose == "hardest"

    def _stage(self, number: int, name: str, reads: Mapping[str, object], settings: JsonObject, writes: Sequence[str],
               work: Callable[[Path, str], None], goes_on: bool = False) -> Stage:
        """reads: those that are not None. work: is given the folder and the stage's name, and prints to a log in there."""
        folder = self.places.folder(number, name)
        full = f"{folder.parent.name}/{name}"

        def logged() -> None:
            heading(full)
            self.seconds[full], self.log = 0.0, folder / "log.txt"
            work(folder, full)

        paths = {what: Path(str(path)) for what, path in reads.items() if path is not None}
        return Stage(full, number, folder, paths, settings, writes, logged, goes_on)

    def _grade(self) -> Stage:
        genrm, candidates = self.config.genrm, self.config.candidates
        assert genrm is not None

        def work(folder: Path, name: str) -> None:
            self._verb(name, "grade", "--model", genrm.checkpoint, "--input", candidates, "--output", folder / GRADED, "--pairs",
                       folder / GRADED_PAIRS, "--margin", genrm.margin, "--seed", self.config.seed, "--overwrite", *genrm.options)

        settings: JsonObject = {"margin": genrm.margin, "options": genrm.options, "seed": self.config.seed}
        reads = {"candidates": candidates, "genrm": genrm.checkpoint}
        return self._stage(0, "grade", reads, settings, [GRADED, GRADED_PAIRS], work)

    def _pairs(self) -> Stage:
        config, graded = self.config, self.config.genrm is not None
        source = self.places.start("grade", GRADED) if graded else Path(config.candidates)

        def work(folder: Path, name: str) -> None:
            count, left_out = build_pool(source, graded, config.pairs_per_prompt, config.seed, folder / POOL, folder / ROWS)
            told = "".join(f"; left out: {number} {why}" for why, number in left_out.items())
            print(f"{name}: {count} pairs of {source}{told}", flush=True)
            if count < config.rounds * config.labels:
                raise UserError(f"rounds = {config.rounds} of labels = {config.labels} are more than the {count} pairs of "
                                f"{source}; ask for fewer, raise pairs_per_prompt, or add candidates")

        return self._stage(0, "pairs", {"candidates": source}, {"pairs_per_prompt": config.pairs_per_prompt, "seed": config.seed},
                           [POOL, ROWS], work)

    def _training(self, number: int, name: str, rounds: int, seed: int) -> Stage:
        """On the labels of the first `rounds` rounds and all that there was before."""
        config = self.config
        graded = None if config.genrm is None else self.places.start("grade", GRADED_PAIRS)
        labels = self.places.annotated(rounds, LABELS) if rounds else None
        groups = {"first": config.first_pairs, "genrm": graded, training.LABELS: labels}

        def work(folder: Path, name: str) -> None:
            files = {group: Path(path) for group, path in groups.items() if path is not None}
            self._verb(name, "reward-model", *training.words(config, folder / RUN, files, seed))

        return self._stage(number, name, {"start_from": config.start_from, **groups},
                           {"recipe": self.recipe, "labels_share": config.labels_share, "seed": seed}, [RUN], work, goes_on=True)

    def _score(self, number: int) -> Stage:
        """Of the pool, by the model that stands."""
        rows, pool = self.places.start("pairs", ROWS), self.places.start("pairs", POOL)
        model, second = self.places.run(number - 1), self.places.folder(number, "second") / RUN if self._committee else None

        def work(folder: Path, name: str) -> None:
            of_model = self._scored(name, model, rows, folder / "bt.json")
            of_second = self._scored(name, second, rows, folder / "second.json") if second else None
            write_json_lines(folder / MARGINS, margins.pool_margins(read_candidates(pool).pairs, of_model, of_second))

        return self._stage(number, "score", {"responses": rows, "pool": pool, "model": model, "second": second},
                           {"scoring": self.config.scoring}, [MARGINS], work)

    def _select(self, number: int) -> Stage:
        config, places, earlier = self.config, self.places, range(1, number)
        pool, scores = places.start("pairs", POOL), places.margins(number)
        settings: JsonObject = {"labels": config.labels, "choose": config.choose, "stratum": config.stratum,
                                "similarity": config.similarity, "seed": config.seed}

        def work(folder: Path, name: str) -> None:
            options = ["--stratum", config.stratum] if config.stratum else []
            options += [str(word) for before in earlier for word in ("--without", places.chosen(before))]
            if config.choose == "random":
                write_json_lines(folder / MARGINS, margins.without_opinion(read_candidates(pool).pairs))
            elif errors := [pair.line for before in earlier
                            for pair in wrongly_judged(places.judged(before), read_margins(places.margins(before)))]:
                write_json_lines(folder / "errors.jsonl", errors)
                options += ["--errors", str(folder / "errors.jsonl")]
            self._verb(name, "select", "--pairs", pool, "--scores", folder / MARGINS if config.choose == "random" else scores,
                       "--count", config.labels, "--similarity", config.similarity, "--seed", config.seed + number, *options,
                       "--output", folder / CHOSEN, "--overwrite")

        reads = {"pool": pool, "margins": scores, **{f"verdicts of round {before}": places.annotated(before, VERDICTS)
                                                     for before in earlier}}
        return self._stage(number, "select", reads, settings, [CHOSEN], work)

    def _annotate(self, number: int) -> Stage:
        who, places, seed = self.config.annotators, self.places, self.config.seed + number
        chosen = places.chosen(number)

        def work(folder: Path, name: str) -> None:
            verdicts, judge = folder / VERDICTS, judge_of(who)
            if judge is None:
                by_people(chosen, verdicts, who, seed, folder / "log.txt")
            else:
                by_function(judge, chosen, verdicts, who, seed)
            self._verb(name, "annotate", "--summary", verdicts, "--json", folder / AGREEMENT, "--pairs", chosen, "--export",
                       folder / TRAIN, "--measure", folder / MEASURE, "--overwrite")
            told = [row for before in range(1, number + 1) for _, row in json_rows(places.annotated(before, TRAIN))]
            if not told:
                raise UserError(f"{name}: annotators have decided no pair to train on; see {verdicts}")
            write_json_lines(folder / LABELS, told)

        settings: JsonObject = {"names": who.names, "function": who.function, "second": who.second, "seed": seed}
        earlier = {f"labels of round {before}": places.annotated(before, TRAIN) for before in range(1, number)}
        return self._stage(number, "annotate", {"chosen": chosen, **earlier}, settings,
                           [VERDICTS, TRAIN, MEASURE, AGREEMENT, LABELS], work, goes_on=True)

    def _measure(self, number: int) -> Stage:
        """On the pairs of all rounds so far that were drawn at random, and on those held out."""
        places, run, held_out = self.places, self.places.run(number), self.config.held_out

        def work(folder: Path, name: str) -> None:
            pairs = [one.pair for before in range(1, number + 1) for one in places.judged(before).to_measure]
            scores: margins.Scores = {}
            if pairs:
                write_json_lines(folder / "random.jsonl", map(margins.as_row, pairs))
                scores = self._scored(name, run, folder / "random.jsonl", folder / "random.json")
            write_json_lines(folder / MARGINS, margins.pair_margins(pairs, scores))
            if held_out is not None:
                self._scored(name, run, Path(held_out), folder / HELD_OUT)

        reads = {"model": run, "held_out": held_out,
                 **{f"verdicts of round {before}": places.annotated(before, VERDICTS) for before in range(1, number + 1)}}
        writes = [MARGINS, HELD_OUT] if held_out else [MARGINS]
        return self._stage(number, "measure", reads, {"scoring": self.config.scoring}, writes, work)

    def _scored(self, name: str, run: Path, pairs: Path, output: Path) -> margins.Scores:
        self._verb(name, "evaluate", "--model", newest(run), "--pairs", pairs, "--output", output, "--overwrite",
                   *self.config.scoring)
        return margins.scores_in(output)

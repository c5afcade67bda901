"""Rounds whose commands are played: a training is a file, models count letters, `select` and `annotate` are the real ones. What
stages ask for, the generative model's part, and an end at any command, after which all is as if there had been none."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from megatron_qm.align.reward_loop.loop import RewardLoop
from megatron_qm.align.reward_loop.progress import in_words, progress
from megatron_qm.cli import main
from megatron_qm.config.reward_loop import AnnotatorsConfig, GenrmConfig, RewardLoopConfig
from megatron_qm.errors import UserError
from megatron_qm.evals.pairs.report import evaluate_pairs
from megatron_qm.files import write_json, write_json_lines
from tests.align.stages import written

ANNOTATORS = AnnotatorsConfig(["ann", "ben"], function="tests.align.reward_loop.cases:exact", second=0.2)


class Played(RewardLoop):
    """commands: what was asked; it fails once so many have been asked. A model is what it has learnt from and its seed, and
    values digits the more labels it has seen."""

    def __init__(self, config: RewardLoopConfig, fails_after: int | None = None) -> None:
        super().__init__(config, {})
        self.commands: list[list[str]] = []
        self._fails_after = fails_after

    def _verb(self, title: str, *arguments: object, quiet: bool = False) -> None:
        words = [str(word) for word in arguments]
        if self._fails_after is not None and len(self.commands) >= self._fails_after:
            raise UserError("played: the end")
        self.commands.append(words)
        named = {words[at]: words[at + 1] for at in range(len(words) - 1) if words[at].startswith("--")}
        if words[0] == "grade":
            _grade(named)
        elif words[0] == "reward-model":
            _train(dict(word.split("=", 1) for word in words if "=" in word))
        elif words[0] == "evaluate":
            write_json(Path(named["--output"]), evaluate_pairs(Path(named["--pairs"]), _scorer(Path(named["--model"]))).to_json())
        else:
            assert main(words) == 0


def _grade(named: dict[str, str]) -> None:
    """By length, of lengths above 6 nothing."""
    rows = [json.loads(line) for line in Path(named["--input"]).read_text().splitlines()]
    write_json_lines(Path(named["--output"]), [
        {**row, "scores": [len(text) if len(text) <= 6 else None for text in row["responses"]], "samples": []} for row in rows])
    write_json_lines(Path(named["--pairs"]), [{"prompt": "?", "chosen": "22", "rejected": "1"}])


def _train(overrides: dict[str, str]) -> None:
    checkpoint = Path(overrides["output"]) / "checkpoints" / "step-00000001"
    checkpoint.mkdir(parents=True, exist_ok=True)
    sources = json.loads(overrides["reward_model.sources"])
    learnt = {source["name"]: Path(source["path"]).read_text().splitlines() for source in sources}
    write_json(checkpoint / "manifest.json", {"seed": overrides["train.seed"], "learnt": learnt})


def _scorer(checkpoint: Path):
    known = json.loads((checkpoint / "manifest.json").read_text())

    def scored(asked: Sequence) -> list[float]:
        texts = ["".join(message["content"] for message in one[1:]) for one in asked]
        labels = len(known["learnt"].get("labels", []))
        return [sum(map(str.isdigit, text)) * labels - len(text) * (1 + int(known["seed"])) % 7 for text in texts]

    return scored


def config(folder: Path, **changes: object) -> RewardLoopConfig:
    rows = [{"key": f"c{at}", "prompt": f"q{at}?",
             "responses": ["1" * (at % 4), "22x" * (at % 3 + 1), "y" * (at % 5 + 1), f"z{at}"]} for at in range(20)]
    pairs = [{"prompt": "?", "chosen": "22", "rejected": "1"}]
    held_out = [{"prompt": f"q{at}?", "chosen": "1" * at, "rejected": "y", "stratum": "ab"[at % 2]} for at in range(1, 9)]
    (folder / "checkpoint").mkdir(parents=True, exist_ok=True)
    (folder / "checkpoint" / "manifest.json").write_text("a language model")
    return RewardLoopConfig(**{
        "start_from": str(folder / "checkpoint"), "candidates": str(written(folder / "candidates.jsonl", rows)),
        "annotators": ANNOTATORS, "output": str(folder / "loop"), "first_pairs": str(written(folder / "first.jsonl", pairs)),
        "held_out": str(written(folder / "held-out.jsonl", held_out)), "rounds": 3, "labels": 12, "pairs_per_prompt": 3,
        **changes})


def to_the_end(loop: Played) -> Played:
    for stage in loop.stages():
        if stage.state() != "done":
            stage.run()
    return loop


def outcome(folder: Path) -> dict[str, bytes]:
    """Of every file that models and people have made; verdicts without their times."""
    names = ("chosen.jsonl", "labels.jsonl", "train.jsonl", "measure.jsonl", "margins.jsonl", "pool.jsonl", "1/manifest.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("loop/**/*")
            if path.is_file() and str(path).endswith(names)}


def test_every_round_learns_from_all_labels_so_far_and_sees_new_pairs(tmp_path: Path) -> None:
    loop = to_the_end(Played(config(tmp_path)))
    assert groups(loop) == [["first"]] * 2 + [["first", "labels"]] * 5
    seeds = [word for words in loop.commands for word in words if word.startswith("train.seed=")]
    assert seeds == ["train.seed=0", *["train.seed=1", "train.seed=0"] * 3]
    chosen = [row["key"] for number in (1, 2, 3) for row in read(loop.places.chosen(number))]
    assert len(chosen) == len(set(chosen)) == 36
    for number in (1, 2, 3):
        labels = read(loop.places.annotated(number, "labels.jsonl"))
        assert labels == [row for before in range(1, number + 1) for row in read(loop.places.annotated(before, "train.jsonl"))]
    selects = [words for words in loop.commands if words[0] == "select"]
    assert [words.count("--without") for words in selects] == [0, 1, 2]
    assert [words[words.index("--seed") + 1] for words in selects] == ["1", "2", "3"]


def groups(loop: Played) -> list[list[str]]:
    """What every training has learnt from."""
    said = [words[-1].removeprefix("reward_model.sources=") for words in loop.commands if words[0] == "reward-model"]
    return [[source["name"] for source in json.loads(text)] for text in said]


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_progress_asks_every_model_about_the_same_pairs(tmp_path: Path) -> None:
    loop = to_the_end(Played(config(tmp_path)))
    found = progress(loop.places, 3, genrm=False)
    rows = found["rows"]
    assert len({row["random"]["n"] for row in rows}) == 1 and rows[0]["random"]["n"] > 0
    assert [row["labels"] for row in rows] == [0, 12, 24, 36]
    assert rows[3]["trained_on"] == len(read(loop.places.annotated(3, "labels.jsonl")))
    for row in rows:
        told = json.loads((loop.places.folder(row["round"], "measure") / "held-out.json").read_text())
        assert row["held_out"]["accuracy"] == told["accuracy"] and set(row["held_out"]["strata"]) == {"a", "b"}
    gained = 100 * (rows[3]["held_out"]["accuracy"] - rows[0]["held_out"]["accuracy"])
    assert gained > 0 and rows[3]["per_point"] == pytest.approx(36 / gained) and rows[0]["per_point"] is None
    assert [line.split()[0] for line in in_words(found).splitlines()] == ["round", "start", "1", "2", "3"]


def test_the_generative_model_grades_once_and_its_pairs_are_learnt_from(tmp_path: Path) -> None:
    genrm = GenrmConfig(str(tmp_path / "checkpoint"), 2.5, ["--samples", "8"])
    loop = to_the_end(Played(config(tmp_path, genrm=genrm, rounds=2)))
    grades = [words for words in loop.commands if words[0] == "grade"]
    assert len(grades) == 1 and grades[0][-2:] == ["--samples", "8"] and "--margin 2.5" in " ".join(grades[0])
    assert groups(loop) == [["first", "genrm"]] + [["first", "genrm", "labels"]] * 2
    pool = {row["key"]: row for row in read(loop.places.start("pairs", "pool.jsonl"))}
    for row in read(loop.places.margins(1)):
        a, b = (len(pool[row["key"]][side]) for side in "ab")
        assert row["genrm"] == (a - b if max(a, b) <= 6 else None) and row["bt"] is not None
    assert progress(loop.places, 2, genrm=True)["genrm"]["n"] > 0


def test_random_pairs_are_chosen_without_an_opinion(tmp_path: Path) -> None:
    loop = to_the_end(Played(config(tmp_path, choose="random", rounds=1)))
    assert sum(words[0] == "reward-model" for words in loop.commands) == 2, "no committee"
    selections = [row["selection"] for row in read(loop.places.chosen(1))]
    assert {one["reason"] for one in selections} == {"random", "small margin"}
    assert all(one["value"] is None for one in selections)
    assert any(row["bt"] for row in read(loop.places.margins(1))), "they are there to measure by"


def test_past_errors_are_of_what_was_trained_on(tmp_path: Path) -> None:
    loop = to_the_end(Played(config(tmp_path)))
    errors = read(loop.places.folder(3, "select") / "errors.jsonl")
    told = {row["key"]: row["selection"]["unbiased"] for number in (1, 2) for row in read(loop.places.chosen(number))}
    assert errors and all(told[row["key"]] is False for row in errors)
    assert "--errors" not in [words for words in loop.commands if words[0] == "select"][0]


def test_an_end_at_any_command_changes_nothing_of_the_outcome(tmp_path: Path) -> None:
    whole = to_the_end(Played(config(tmp_path / "whole", rounds=2)))
    expected = outcome(tmp_path / "whole")
    interrupted = config(tmp_path / "cut", rounds=2)
    for fails_after in range(len(whole.commands)):
        with pytest.raises(UserError, match="the end"):
            to_the_end(Played(interrupted, fails_after % 3))
    last = to_the_end(Played(interrupted))
    assert len(expected) > 15 and outcome(tmp_path / "cut") == expected
    assert not to_the_end(Played(interrupted)).commands and len(last.commands) < len(whole.commands)


def test_more_rounds_than_pairs_are_refused_before_anything_is_trained(tmp_path: Path) -> None:
    loop = Played(config(tmp_path, rounds=9))
    with pytest.raises(UserError, match="rounds = 9 of labels = 12 are more than the .* pairs of"):
        to_the_end(loop)
    assert not loop.commands


def test_a_round_without_a_decision_ends_the_loop(tmp_path: Path) -> None:
    says = written(tmp_path / "bad.jsonl", [{"key": row["key"], "verdict": "bad"} for row in read(pool_of(tmp_path))])
    with pytest.raises(UserError, match="round-1/annotate: annotators have decided no pair to train on"):
        to_the_end(Played(config(tmp_path, annotators=AnnotatorsConfig(["ann"], verdicts=str(says)))))


def pool_of(folder: Path) -> Path:
    loop = Played(config(folder))
    next(stage for stage in loop.stages() if stage.name == "start/pairs").run()
    return loop.places.start("pairs", "pool.jsonl")


def test_a_file_of_verdicts_may_grow_from_round_to_round(tmp_path: Path) -> None:
    file = written(tmp_path / "said.jsonl", [])
    settings = config(tmp_path, annotators=AnnotatorsConfig(["ann"], verdicts=str(file)), rounds=2)
    for number in (1, 2):
        with pytest.raises(UserError, match="said.jsonl holds no verdict on the pair .* add a line for every pair"):
            to_the_end(Played(settings))
        chosen = read(Played(settings).places.chosen(number))
        written(file, [*read(file), *({"key": row["key"], "verdict": "ab"[at % 2]} for at, row in enumerate(chosen))])
    loop = to_the_end(Played(settings))
    assert [row["labels"] for row in progress(loop.places, 2, genrm=False)["rows"]] == [0, 12, 24]


def test_later_labels_of_people_refuse_what_was_made_of_earlier_ones(tmp_path: Path) -> None:
    """A page that went on after the round was over: nothing is trained anew behind anybody's back."""
    loop = to_the_end(Played(config(tmp_path, rounds=1)))
    with open(loop.places.annotated(1, "verdicts.jsonl"), "a") as log:
        log.write("\n")
    with pytest.raises(UserError, match="round-1/annotate: .*verdicts.jsonl is not what it wrote"):
        to_the_end(Played(config(tmp_path, rounds=1)))

"""A stage's manifest: written last, and then a stage is done; what has changed since is refused."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from megatron_qm.align.reward_loop.stage import Stage, digest_of
from megatron_qm.errors import UserError


def stage(folder: Path, work: Callable[[], None] | None = None, *, goes_on: bool = False, **settings: object) -> Stage:
    output = folder / "round-1" / "select"

    def copy() -> None:
        output.mkdir(parents=True, exist_ok=True)
        (output / "out").write_text((folder / "in").read_text() * 2)

    return Stage("round-1/select", 1, output, {"pool": folder / "in"}, {"seed": 1, **settings}, ["out"], work or copy, goes_on)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").write_text("x")
    return tmp_path


def test_a_stage_is_to_do_then_done_and_stays_so(folder: Path) -> None:
    assert stage(folder).state() == "to do"
    stage(folder).run()
    assert stage(folder).state() == "done"
    manifest = json.loads((folder / "round-1" / "select" / "manifest.json").read_text())
    assert manifest["stage"] == "round-1/select" and manifest["settings"] == {"seed": 1}
    assert manifest["reads"] == {"pool": digest_of(folder / "in")}
    assert manifest["writes"] == {"out": digest_of(folder / "round-1" / "select" / "out")}


def test_a_stage_that_fails_has_no_manifest_and_is_begun(folder: Path) -> None:
    def fail() -> None:
        raise UserError("no")

    with pytest.raises(UserError, match="^no$"):
        stage(folder, fail).run()
    assert stage(folder).state() == "begun"
    stage(folder).run()
    assert stage(folder).state() == "done"


def test_a_stage_whose_output_was_not_written_is_not_done(folder: Path) -> None:
    with pytest.raises(UserError, match="out: cannot be read"):
        stage(folder, lambda: None).run()
    assert stage(folder).state() == "begun"


@pytest.mark.parametrize(("change", "why"), [
    (lambda folder: (folder / "in").write_text("yy"), "round-1/select: its pool, .*in, has changed since it was done"),
    (lambda folder: (folder / "round-1" / "select" / "out").write_text("z"), "out is not what it wrote"),
    (lambda folder: (folder / "in").unlink(), "in: cannot be read"),
    (lambda folder: (folder / "round-1" / "select" / "out").unlink(), "out: cannot be read"),
    (lambda folder: (folder / "round-1" / "select" / "manifest.json").write_text("{"), "is no manifest of a stage"),
])
def test_what_has_changed_since_is_refused(folder: Path, change: Callable[[Path], object], why: str) -> None:
    stage(folder).run()
    change(folder)
    with pytest.raises(UserError, match=why):
        stage(folder).state()


def test_other_settings_are_refused_with_both_values(folder: Path) -> None:
    stage(folder, labels=10, recipe={"train": {"steps": 3}}).run()
    with pytest.raises(UserError, match="recipe.train.steps is 4, and was 3 when it was done; .* remove .*select and the stages"):
        stage(folder, labels=10, recipe={"train": {"steps": 4}}).state()
    with pytest.raises(UserError, match="labels is None, and was 10"):
        stage(folder, recipe={"train": {"steps": 3}}).state()
    assert stage(folder, labels=10, recipe={"train": {"steps": 3}}).state() == "done"


def test_what_goes_on_must_be_of_the_same_and_what_does_not_begins_anew(folder: Path) -> None:
    def write_and_fail() -> None:
        (folder / "round-1" / "select" / "out").write_text("half of it")
        raise UserError("no")

    for work in (lambda: None, write_and_fail):
        assert stage(folder, goes_on=True, labels=3).state() in ("to do", "begun"), "nothing is there that could go on"
        with pytest.raises(UserError):
            stage(folder, work, goes_on=True).run()
        assert stage(folder, goes_on=True).state() == "begun"
    assert stage(folder, labels=3).state() == "begun"
    with pytest.raises(UserError, match="labels is 3, and was None when it was begun"):
        stage(folder, goes_on=True, labels=3).state()


def test_a_file_of_the_same_size_that_was_written_again_is_read_again(folder: Path) -> None:
    first = digest_of(folder / "in")
    (folder / "in").write_text("y")
    os.utime(folder / "in", (1, 1))
    assert digest_of(folder / "in") != first


def test_runs_are_known_by_their_newest_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no checkpoint"):
        digest_of(tmp_path)
    for step, text in ((9, "nine"), (10, "ten")):
        made = tmp_path / "checkpoints" / f"step-{step:08d}"
        made.mkdir(parents=True)
        (made / "manifest.json").write_text(text)
    assert digest_of(tmp_path) == digest_of(made) == digest_of(made / "manifest.json")

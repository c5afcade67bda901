"""Which checkpoints count, which go, and what a killed run leaves behind."""

from pathlib import Path

import pytest

from megatron_qm.checkpoint.folder import (
    checkpoint_name,
    copy_files,
    make_room,
    newest_good,
    published,
    remove_leftovers,
    retain,
    step_of,
    temporary_name,
)
from megatron_qm.checkpoint.manifest import Manifest, write_manifest


def a_checkpoint(directory: Path, step: int) -> Path:
    folder = directory / checkpoint_name(step)
    (folder / "weights").mkdir(parents=True)
    (folder / "weights" / "__0_0.distcp").write_bytes(b"weights of %d" % step)
    write_manifest(folder, Manifest(step=step, tokens=step, model={}, dtype="fp32"))
    return folder


def steps(directory: Path) -> list[int]:
    return [step_of(path) for path in published(directory)]


def test_names() -> None:
    assert checkpoint_name(200) == "step-00000200"
    assert step_of(Path("x/step-00000200")) == 200
    assert step_of(Path(checkpoint_name(123456789))) == 123456789
    for other in ("step-200", "step-00000200.old", temporary_name(200, "3f9a"), "steps"):
        assert step_of(Path(other)) is None


def test_published_goes_by_step_and_ignores_all_else(tmp_path: Path) -> None:
    for step in (90, 100_000_000, 100):
        a_checkpoint(tmp_path, step)
    (tmp_path / temporary_name(110, "3f9a")).mkdir()
    (tmp_path / "step-00000120").write_text("a file")
    assert steps(tmp_path) == [100_000_000, 100, 90]
    assert published(tmp_path / "not there") == []


@pytest.mark.parametrize("harm", ["truncate", "alter", "remove", "no manifest", "torn manifest"])
def test_newest_good_skips_bad_ones_and_says_why(tmp_path: Path, harm: str) -> None:
    good, bad = a_checkpoint(tmp_path, 100), a_checkpoint(tmp_path, 200)
    path = bad / "weights" / "__0_0.distcp"
    if harm == "truncate":
        path.write_bytes(path.read_bytes()[:-1])
    elif harm == "alter":
        path.write_bytes(path.read_bytes().swapcase())
    elif harm == "remove":
        path.unlink()
    elif harm == "no manifest":
        (bad / "manifest.json").unlink()
    else:
        (bad / "manifest.json").write_text("{")
    found, notes = newest_good(tmp_path)
    assert found == good
    assert len(notes) == 1
    assert notes[0].startswith("skipped step-00000200: ")
    assert ("manifest" if "manifest" in harm else "__0_0.distcp") in notes[0]


def test_newest_good_of_nothing(tmp_path: Path) -> None:
    assert newest_good(tmp_path) == (None, [])
    (a_checkpoint(tmp_path, 1) / "manifest.json").unlink()
    assert newest_good(tmp_path)[0] is None


def test_retention(tmp_path: Path) -> None:
    for step in range(100, 1100, 100):
        a_checkpoint(tmp_path, step)
    removed = retain(tmp_path, 1000, keep_last=2, keep_every=400)
    assert sorted(map(step_of, removed)) == [100, 200, 300, 500, 600, 700]
    assert steps(tmp_path) == [1000, 900, 800, 400]
    assert retain(tmp_path, 1000, keep_last=0, keep_every=None) != []
    assert steps(tmp_path) == [1000]  # the newest always stays
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_retention_does_not_count_what_was_skipped_as_bad(tmp_path: Path) -> None:
    for step in (100, 200, 300, 400):
        a_checkpoint(tmp_path, step)
    # the run went on from 200, because 300 and 400 are bad, and has just published 250
    a_checkpoint(tmp_path, 250)
    assert retain(tmp_path, 250, keep_last=2, keep_every=None, bad={"step-00000300", "step-00000400"}) == [
        tmp_path / "step-00000100"
    ]
    assert steps(tmp_path) == [400, 300, 250, 200]
    # later it passes the first bad one without writing that step again
    a_checkpoint(tmp_path, 350)
    retain(tmp_path, 350, keep_last=2, keep_every=None, bad={"step-00000300", "step-00000400"})
    assert steps(tmp_path) == [400, 350, 300, 250]


def test_leftovers_of_killed_runs_go_and_nothing_else(tmp_path: Path) -> None:
    a_checkpoint(tmp_path, 100)
    for name in (temporary_name(200, "3f9a"), ".step-00000050.412.deleting", "..step-00000200.3f9a.saving.9.deleting"):
        (tmp_path / name / "weights").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "notes").mkdir()
    assert len(remove_leftovers(tmp_path)) == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "notes", "step-00000100"]
    assert remove_leftovers(tmp_path / "not there") == []


def test_make_room(tmp_path: Path) -> None:
    folder = a_checkpoint(tmp_path, 100)
    make_room(folder)
    make_room(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_tokenizer_given_as_a_released_model_brings_no_weights(tmp_path: Path) -> None:
    source = tmp_path / "model"
    (source / "nested").mkdir(parents=True)
    for name in ("tokenizer.json", "merges.txt", "model.safetensors", "pytorch_model.bin", ".gitattributes"):
        (source / name).write_text(name)
    assert copy_files(source, tmp_path / "a") == ["merges.txt", "tokenizer.json"]
    assert copy_files(source / "tokenizer.json", tmp_path / "b") == ["tokenizer.json"]
    assert (tmp_path / "b" / "tokenizer.json").read_text() == "tokenizer.json"

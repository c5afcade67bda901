"""Every verb that writes, at places that cannot be written: one sentence before any work, and nothing left behind."""

import argparse
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from megatron_qm import cli, outputs
from megatron_qm.commands import stage as stage_verb
from megatron_qm.commands.resolve import Resolved
from megatron_qm.commands.start import check_places
from megatron_qm.config.stages import STAGES
from megatron_qm.errors import UserError
from megatron_qm.files import folder_for
from megatron_qm.observe.metrics import MetricsWriter
from megatron_qm.observe.page.document import document
from megatron_qm.observe.report import is_report
from megatron_qm.train.launch import launch_local
from megatron_qm.train.lock import locked
from megatron_qm.work import work_of
from tests.observe.test_metrics import train_record
from tests.test_help import actions, parser_of

# Written by options whose places are asked elsewhere, each with a test of its own.
ELSEWHERE = {"archive --output": "below, as a store may be named", "data preprocess --output-prefix": "tests/data_tools",
             "data preprocess --rejects": "tests/data_tools", "data merge --output-prefix": "tests/data_tools"}
_WRITES = re.compile(r"--(output.*|json|folder|rejects|page|export|measure)")
_ALSO = {"grade --pairs"}  # which elsewhere are read


def writing(verb: str) -> list[tuple[str, argparse.Action]]:
    kinds = (outputs.file, outputs.new, outputs.folder)
    return [(name, action) for name, action in actions(parser_of(verb), verb) if action.type in kinds]


OPTIONS = [(name, action.type) for verb in cli._VERBS for name, action in writing(verb)]


@pytest.fixture
def obstacles(tmp_path: Path) -> dict[str, str]:
    """{place: the words by which its obstacle is known}."""
    (tmp_path / "file").write_text("kept")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("gone/away")
    return {
        f"{tmp_path}/file/x": f"{tmp_path}/file is a file, no folder",
        f"{tmp_path}/file/x/y/z": f"{tmp_path}/file is a file, no folder",
        f"{tmp_path}/loop/x": f"{tmp_path}/loop is a link that leads nowhere, no folder",
        f"{tmp_path}/loop": "is a link that leads nowhere",
        f"{tmp_path}/nowhere": "is a link that leads nowhere",
        f"{tmp_path}/new/{'n' * 300}/x": "File name too long",
        f"{tmp_path}/new/{'n' * 300}": "File name too long",
        "/dev/null/x": "/dev/null is a file, no folder",
        "/proc/nothing/x": "/proc: No such file or directory",
        "": "has an empty name",
    }


def tree(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*"))


def test_every_option_that_names_an_output_is_asked() -> None:
    for verb in cli._VERBS:
        named = {name for name, action in actions(parser_of(verb), verb)
                 if (_WRITES.fullmatch(name.split()[-1]) or name in _ALSO) and not isinstance(action, argparse._StoreTrueAction)}
        assert named - ELSEWHERE.keys() == {name for name, _ in writing(verb)}


@pytest.mark.parametrize(("option", "kind"), OPTIONS, ids=[name for name, _ in OPTIONS])
def test_a_place_that_cannot_be_written_is_refused_first(
    option: str, kind: Callable[[str], Path], obstacles: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    own = {str(tmp_path): "is a folder"} if kind is not outputs.folder else {f"{tmp_path}/file": "is a file, no folder"}
    before = tree(tmp_path)
    for place, words in (obstacles | own).items():
        assert cli.main([*option.split(), place]) == 2, place
        said = capsys.readouterr().err
        assert said.startswith(f"error: {place}" if place else "error: the place") and said.count("\n") == 1, said
        assert words in said and "; name " in said, (place, said)
        assert tree(tmp_path) == before


@pytest.mark.parametrize("name", STAGES)
def test_a_run_asks_for_its_folders_first(
    name: str, obstacles: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = STAGES[name]
    plain, before = stage.kind(), tree(tmp_path)
    for place in obstacles:
        local = replace(plain, output=str(tmp_path / "good"), checkpoint=replace(plain.checkpoint, local=place))
        for config in (replace(plain, output=place), local):
            monkeypatch.setattr(stage_verb, "resolve", lambda *_, config=config, **__: Resolved(stage, work_of(stage), config))
            with pytest.raises(UserError, match=re.escape(place or "empty name")):
                stage_verb.run(argparse.Namespace(show=None, dry_run=False, stage=name, nproc=None))
            assert tree(tmp_path) == before


@pytest.fixture
def owned(tmp_path: Path) -> list[Path]:
    """Files of a run and of a checkpoint elsewhere, by several names, and what is not there yet."""
    run, other = tmp_path / "run", tmp_path / "imported"
    step = run / "checkpoints" / "step-00000001"
    for folder in (step, other, run / "data"):
        folder.mkdir(parents=True)
    for file in (run / "metrics.jsonl", step / "manifest.json", run / "data" / "c.bin", other / "manifest.json"):
        file.write_text("kept")
    (tmp_path / "link").symlink_to(run / "metrics.jsonl")
    (tmp_path / "there").symlink_to(run / "checkpoints")
    return [run / "metrics.jsonl", run / "ledger.jsonl", step / "manifest.json", run / "checkpoints" / "new",
            run / "data" / "c.bin", run / ".." / "run" / "metrics.jsonl", tmp_path / "link", tmp_path / "there" / "x",
            other / "manifest.json", other / "weights" / "x"]


@pytest.mark.parametrize("option", [name for name, kind in OPTIONS if kind is outputs.file])
def test_a_file_of_a_run_is_refused_first(option: str, owned: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    before = tree(tmp_path)
    for place in owned:
        assert cli.main([*option.split(), str(place)]) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"error: {place}: belongs to the ") and said.count("\n") == 1, said
    assert tree(tmp_path) == before and (tmp_path / "run" / "metrics.jsonl").read_text() == "kept"


def test_beside_the_files_of_a_run_is_a_good_place(owned: list[Path]) -> None:
    for place in (owned[0].with_name("report.html"), owned[0].with_name("scores.json"), owned[0].parents[1] / "data" / "x"):
        assert outputs.file(str(place)) == place


APART = {
    "evaluate --items": "--model none --items {} --output {}",
    "evaluate --items, several": "--model none --items other {} --output {}",
    "evaluate --probes": "--model none --probes {} --output {}",
    "evaluate --pairs": "--scorer a:b --pairs {} --output {}",
    "evaluate --pairs, its page": "--scorer a:b --pairs {} --page {}",
    "evaluate --page": "--scorer a:b --pairs other --page {} --output {}",
    "evaluate --compare": "--compare {} other --output {}",
    "audit-rewards --items": "--items {} --json {}",
    "audit-rewards --principles": "--judge http://127.0.0.1:9/v1 --principles {} --json {}",
    "generate --prompts": "--checkpoint none --prompts {} --output {}",
}


@pytest.mark.parametrize("verb", APART)
def test_an_output_is_no_input_and_no_other_output(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    read = tmp_path / "read"
    read.write_text("kept")
    (tmp_path / "link").symlink_to(read)
    os.link(read, tmp_path / "hard")
    for name in ("read", "link", "hard", f"../{tmp_path.name}/read"):
        assert cli.main([verb.split()[0], *APART[verb].format(read, tmp_path / name).split()]) == 2
        assert "is the same file as --" in capsys.readouterr().err
        assert read.read_text() == "kept"


# Files that a verb goes on with, or makes again: each refuses one that it did not write, below or where it is said.
GOES_ON = {"annotate --output": "tests/align/annotation/test_verdict_log.py",
           "generate --output": "tests/align/test_rollouts_megatron.py", "report --output": "below"}
# Words of a verb, whose {} is the file to write; what they name is not there, so that nothing else is asked before the file.
ANEW = {
    "annotate --json": "--summary none --json {}",
    "annotate --export": "--summary none --pairs none --export {}",
    "annotate --measure": "--summary none --pairs none --export {}.new --measure {}",
    "audit-rewards --json": "--items none --json {}",
    "evaluate --output": "--model none --items none --output {}",
    "evaluate --page": "--model none --pairs none --page {}",
    "grade --output": "--model none --input none --output {}",
    "grade --pairs": "--model none --input none --output {}.new --pairs {}",
    "select --output": "--pairs none --scores none --count 1 --output {}",
}


def test_every_file_that_is_written_is_refused_where_it_is_there_or_goes_on() -> None:
    """A new option stands in one of the tables, or fails here."""
    files = {name for name, kind in OPTIONS if kind is not outputs.folder}
    assert files == ANEW.keys() | GOES_ON.keys() and not ANEW.keys() & GOES_ON.keys()
    assert ANEW.keys() == {name for name, kind in OPTIONS if kind is outputs.new}


@pytest.mark.parametrize("option", ANEW)
def test_a_file_that_is_there_is_replaced_only_where_that_is_said(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kept").write_text("kept")
    verb, name = option.split()
    words = [verb, *(word.replace("{}", "kept") for word in ANEW[option].split())]
    assert cli.main(words) == 2
    assert capsys.readouterr().err == (
        f"error: {name} kept: is there already; name another file, or give --overwrite to replace it\n")
    assert cli.main([*words, "--overwrite"]) == 2  # what it reads is not there
    assert "none" in (said := capsys.readouterr().err) and "is there already" not in said
    assert tree(tmp_path) == [str(tmp_path / "kept")] and (tmp_path / "kept").read_text() == "kept"


def measured(folder: Path) -> Path:
    with MetricsWriter(folder) as writer:
        writer.write(train_record(1))
    return folder


@pytest.mark.parametrize("default", [True, False])
def test_a_report_replaces_its_own_page_and_nothing_else(default: bool, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    run = measured(tmp_path / "run")
    page = run / "report.html" if default else tmp_path / "page.html"
    words = ["report", str(run), *([] if default else ["--output", str(page)])]
    assert cli.main(words) == 0
    assert cli.main(words) == 0  # again
    for foreign in ("<!doctype html><title>mine</title>", "", document("Pairs", [], 0.0)):
        page.write_text(foreign)
        assert cli.main(words) == 2
        assert f"{page}: is there already; name another file, or give --overwrite" in capsys.readouterr().err
        assert page.read_text() == foreign
        assert cli.main([*words, "--overwrite"]) == 0 and is_report(page)


def test_an_archive_asks_first_wherever_a_path_is_meant(
    obstacles: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    before = tree(tmp_path)
    for place in obstacles:
        for spelled in {place, f"file://{place}" if place else ""}:
            assert cli.main(["archive", "--checkpoint", str(tmp_path / "none"), "--output", spelled]) == 2
            said = capsys.readouterr().err
            assert (place or "empty name") in said and said.count("\n") == 1, said
            assert tree(tmp_path) == before


@pytest.mark.parametrize("place", ["http://127.0.0.1:1/y", "https://127.0.0.1:1/y", "memory://", "memory://a/b",
                                   '{"driver": "ocdbt", "base": "memory://"}', "memory://|ocdbt:"])
def test_a_store_that_keeps_nothing_is_refused_at_once(place: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert cli.main(["archive", "--checkpoint", str(tmp_path / "none"), "--output", place]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {place}: ") and "; name a path, or an s3:// or gs:// URL" in said, said


@pytest.mark.parametrize("place", ['{"driver": "file"}', '{"driver": "file", "path": ""}'])
def test_a_file_store_without_a_folder_is_refused(place: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    for words in (["archive", "--checkpoint", str(tmp_path / "none"), "--output", place],
                  ["restore", "--archive", place, "--output", str(tmp_path / "new")]):
        assert cli.main(words) == 2
        assert 'the file driver wants the "path" of a folder' in capsys.readouterr().err


@pytest.mark.parametrize("name", STAGES)
def test_a_checkpoint_is_no_folder_for_a_run(name: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(UserError, match=r"is a checkpoint .*; name another output"):
        check_places(replace(STAGES[name].kind(), output=str(tmp_path)))
    assert tree(tmp_path) == [str(tmp_path / "manifest.json")]


def test_who_makes_folders_says_what_is_in_the_way(obstacles: dict[str, str], tmp_path: Path) -> None:
    before = tree(tmp_path)

    def hold(folder: Path) -> None:
        with locked(folder):
            pass

    def lend(folder: Path) -> None:
        with folder_for(folder):
            pass

    for place in filter(None, obstacles):
        for make in (hold, lend, lambda folder: launch_local(["--version"], 2, folder)):
            with pytest.raises(UserError, match=re.escape(place)):
                make(Path(place))
            assert tree(tmp_path) == before


def test_a_lock_and_a_log_may_be_in_the_way_too(tmp_path: Path) -> None:
    (tmp_path / ".lock").mkdir()
    with pytest.raises(UserError, match=r"\.lock: Is a directory"), locked(tmp_path):
        pass
    (tmp_path / "rank-1.log").mkdir()
    with pytest.raises(UserError, match=r"rank-1\.log: Is a directory"):
        launch_local(["--version"], 2, tmp_path)


def test_a_good_place_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "old.json").write_text("old")
    before = tree(tmp_path)
    for place in ("new", "a/b/c", "é 中", "."):
        assert outputs.folder(str(tmp_path / place)) == tmp_path / place
    for place in ("new.json", "a/b/c.json", "old.json"):
        assert outputs.file(str(tmp_path / place)) == tmp_path / place
    assert tree(tmp_path) == before and (tmp_path / "old.json").read_text() == "old"


def test_the_other_ranks_of_a_job_do_not_try_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(outputs, "_try", lambda *_: pytest.fail("tried"))
    outputs.folder(str(tmp_path / "x"))
    outputs.file(str(tmp_path / "x"))


def test_no_permission_is_an_obstacle(tmp_path: Path) -> None:
    """In a process that has laid down root's rights, where it had them."""
    (tmp_path / "closed").mkdir(mode=0o555)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            for ask in (outputs.folder, outputs.file):
                try:
                    ask(str(tmp_path / "closed" / "x"))
                except UserError as error:
                    code = 0 if "Permission denied; name a place" in str(error) else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

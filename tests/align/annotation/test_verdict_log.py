"""The file of verdicts: torn lines are mended, other files are left alone, one server writes."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from megatron_qm.align.annotation.candidates import Candidates, read_candidates
from megatron_qm.align.annotation.verdict_log import opened, read_standing
from megatron_qm.align.annotation.verdicts import Undo, Verdict
from megatron_qm.errors import UserError
from megatron_qm.observe.jsonl import JsonLines
from tests.align.annotation.cases import ENVIRONMENT, ROOT, read, rows, run, write


def given(tmp_path: Path, count: int = 3) -> Candidates:
    return read_candidates(write(tmp_path / "pairs.jsonl", rows(count)))


def verdict(number: int, note: str = "") -> Verdict:
    return Verdict(f"v{number}", "ann", f"k{number}", 1, ("b", "a"), "a", 1.0, 2.5, note)


def test_every_torn_end_is_mended_and_costs_only_what_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    with opened(path, given(tmp_path), 3, 0.5) as log:
        log.append(verdict(0))
        log.append(verdict(1, "é\n患者"))
    data = path.read_bytes()
    starts = [0, *(place + 1 for place, byte in enumerate(data) if byte == 10)]
    draw = random.Random(0)
    for size in {*starts, *(max(start - 1, 0) for start in starts), *draw.choices(range(len(data)), k=40)}:
        path.write_bytes(data[:size])
        with opened(path, given(tmp_path), None, None) as log:
            # a whole line that lacks nothing but its newline is kept
            whole = sum(size >= end - 1 for end in starts[1:])
            assert len(log.standing.verdicts) == max(whole - 1, 0), size
            assert log.begin.seed == (3 if whole else 0)
            log.append(verdict(2))
        assert [row["kind"] for row in read(path)] == ["begin"] + ["verdict"] * (max(whole - 1, 0) + 1)


def test_files_of_something_else_are_refused_and_left_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    undo = '{"kind":"undo","id":"a","annotator":"x","of":"y","time":1}\n'
    for text in ("my notes", "my notes\n", '{"kind":"train"}\n', undo, "[1]\n{"):
        path.write_text(text)
        with pytest.raises(UserError, match=str(path)), opened(path, given(tmp_path), 0, 0.1):
            pass
        assert path.read_text() == text


def test_a_torn_line_in_the_middle_is_no_crash_of_ours_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    with opened(path, given(tmp_path), 0, 0.1) as log:
        log.append(verdict(0))
        log.append(Undo("u0", "ann", "v0", 1.0))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1][:20], lines[2]]) + "\n")
    with pytest.raises(UserError, match=":2: is no line of verdicts"):
        read_standing(path)
    path.write_text("\n".join([lines[0], lines[2]]) + "\n")
    with pytest.raises(UserError, match=":2: withdraws 'v0', which does not stand"):
        read_standing(path)


@pytest.mark.parametrize(("seed", "second", "count", "why"), [
    (1, None, 3, "begun with --seed 0, not 1"), (None, 0.2, 3, "begun with --second 0.1, not 0.2"),
    (None, None, 4, "of 3 other pairs"),
])
def test_what_a_log_was_begun_with_stays(tmp_path: Path, seed: int | None, second: float | None, count: int, why: str) -> None:
    path = tmp_path / "v.jsonl"
    with opened(path, given(tmp_path), None, None):
        pass
    with pytest.raises(UserError, match=why), opened(path, given(tmp_path, count), seed, second):
        pass
    with opened(path, given(tmp_path), 0, 0.1):
        pass


def test_a_second_server_is_told_and_the_first_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    path = tmp_path / "v.jsonl"
    with opened(path, given(tmp_path), 0, 0.1) as log:
        assert run("annotate", "--pairs", tmp_path / "pairs.jsonl", "--output", path, "--annotator", "ben") == 2
        assert "another server writes it" in capsys.readouterr().err
        log.append(verdict(0))
    assert len(read_standing(path)[1].verdicts) == 1


def test_every_entry_is_on_the_disk_before_it_is_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill leaves what the system holds; a power cut does not, so the call itself is looked at."""
    path, sizes, sync = tmp_path / "v.jsonl", [], os.fsync

    def noted(descriptor: int) -> None:
        sync(descriptor)
        if os.path.samestat(os.fstat(descriptor), os.stat(path)):
            sizes.append(os.fstat(descriptor).st_size)

    monkeypatch.setattr(os, "fsync", noted)
    with opened(path, given(tmp_path), 0, 0.1) as log:
        for number in range(3):
            log.append(verdict(number))
            assert sizes[-1] == path.stat().st_size and len(sizes) == number + 2


def test_a_disk_that_does_not_keep_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path / "v.jsonl", given(tmp_path), 0, 0.1) as log:
        def fails(_: int) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(os, "fsync", fails)
        with pytest.raises(UserError, match="the disk does not keep it: Input/output error"):
            log.append(verdict(0))
        monkeypatch.undo()
        assert not log.standing.verdicts
        log.append(verdict(0))  # said again under the same id: it stands once
    assert len(read_standing(tmp_path / "v.jsonl")[1].verdicts) == 1


def failing(*_: object) -> None:
    raise OSError(5, "Input/output error")


def test_what_the_disk_did_not_keep_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the next undo would withdraw what does not stand, and a vote under another id would count twice."""
    path = tmp_path / "v.jsonl"
    with opened(path, given(tmp_path), 0, 0.1) as log:
        log.append(verdict(0))
        before = path.read_bytes()
        for entry in (verdict(1), Undo("u0", "ann", "v0", 1.0)):
            with monkeypatch.context() as broken:
                broken.setattr(os, "fsync", failing)
                with pytest.raises(UserError, match="does not keep it"):
                    log.append(entry)
            assert path.read_bytes() == before and set(log.standing.verdicts) == {"v0"}
        log.append(Undo("u1", "ann", "v0", 1.0))
    with opened(path, given(tmp_path), None, None) as log:
        assert not log.standing.verdicts and [row["kind"] for row in read(path)] == ["begin", "verdict", "undo"]


def test_what_cannot_be_taken_back_ends_all_appends_until_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "v.jsonl"
    with opened(path, given(tmp_path), 0, 0.1) as log:
        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", failing)
            broken.setattr(JsonLines, "cut", failing)
            with pytest.raises(UserError, match="cannot be taken back"):
                log.append(verdict(0))
        size = path.stat().st_size
        with pytest.raises(UserError, match="nothing more is taken; end this server"):
            log.append(verdict(1))
        assert path.stat().st_size == size and not log.standing.verdicts
    with opened(path, given(tmp_path), None, None) as log:  # what the file holds stands
        log.append(Undo("u0", "ann", "v0", 1.0))


def test_what_cannot_stand_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    with opened(path, given(tmp_path), 0, 0.1) as log:
        before = path.read_bytes()
        with pytest.raises(ValueError, match="does not stand"):
            log.append(Undo("u0", "ann", "v0", 1.0))
        assert path.read_bytes() == before


def test_numbers_beyond_all_floats_are_refused_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    with opened(path, given(tmp_path), 0, 0.1) as log:
        log.append(verdict(0))
    path.write_text(path.read_text().replace("2.5", "-" + "9" * 400))
    with pytest.raises(UserError, match=":2: is no line of verdicts: seconds is a whole number of 400 digits"):
        read_standing(path)


def test_a_full_disk_is_told_and_nothing_half_written_stays(tmp_path: Path) -> None:
    """In a process whose files may not grow beyond a limit."""
    script = """
import resource, signal, sys
from pathlib import Path
from megatron_qm.align.annotation.candidates import read_candidates
from megatron_qm.align.annotation.verdict_log import opened
from megatron_qm.align.annotation.verdicts import Verdict
from megatron_qm.errors import UserError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with opened(Path(sys.argv[1]), read_candidates(Path(sys.argv[2])), 0, 0.1) as log:
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
    kept = 0
    try:
        for number in range(20):
            log.append(Verdict(f"v{number}", "ann", "k0", 1, ("a", "b"), "a", 1.0))
            kept += 1
    except UserError as error:
        print(error)
    print(kept, len(log.standing.verdicts))
"""
    path = tmp_path / "v.jsonl"
    given(tmp_path)
    ended = subprocess.run([sys.executable, "-c", script, str(path), str(tmp_path / "pairs.jsonl")], capture_output=True,
                           text=True, timeout=120, cwd=ROOT, env=ENVIRONMENT)
    said = ended.stdout.splitlines()
    assert "cannot write verdicts" in said[0], ended.stderr
    kept, stands = map(int, said[1].split())
    assert 0 < kept == stands == len(read(path)) - 1
    assert json.loads(path.read_text().splitlines()[-1])["id"] == f"v{kept - 1}"

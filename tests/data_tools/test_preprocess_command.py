"""The command that users run."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.data_tools.raw_texts import contents, json_lines, run, texts, write_file

SCRIPT = Path(__file__).parents[2] / "data_tools/preprocess.py"


def _command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--input", "none.jsonl"], "none.jsonl: no such file"),
        (["--tokenizer", "nowhere"], "--tokenizer nowhere"),
        (["--output-prefix", "out/set.bin"], "give it without .bin"),
        (["--output-prefix", "."], "is a folder"),
        (["--eod-token", "x"], "--eod-token without --append-eod"),
        (["--resume", "--overwrite"], "choose one"),
        (["--shard-index", "0"], "belong together"),
        (["--shard-index", "4", "--shard-count", "4"], "0 to 3"),
        (["--max-bad-fraction", "2"], "--max-bad-fraction 2.0"),
        (["--max-bad-fraction", "nan"], "--max-bad-fraction nan"),
        (["--workers", "0"], "--workers 0"),
        (["--workers", "-1"], "--workers -1"),
        (["--workers", str(10**23)], "--workers 1000"),
        (["--shard-index", "0", "--shard-count", str(10**23)], "--shard-count 1000"),
        (["--max-document-bytes", str(10**23)], "--max-document-bytes 1000"),
        (["--commit-seconds", "inf"], "--commit-seconds inf"),
        (["--text-key", "\udcff"], "is not UTF-8"),
        (["--append-eod", "--eod-token", "\udcff"], "is not UTF-8"),
        (["--text-key", ""], "--text-key is empty"),
    ],
)
def test_what_the_command_line_refuses(
    tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], words: str,
) -> None:  # fmt: skip
    from data_tools.preprocess import main

    monkeypatch.chdir(tmp_path)
    write_file(tmp_path / "a.jsonl", json_lines(texts(5)))
    usual = ["--input", "a.jsonl", "--output-prefix", "set", "--tokenizer", str(tokenizer)]
    assert main([*usual, *arguments]) == 2
    assert "error: " in capsys.readouterr().err.replace("\n", " ") and not list(tmp_path.glob("set*"))
    main([*usual, *arguments])
    assert words in capsys.readouterr().err


PLACES = ["/dev/null/x", "file/x", "loop/x", "a/b/file/../../../file/x", "n" * 300]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What lies in a folder in which nothing may be left behind."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    write_file(tmp_path / "a.jsonl", json_lines(texts(5)))
    return sorted(tmp_path.rglob("*"))


@pytest.mark.parametrize("option", ["--output-prefix", "--rejects"])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place[:20])
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    tokenizer: Path, tmp_path: Path, places: list[Path], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], option: str, place: str,
) -> None:  # fmt: skip
    from data_tools import pipeline
    from data_tools.preprocess import main

    monkeypatch.setattr(pipeline, "make_job", None)  # no work
    usual = ["--input", "a.jsonl", "--output-prefix", "new/folder/set", "--tokenizer", str(tokenizer)]
    assert main([*usual, option, place]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {option} {place}: cannot be written: ") and "Traceback" not in said
    assert sorted(tmp_path.rglob("*")) == places


@pytest.mark.parametrize("kind", ["bin", "idx", "rejects"])
def test_a_folder_under_a_final_name_is_told_before_the_work(
    tokenizer: Path, tmp_path: Path, places: list[Path], capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    from data_tools.preprocess import main

    (tmp_path / f"set.{kind}").mkdir()
    usual = ["--input", "a.jsonl", "--output-prefix", "set", "--tokenizer", str(tokenizer), "--overwrite"]
    assert main(usual) == 2
    assert f"set.{kind} is a folder" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == sorted([*places, tmp_path / f"set.{kind}"])


@pytest.mark.parametrize(("place", "said"), [
    ("a.jsonl", "--input a.jsonl: is a file that --rejects {} writes"),
    ("link", "--input a.jsonl: is a file that --rejects {} writes"),
    ("set.bin", "--rejects {}: is a file that --output-prefix set writes"),
    ("set.idx", "--rejects {}: is a file that --output-prefix set writes"),
    ("./set.json", "--rejects {}: is a file that --output-prefix set writes"),
    ("set.partial/x", "--rejects {}: lies in set.partial of --output-prefix"),
    ("TOKENIZER/tokenizer.json", "--rejects {}: lies in "), ("TOKENIZER/new", "--rejects {}: lies in "),
    ("file", "--rejects {}: exists already"),
])  # fmt: skip
@pytest.mark.parametrize("more", [[], ["--overwrite"], ["--resume"]], ids=" ".join)
def test_a_list_of_rejects_destroys_nothing(
    tokenizer: Path, tmp_path: Path, places: list[Path], capsys: pytest.CaptureFixture[str],
    place: str, said: str, more: list[str],
) -> None:  # fmt: skip
    from data_tools.preprocess import main

    (tmp_path / "file").write_text("notes\n")
    (tmp_path / "link").symlink_to("a.jsonl")
    before, place = (tokenizer / "tokenizer.json").read_bytes(), place.replace("TOKENIZER", str(tokenizer))
    usual = ["--input", "a.jsonl", "--output-prefix", "set", "--tokenizer", str(tokenizer), "--rejects", place]
    assert main([*usual, *more]) == 2
    wanted = said if place != "file" or more != ["--overwrite"] else "--rejects {}: exists and is no list of rejected lines"
    assert f"error: {wanted.format(place)}" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == sorted([*places, tmp_path / "link"])
    assert (tmp_path / "file").read_text() == "notes\n" and (tokenizer / "tokenizer.json").read_bytes() == before


def test_a_list_of_rejects_is_replaced_by_overwrite_alone(
    tokenizer: Path, tmp_path: Path, places: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    from data_tools.preprocess import main

    write_file(tmp_path / "a.jsonl", json_lines(texts(5)) + b"bad\n")
    usual = ["--input", "a.jsonl", "--tokenizer", str(tokenizer), "--rejects", "list", "--max-bad-fraction", "1"]
    assert main([*usual, "--output-prefix", "set"]) == 0
    first = (tmp_path / "list").read_bytes()
    assert first and main([*usual, "--output-prefix", "set", "--resume"]) == 0
    assert main([*usual, "--output-prefix", "other"]) == 2
    assert "error: --rejects list: exists already" in capsys.readouterr().err
    assert main([*usual, "--output-prefix", "set", "--overwrite"]) == 0 and (tmp_path / "list").read_bytes() == first


def test_what_is_refused_later_leaves_no_folders(tokenizer: Path, tmp_path: Path, places: list[Path]) -> None:
    from data_tools.preprocess import main

    usual = ["--input", "a.jsonl", "--output-prefix", "new/folder/set", "--tokenizer", str(tokenizer)]
    assert main([*usual, "--append-eod", "--eod-token", "<none>"]) == 2
    assert sorted(tmp_path.rglob("*")) == places


def test_the_script_runs_from_anywhere(tokenizer: Path, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.jsonl", json_lines(texts(20)))
    done = _command("--input", path, "--output-prefix", tmp_path / "set", "--tokenizer", tokenizer, "--append-eod")
    assert (done.returncode, done.stdout) == (0, "") and "20 documents" in done.stderr
    assert contents(tmp_path / "set") == run(tokenizer, path, tmp_path / "again")
    again = _command("--input", path, "--output-prefix", tmp_path / "set", "--tokenizer", tokenizer)
    assert again.returncode == 2 and again.stderr.startswith("error: ") and "Traceback" not in again.stderr


def test_a_signal_stops_cleanly(tokenizer: Path, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.jsonl", json_lines(texts(2000)) * 500)
    command = [sys.executable, SCRIPT, "--input", path, "--output-prefix", tmp_path / "set", "--tokenizer", tokenizer]
    process = subprocess.Popen([str(word) for word in command], stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "set.partial/tokens.bin").exists() and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    assert "--resume" in stderr and "Traceback" not in stderr
    assert not (tmp_path / "set.bin").exists()

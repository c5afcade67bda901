"""Commands that write a folder of files replace none that is there without --overwrite, and leave all as it was."""

import importlib
from pathlib import Path

import pytest

from data_tools.knowledge.rows import write_files
from megatron_qm.errors import UserError

COUNTS = "pairs held-out graded candidates prompts conversations judgements reasonings read".split()
FEW = [word for name in COUNTS for word in (f"--{name}", "5")]
COMMANDS = {
    "build_quickstart_corpus": (["--diseases", "20", "--copies", "1", "--probes", "4"], "probes.jsonl"),
    "build_lifecycle_data": (["--cards", "0"], "rl.jsonl"),
    "build_preferences": ([*FEW, "--language", "en", "--share", "0.3"], "summary.json"),
    "train_tokenizer": (["--input", "texts.txt", "--vocab-size", "260"], "tokenizer_config.json"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_there_is_replaced_with_overwrite_alone(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("texts.txt").write_text("some text\n")
    words, one = COMMANDS[name]
    command = importlib.import_module(f"data_tools.{name}").main
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / one).write_text("mine")
    assert command([*words, "--output", "out"]) == 2
    assert f"--output out: out/{one} is there already; name another folder, or give --overwrite" in capsys.readouterr().err
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["mine"]
    assert command([*words, "--output", "out", "--overwrite"]) == 0
    assert (tmp_path / "out" / one).read_text() != "mine"
    assert command([*words, "--output", "texts.txt"]) == 2
    assert "error: --output texts.txt: cannot be written: " in capsys.readouterr().err


def test_a_folder_that_takes_one_file_and_not_the_other_gets_none(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for overwrite in (False, True):
        with pytest.raises(UserError, match=f"--output {tmp_path}: .*{tmp_path}/b is "):
            write_files(tmp_path, {"a": [{}], "b": [{}]}, overwrite)
        assert {path.name for path in tmp_path.iterdir()} == {"b"}


def test_a_number_of_cards_below_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    from data_tools.build_lifecycle_data import main

    assert main(["--output", str(tmp_path / "out"), "--cards", "-5"]) == 2
    assert capsys.readouterr().err == "error: --cards -5: must be 0 or more\n" and not (tmp_path / "out").exists()

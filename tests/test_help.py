"""What `megatron-qm` says of itself: every verb in a group, every option with a help text, a misspelt verb with the nearest."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from megatron_qm import cli


def parser_of(name: str) -> argparse.ArgumentParser:
    return cli.add_verb(argparse.ArgumentParser().add_subparsers(), name)


def actions(parser: argparse.ArgumentParser, place: str) -> Iterator[tuple[str, argparse.Action]]:
    """(verb with its options or words, action), those of verbs within verbs too."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            told = {choice.dest for choice in action._choices_actions if choice.help}
            assert told == set(action.choices), f"{place}: without help: {set(action.choices) - told}"
            for name, sub in action.choices.items():
                yield from actions(sub, f"{place} {name}")
        else:
            yield f"{place} {'/'.join(action.option_strings) or action.dest}", action


@pytest.mark.parametrize("verb", cli._VERBS)
def test_every_option_says_what_it_is_for(verb: str) -> None:
    found = list(actions(parser_of(verb), verb))
    silent = [name for name, action in found if not (action.help or "").strip()]
    assert not silent, f"without help: {', '.join(silent)}"
    for _, action in found:
        assert action.help == argparse.SUPPRESS or len(action.help) > 5 and not action.help.startswith("default")
    assert parser_of(verb).format_help()  # a stray % in a help text fails here


def test_the_verbs_stand_in_groups(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    said = capsys.readouterr().out
    assert ended.value.code == 0 and said.startswith("usage: megatron-qm [-h] [--version] VERB ...")
    places = [said.index(f"\n{group}:\n") for group in ("data", "train", "look", "release", "serve")]
    assert places == sorted(places)
    assert sorted(name for names in cli._GROUPS.values() for name in names) == sorted(cli._VERBS)
    for name, verb in cli._VERBS.items():
        assert len(re.findall(rf"^  {name} +{re.escape(verb.help)}$", said, re.M)) == 1


@pytest.mark.parametrize(("verb", "said"), [
    ("pretrian", "error: no verb 'pretrian'; did you mean 'pretrain'?\n"),
    ("export", "error: no verb 'export'; did you mean 'export-hf'?\n"),
    ("xyzzy", "error: no verb 'xyzzy'; `megatron-qm --help` lists them\n"),
])
def test_a_misspelt_verb_names_the_nearest(verb: str, said: str, capsys: pytest.CaptureFixture) -> None:
    assert cli.main([verb, "--config", "tiny-cpu"]) == 2
    assert capsys.readouterr().err == said


def test_no_verb_and_strange_options_end_with_exit_code_2(capsys: pytest.CaptureFixture) -> None:
    for words, why in (
        ([], "the following arguments are required: VERB; `megatron-qm --help`"),
        (["report", "runs/x", "--colour"], "unrecognized arguments: --colour; `megatron-qm --help`"),
        (["report"], "the following arguments are required: RUN; `megatron-qm report --help`"),
        (["data", "ledger", "--step", "0"], "--step: 0 must be 1 or more; `megatron-qm data ledger --help`"),
    ):
        assert cli.main(words) == 2
        assert capsys.readouterr().err == f"error: {why} tells more\n"


def test_a_folder_that_is_gone_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert cli.main(["report", "run", "--output", "page.html"]) == 2
    assert capsys.readouterr().err.startswith("error: the folder that this was started in cannot be read: ")

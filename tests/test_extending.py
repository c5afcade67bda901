"""docs/extending.md as it stands: its files are written, its commands run in order, and what it shows is what they print."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from megatron_qm import cli

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "extending.md"
BLOCK = re.compile(r"(?:^`(?P<file>\w+\.\w+)`[^\n]*\n\n)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S)


def blocks(text: str) -> Iterator[tuple[str | None, str, str]]:
    """(name of the file, kind, content) of each fenced block."""
    for match in BLOCK.finditer(text):
        yield match["file"], match["kind"], match["text"]


def commands(block: str) -> Iterator[tuple[str, list[str]]]:
    """Each command of a console block with the lines that are shown of what it prints."""
    for part in re.split(r"^\$ ", block.replace("\\\n", ""), flags=re.M)[1:]:
        command, *shown = part.splitlines()
        yield command, shown


def unseen(shown: list[str], printed: str) -> str | None:
    """The first line shown that is not printed, in order; `...` stands for anything."""
    lines = iter(printed.splitlines())
    for line in shown:
        pattern = re.compile(".*".join(map(re.escape, line.strip().split("..."))))
        if not any(pattern.fullmatch(found.strip()) for found in lines):
            return line
    return None


@pytest.fixture
def checkout(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A copy of the packages, with `python` and `megatron-qm` of this environment, and its variables."""
    for package in ("megatron_qm", "data_tools"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, start in (("python", ""), ("megatron-qm", "-m megatron_qm.cli")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {start} "$@"\n')
        (programs / name).chmod(0o755)
    return tmp_path, os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1", "COLUMNS": "200",
    }


def test_the_page_runs_as_it_stands(checkout: tuple[Path, dict[str, str]]) -> None:
    folder, environment = checkout
    ran = 0
    for file, kind, text in blocks(PAGE.read_text()):
        if file is not None:
            (folder / file).write_text(text)
        elif kind == "console":
            for command, shown in commands(text):
                done = subprocess.run(command, shell=True, cwd=folder, env=environment, timeout=600, text=True,
                                      capture_output=True)
                printed = done.stdout + done.stderr
                missing = unseen(shown, printed)
                assert missing is None, f"$ {command}\nshould print\n{missing}\nand prints\n{printed[-3000:]}"
                fails = any(line.startswith("error:") for line in shown)
                assert done.returncode == (2 if fails else 0), f"$ {command}\n{printed[-3000:]}"
                ran += 1
    assert ran > 15


@pytest.mark.parametrize("page", ["extending.md", "install.md"])
def test_commands_of_the_page_are_verbs_that_there_are(page: str) -> None:
    for verb in re.findall(r"^\$? *megatron-qm (\S+)", (ROOT / "docs" / page).read_text(), re.M):
        assert verb in cli._VERBS or verb.startswith("--"), verb


def test_links_of_the_pages_lead_somewhere() -> None:
    for page in (PAGE, PAGE.with_name("install.md"), ROOT / "README.md"):
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_what_is_shown_and_not_printed_is_found() -> None:
    assert unseen(["a ... c", "d"], "a b c\nx\nd\n") is None
    assert unseen(["d", "a ... c"], "a b c\nd\n") == "a ... c" and unseen(["a"], "ab\n") == "a"

"""What pages and messages tell people to install can be installed from a clone: the project is on no registry."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
TEXTS = [ROOT / "README.md", ROOT / "Makefile",
         *(path for room in ("docs", "megatron_qm", "data_tools", "launch", "benchmarks", "tests")
           for path in sorted((ROOT / room).rglob("*")) if path.suffix in {".md", ".py", ".sh", ".yaml"})]


@pytest.mark.parametrize("name", ["megatron-qm", "megatron_qm"])
def test_nothing_says_to_install_the_project_by_name(name: str) -> None:
    said = re.compile(rf"pip3? (install|download|wheel)( -\S+)* ['\"]?{name}\b")
    assert [str(path) for path in TEXTS if said.search(path.read_text())] == []


def test_every_extra_that_is_named_is_there() -> None:
    named = {(path.name, extra.strip()) for path in TEXTS
             for names in re.findall(r"""pip install -e ['"]\.\[([^\]{]+)\]""", path.read_text()) for extra in names.split(",")}
    assert len(named) > 5
    assert [(path, extra) for path, extra in named if extra not in EXTRAS] == []

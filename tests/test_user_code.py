"""Functions that users name: found in the current folder by every process of a job, or refused in a sentence."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from megatron_qm import user_code
from megatron_qm.errors import UserError
from tests.align.stages import command, records, written

ROOT = Path(__file__).parents[1]
BROKEN = "import json\n\n\nraise RuntimeError('no licence\\nsecond line')\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("mine")]:
        del sys.modules[name]


@pytest.mark.parametrize(("source", "name", "why"), [
    ("", "mine_absent:score", "no module 'mine_absent', neither in {here} nor"),
    ("", "mine.part:score", "no module 'mine.part'"),
    ("", "mine:score", "{here}/mine.py has no function 'score'"),
    ("score = 3\n", "mine:score", "no function but a int"),
    ("import mine_other\n", "mine:score", "importing 'mine' failed at {here}/mine.py:1: ModuleNotFoundError"),
    (BROKEN, "mine:score", "importing 'mine' failed at {here}/mine.py:4: RuntimeError: no licence"),
    ("def score(:\n", "mine:score", "importing 'mine' failed at {here}/mine.py:1: SyntaxError"),
    ("import json\njson.loads('{')\n", "mine:score", "importing 'mine' failed at {here}/mine.py:2: JSONDecodeError"),
    ("raise SystemExit(3)\n", "mine:score", "importing 'mine' failed at {here}/mine.py:1: SystemExit: 3"),
    ("", "mine", "not of the form module:function"), ("", "mine:", "not of the form"), ("", "../mine:score", "not of the form"),
])
def test_what_cannot_be_loaded_is_said_in_a_sentence(source: str, name: str, why: str, here: Path) -> None:
    (here / "mine.py").write_text(source)
    with pytest.raises(UserError) as refused:
        user_code.load(name, "rl.verifiers")
    said = str(refused.value)
    assert said.startswith("rl.verifiers: ") and why.format(here=here) in said and "\n" not in said


def test_a_module_of_the_current_folder_is_found(here: Path) -> None:
    (here / "mine_found.py").write_text("def score():\n    return 7\n")
    assert user_code.load("mine_found:score", "--verifier")() == 7


VERIFIER = """\
import os
from pathlib import Path

from megatron_qm.rewards.outcome import Scored


def score(prompt, response, reference, metadata):
    Path("judged-by").write_text(str(os.getpid()))
    return Scored(0.25 + 0.5 * (len(response) % 2))
"""


def test_a_verifier_of_the_current_folder_judges_in_rl_and_in_evaluate(tiny: Path, policy: Path, tmp_path: Path) -> None:
    """Of an installed command, which does not have the current folder on its path: on two ranks, and in the pool's processes."""
    (tmp_path / "my_verifier.py").write_text(VERIFIER)
    rows = [{**json.loads(line), "task": "own"} for line in (tiny / "items.jsonl").read_text().splitlines()]
    items = written(tmp_path / "own.jsonl", rows)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT)}

    def done(words: list[str]) -> subprocess.CompletedProcess:
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=300, env=environment)

    words = command("rl", tiny / "rl.yaml", tmp_path / "run", f"train.start_from={policy}", f"rl.items={items}", "train.steps=2",
                    "rl.verifiers=[own=my_verifier:score]", "observe.verifiers=[own=my_verifier:score]", f"observe.items={items}",
                    ranks=2)
    ran = done(words)
    assert ran.returncode == 0, ran.stderr
    assert set(records(tmp_path / "run", "rl")[0]["reward_by_task"]) == {"own"} and (tmp_path / "judged-by").exists()
    assert {record["name"] for record in records(tmp_path / "run", "probe")} >= {"own"}
    asked = [sys.executable, "-m", "megatron_qm.cli", "evaluate", "--model", str(policy), "--items", str(items),
             "--max-new-tokens", "8"]
    ran = done([*asked, "--verifier", "own=my_verifier:score"])
    assert ran.returncode == 0 and "own" in ran.stdout, ran.stderr
    refused = done(asked)
    assert refused.returncode == 2 and "own.jsonl:1" in refused.stderr and "must be named in --verifier" in refused.stderr

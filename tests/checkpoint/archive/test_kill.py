"""kill -9 at any moment: there is no archive until it is whole, and the same command goes on where it was."""

import subprocess
import sys
from pathlib import Path

import pytest

from megatron_qm.checkpoint.archive import commit
from megatron_qm.checkpoint.archive.restore import open_archive, restore
from megatron_qm.checkpoint.archive.write import archive
from megatron_qm.errors import UserError
from tests.checkpoint.archive.checkpoints import load, same_bits, write_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:torch.*")

ROOT = Path(__file__).parents[3]
# One process imports everything, then forks a child for each moment, before TensorStore has any thread.
KILLED = """
import os, signal, sys, warnings
from pathlib import Path
from unittest import mock
warnings.simplefilter("ignore")
from megatron_qm.checkpoint.archive import commit, storage, transfer, write
from tests.checkpoint.archive.test_kill import MOMENTS

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def on_call(number, function):
    calls = iter(range(1, 10**6))
    return lambda *args, **kwargs: (die if next(calls) == number else function)(*args, **kwargs)

folder = Path(sys.argv[1])
for name, (module, attribute, number) in MOMENTS.items():
    child = os.fork()
    if not child:
        place = {"storage": storage.Storage, "transfer": transfer, "commit": commit, "write": write}[module]
        with mock.patch.object(place, attribute, on_call(number, getattr(place, attribute))):
            write.archive(folder / "old", str(folder / name), workers=1)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (name, status)
"""
# module, what is replaced, at which call it kills
MOMENTS = {
    "before the first chunk": ("transfer", "write_box", 1),
    "among the chunks": ("transfer", "write_box", 9),
    "between chunks and document": ("storage", "write_document", 12),
    "before the root": ("write", "root_document", 1),
    "before the rename": ("commit", "take_the_name", 1),
}


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed")
    write_checkpoint(folder / "old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(folder)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def stamps(folder: Path) -> dict[str, int]:
    return {p.relative_to(folder).as_posix(): p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_same_command_goes_on(killed: Path, tmp_path: Path, moment: str) -> None:
    output, hidden = killed / moment, killed / f".{moment}.archiving"
    assert not output.exists() and hidden.is_dir()
    with pytest.raises(UserError, match="not an archive"):
        open_archive(str(output))
    finished = [document.parent for document in hidden.rglob("zarr.json") if (document.parent / "c").exists()]
    before = {array.relative_to(hidden): stamps(array) for array in finished}
    assert len(before) > 0 or moment == "before the first chunk"
    done = archive(killed / "old", str(output))
    assert done.kept >= len(before)
    assert all(stamps(output / array) == stamp for array, stamp in before.items())
    assert not hidden.exists() and not list(output.rglob("*lock*")) and not (output / commit.UNFINISHED).exists()
    restore(str(output), tmp_path / "new")
    expected, found = load(killed / "old"), load(tmp_path / "new")
    assert all(same_bits(found[name], tensor) for name, tensor in expected.items() if not isinstance(tensor, str))


def test_what_was_damaged_meanwhile_is_written_again(tmp_path: Path) -> None:
    folder = begun(tmp_path)
    [chunk] = [path for path in (folder / "tensors/counts/c").rglob("*") if path.is_file()]
    chunk.write_bytes(chunk.read_bytes()[:-9])
    whole = archive(tmp_path / "old", str(tmp_path / "archive"))
    assert whole.kept > 10
    restore(str(tmp_path / "archive"), tmp_path / "new")


def test_what_another_checkpoint_left_is_not_gone_on_with(tmp_path: Path) -> None:
    begun(tmp_path)
    write_checkpoint(tmp_path / "newer", step=50)
    assert archive(tmp_path / "newer", str(tmp_path / "archive")).kept == 0
    assert restore(str(tmp_path / "archive"), tmp_path / "new").step == 50


def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    hidden = begun(tmp_path)
    with commit._alone(hidden), pytest.raises(UserError, match="another `megatron-qm archive`"):
        archive(tmp_path / "old", str(tmp_path / "archive"))


@pytest.mark.parametrize("there", [False, True])
def test_a_replacement_killed_between_its_renames_is_completed(tmp_path: Path, there: bool) -> None:
    write_checkpoint(tmp_path / "older", step=20)
    archive(tmp_path / "older", str(tmp_path / "archive"))
    (tmp_path / "archive").rename(tmp_path / ".archive.replaced")
    begun(tmp_path)
    if there:
        archive(tmp_path / "older", str(tmp_path / "aside"))
        (tmp_path / "aside").rename(tmp_path / "archive")
    archive(tmp_path / "old", str(tmp_path / "archive"), overwrite=True)
    assert restore(str(tmp_path / "archive"), tmp_path / "new").step == 40
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "new", "old", "older"]


def begun(folder: Path) -> Path:
    """A checkpoint `old`, and what an archive that was killed just before its rename leaves."""
    write_checkpoint(folder / "old")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commit, "take_the_name", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            archive(folder / "old", str(folder / "archive"))
    return folder / ".archive.archiving"

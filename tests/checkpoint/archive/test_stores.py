"""Key-value stores that know no rename: the root's document is the mark, and is written last."""

import json
from pathlib import Path

import pytest
import tensorstore as ts

from megatron_qm.checkpoint.archive import commit, write
from megatron_qm.checkpoint.archive.restore import restore
from megatron_qm.checkpoint.archive.storage import Storage, local_path
from megatron_qm.checkpoint.archive.write import archive
from megatron_qm.cli import main
from megatron_qm.errors import UserError
from tests.checkpoint.archive.checkpoints import load, same_bits, write_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:torch.*")

URL = "memory://bucket/models/medical"
SPEC = {"driver": "memory", "path": "bucket/models/medical/"}


@pytest.fixture
def context() -> ts.Context:
    return ts.Context()


def store(context: ts.Context) -> Storage:
    return Storage(dict(SPEC), URL, 1, context)


def check(place: str, folder: Path, context: ts.Context | None = None) -> None:
    restore(place, folder / "new", context=context)
    expected, found = load(folder / "old"), load(folder / "new")
    assert all(same_bits(found[name], tensor) for name, tensor in expected.items() if not isinstance(tensor, str))


@pytest.mark.parametrize("place", [URL, json.dumps(SPEC)])
def test_there_and_back(tmp_path: Path, context: ts.Context, place: str) -> None:
    write_checkpoint(tmp_path / "old")
    archive(tmp_path / "old", place, context=context)
    keys = store(context).keys()
    assert "zarr.json" in keys and commit.UNFINISHED not in keys
    check(URL, tmp_path, context)


def test_the_root_is_written_last(tmp_path: Path, context: ts.Context, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(tmp_path / "old")
    written: list[str] = []
    original = Storage.write

    def note(self: Storage, key: str, value: bytes) -> None:
        written.append(key)
        original(self, key, value)

    monkeypatch.setattr(Storage, "write", note)
    archive(tmp_path / "old", URL, context=context)
    assert written[0] == commit.UNFINISHED and written[-1] == "zarr.json" and written.count("zarr.json") == 1


def test_cut_short_it_is_no_archive_and_goes_on(
    tmp_path: Path, context: ts.Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path / "old")
    with monkeypatch.context() as patch:
        patch.setattr(write, "root_document", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            archive(tmp_path / "old", URL, context=context)
    with pytest.raises(UserError, match="cut short"):
        restore(URL, tmp_path / "new", context=context)
    assert archive(tmp_path / "old", URL, context=context).kept > 25
    check(URL, tmp_path, context)


def test_another_archive_is_replaced_on_demand(tmp_path: Path, context: ts.Context) -> None:
    write_checkpoint(tmp_path / "older", step=20)
    write_checkpoint(tmp_path / "old", step=40)
    archive(tmp_path / "older", URL, context=context)
    with pytest.raises(UserError, match="--overwrite"):
        archive(tmp_path / "old", URL, context=context)
    archive(tmp_path / "old", URL, overwrite=True, context=context)
    check(URL, tmp_path, context)


def test_a_replacement_that_was_cut_short_mixes_nothing(
    tmp_path: Path, context: ts.Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path / "older", step=20)
    write_checkpoint(tmp_path / "old", step=40)
    archive(tmp_path / "older", URL, context=context)
    with monkeypatch.context() as patch:  # killed after the old root has gone, before the old arrays have
        patch.setattr(Storage, "delete_others", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            archive(tmp_path / "old", URL, overwrite=True, context=context)
    assert archive(tmp_path / "old", URL, context=context).kept == 0
    check(URL, tmp_path, context)


def test_what_others_keep_there_stays(tmp_path: Path, context: ts.Context) -> None:
    write_checkpoint(tmp_path / "old")
    Storage({"driver": "memory", "path": "bucket/models/"}, "other", 1, context).write("medical-2/data", b"x")
    archive(tmp_path / "old", URL, context=context)  # beside it
    archive(tmp_path / "old", URL, overwrite=True, context=context)
    with pytest.raises(UserError, match="holds other things"):
        archive(tmp_path / "old", "memory://bucket/models", overwrite=True, context=context)
    assert Storage({"driver": "memory", "path": "bucket/models/"}, "other", 1, context).read("medical-2/data") == b"x"


@pytest.mark.parametrize("form", ["file://{}", '{{"driver": "file", "path": "{}"}}', "{}"])
def test_the_file_driver_is_a_folder(tmp_path: Path, form: str) -> None:
    write_checkpoint(tmp_path / "old")
    place = form.format(tmp_path / "archive")
    assert local_path(place) == tmp_path / "archive"
    assert main(["archive", "--checkpoint", str(tmp_path / "old"), "--output", place]) == 0
    check(place, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "new", "old"]

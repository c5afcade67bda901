"""What comes back from an archive is the checkpoint, bit for bit; torch's own reader is the judge."""

import json
from pathlib import Path

import pytest

from megatron_qm.checkpoint.archive.restore import restore
from megatron_qm.checkpoint.archive.write import archive
from megatron_qm.checkpoint.manifest import verify
from megatron_qm.checkpoint.torch_dist_reader import TorchDistReader
from megatron_qm.cli import main
from megatron_qm.errors import UserError
from tests.checkpoint.archive.checkpoints import EXTRA, load, other_files, same_bits, write_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:torch.*")


@pytest.mark.parametrize("chunk_bytes", [1 << 25, 100])
def test_every_tensor_object_and_file_comes_back(tmp_path: Path, chunk_bytes: int) -> None:
    state = write_checkpoint(tmp_path / "old")
    done = archive(tmp_path / "old", str(tmp_path / "archive"), chunk_bytes=chunk_bytes)
    assert done.tensors == len(state) and done.bytes == sum(t.numel() * t.itemsize for t in state.values())
    restore(str(tmp_path / "archive"), tmp_path / "new")
    found = load(tmp_path / "new")
    assert set(found) == {*state, EXTRA}
    for name, tensor in state.items():
        assert same_bits(found[name], tensor), name
    assert found[EXTRA] == "scale 3"
    reader = [TorchDistReader(tmp_path / folder / "weights") for folder in ("old", "new")]
    assert reader[0].object(EXTRA) == reader[1].object(EXTRA)
    assert other_files(tmp_path / "new") == other_files(tmp_path / "old")


def test_the_manifest_comes_back_with_the_new_files_hashes(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "old")
    archive(tmp_path / "old", str(tmp_path / "archive"))
    returned = restore(str(tmp_path / "archive"), tmp_path / "new")
    before, after = verify(tmp_path / "old"), verify(tmp_path / "new")
    assert returned == after
    left, right = ({k: v for k, v in vars(m).items() if k != "files"} for m in (before, after))
    assert left == right
    names = [{name for name in manifest.files if "distcp" not in name} for manifest in (before, after)]
    assert names[0] == names[1]


def test_no_more_than_a_chunk_is_read_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(tmp_path / "old")
    asked: list[int] = []
    original = TorchDistReader.block

    def block(self, stored, offsets, sizes):  # noqa: ANN001, ANN202
        out = original(self, stored, offsets, sizes)
        asked.append(out.numel() * out.itemsize)
        return out

    monkeypatch.setattr(TorchDistReader, "block", block)
    archive(tmp_path / "old", str(tmp_path / "archive"), chunk_bytes=64)
    assert max(asked) <= 64 and len(asked) > 100


def test_the_two_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = write_checkpoint(tmp_path / "old")
    there = ["--checkpoint", str(tmp_path / "old"), "--output", str(tmp_path / "a")]
    back = ["--archive", str(tmp_path / "a"), "--output", str(tmp_path / "new")]
    assert main(["archive", *there]) == 0 and f"{len(state)} tensors" in capsys.readouterr().out
    assert main(["archive", *there]) == 2 and "--overwrite" in capsys.readouterr().err
    assert main(["archive", *there, "--overwrite", "--workers", "3"]) == 0
    assert main(["archive", *there, "--overwrite", "--workers", "0"]) == 2
    assert main(["restore", *back]) == 0 and "step 40" in capsys.readouterr().out
    assert main(["restore", *back]) == 2 and "exists" in capsys.readouterr().err
    assert main(["restore", *back, "--config", "tiny-cpu"]) == 2 and "leave it out" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "new", "old"]


def test_a_damaged_checkpoint_is_not_archived(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "old")
    [file] = (tmp_path / "old" / "weights").glob("*.distcp")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(UserError, match=file.name):
        archive(tmp_path / "old", str(tmp_path / "archive"))
    assert [path.name for path in tmp_path.iterdir()] == ["old"]


def test_a_run_is_no_checkpoint_and_the_right_one_is_named(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "run" / "checkpoints" / "step-00000040")
    with pytest.raises(UserError, match="step-00000040"):
        archive(tmp_path / "run", str(tmp_path / "archive"))


def test_an_archive_replaces_nothing_but_an_archive(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "old")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "zarr.json").write_text(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {}}))
    (tmp_path / "file").write_text("x")
    for output, match in ((foreign, "another zarr group"), (tmp_path / "old", "zarr.json"), (tmp_path / "file", "not")):
        with pytest.raises(UserError, match=match):
            archive(tmp_path / "old", str(output), overwrite=True)
    assert len(list(foreign.iterdir())) == 1


def test_another_archive_is_replaced_once_the_new_one_is_whole(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "old", step=40)
    write_checkpoint(tmp_path / "older", step=20)
    archive(tmp_path / "older", str(tmp_path / "archive"))
    archive(tmp_path / "old", str(tmp_path / "archive"), overwrite=True)
    assert restore(str(tmp_path / "archive"), tmp_path / "new").step == 40
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "new", "old", "older"]

"""A checkpoint's manifest finds every way in which a file can be lost, cut or changed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from megatron_qm.checkpoint.manifest import (
    FileRecord,
    Layout,
    Manifest,
    hash_files,
    read_manifest,
    shares,
    verify,
    write_manifest,
)
from megatron_qm.errors import UserError


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "step-00000007"
    (folder / "weights").mkdir(parents=True)
    (folder / "weights" / "__0_0.distcp").write_bytes(bytes(range(256)) * 40)
    (folder / "weights" / ".metadata").write_bytes(b"metadata")
    (folder / "weights" / "empty.pt").write_bytes(b"")
    write_manifest(folder, a_manifest())
    return folder


def a_manifest() -> Manifest:
    return Manifest(
        step=7, tokens=7 * 2**40, model={"layers": 2, "init_std": 0.02}, dtype="fp32", config={"output": "x"},
        data={"sources": {"医学": {"position": 2**62 + 1}}}, layout=Layout(tp=2, world_size=2),
        contains={"model": True, "optimizer": True},
    )


def test_reads_back_what_was_written(checkpoint: Path) -> None:
    manifest = verify(checkpoint)
    assert manifest == read_manifest(checkpoint)
    files = manifest.files
    assert set(files) == {"weights/__0_0.distcp", "weights/.metadata", "weights/empty.pt"}
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # sha256 of nothing, FIPS 180-4
    assert files["weights/empty.pt"] == FileRecord(empty, 0)
    expected = a_manifest()
    assert (manifest.data, manifest.layout, manifest.tokens) == (expected.data, expected.layout, expected.tokens)


def test_given_records_are_taken_as_they_are(checkpoint: Path) -> None:
    records = hash_files(checkpoint, ["weights/.metadata"])
    assert write_manifest(checkpoint, a_manifest(), records).files == records


@pytest.mark.parametrize("name", ["weights/__0_0.distcp", "weights/.metadata"])
@pytest.mark.parametrize("harm", ["missing", "truncated", "longer", "one bit", "a folder"])
def test_harm_is_refused_by_name(checkpoint: Path, name: str, harm: str) -> None:
    path = checkpoint / name
    data = path.read_bytes()
    path.unlink()
    if harm == "truncated":
        path.write_bytes(data[:-1])
    elif harm == "longer":
        path.write_bytes(data + b"\0")
    elif harm == "one bit":
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    elif harm == "a folder":
        path.mkdir()
    with pytest.raises(UserError, match=f"{path.name}.*(missing|altered).*remove this checkpoint"):
        verify(checkpoint)


def test_altered_manifest_is_refused(checkpoint: Path) -> None:
    path = checkpoint / "manifest.json"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"step": 7', b'"step": 8'))
    with pytest.raises(UserError, match="manifest.json: altered"):
        read_manifest(checkpoint)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match="manifest.json: torn or altered"):
        read_manifest(checkpoint)
    path.write_bytes(b"")
    with pytest.raises(UserError, match="manifest.json: torn or altered"):
        read_manifest(checkpoint)
    path.unlink()
    with pytest.raises(UserError, match="cut short"):
        read_manifest(checkpoint)


def test_other_formats_and_later_versions_are_refused(checkpoint: Path) -> None:
    path = checkpoint / "manifest.json"
    tree = json.loads(path.read_text())
    path.write_text(json.dumps(tree | {"version": 2}))
    with pytest.raises(UserError, match="version 2 .* reads 1"):
        read_manifest(checkpoint)
    path.write_text(json.dumps(["not", "ours"]))
    with pytest.raises(UserError, match="not the manifest of a megatron-qm checkpoint"):
        read_manifest(checkpoint)


def test_names_outside_the_checkpoint_are_refused(checkpoint: Path) -> None:
    write_manifest(checkpoint, a_manifest(), {"../other": FileRecord("0", 0)})
    with pytest.raises(UserError, match="outside the checkpoint"):
        verify(checkpoint)


def test_shares_cover_every_file_once_and_balance_bytes() -> None:
    sizes = {f"f{i}": (i * 7919) % 1000 for i in range(100)} | {"large": 5000}
    dealt = shares(sizes, 8)
    assert sorted(name for share in dealt for name in share) == sorted(sizes)
    loads = sorted(sum(sizes[name] for name in share) for share in dealt)
    assert loads[-1] - loads[0] < 1000
    assert len(shares({"only": 1}, 4)) == 4


def test_each_share_finds_the_harm_in_its_own_files(checkpoint: Path) -> None:
    (checkpoint / "weights" / "__0_0.distcp").write_bytes(b"\0" * 256 * 40)
    refused = 0
    for rank in range(3):
        try:
            verify(checkpoint, (rank, 3))
        except UserError:
            refused += 1
    assert refused == 1


def test_needs_no_torch() -> None:
    code = "import sys, megatron_qm.checkpoint.manifest; sys.exit('torch' in sys.modules or 'megatron' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

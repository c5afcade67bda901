"""A torn or altered archive is refused by the name of what is wrong with it, and leaves nothing behind."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import zarr

from megatron_qm.checkpoint.archive import zarr_v3
from megatron_qm.checkpoint.archive.restore import restore
from megatron_qm.checkpoint.archive.write import archive
from megatron_qm.errors import UserError
from tests.checkpoint.archive.checkpoints import STACKED, write_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:torch.*")

OBJECT = "objects/decoder.layers.self_attention.linear_qkv._extra_state%2Fshard_0_3"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    write_checkpoint(folder / "old")
    archive(folder / "old", str(folder / "archive"))
    return folder / "archive"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def with_a_good_checksum(folder: Path) -> None:
    """Another number, written by zarr itself."""
    array = zarr.open(str(folder), mode="r+")
    array[0, 0, 0] = 7.0


def other_document(path: Path) -> None:
    document = json.loads(path.read_text())
    document["shape"] = [3, 5, 6]
    path.write_text(json.dumps(document))


def root_says_otherwise(path: Path, change: Callable[[dict], None]) -> None:
    """As one who knows how the root is hashed would do it."""
    document = json.loads(path.read_text())
    change(document)
    document["attributes"].pop("sha256")
    document["attributes"]["sha256"] = zarr_v3.digest(document)
    path.write_text(json.dumps(document))


def outside(document: dict) -> None:
    nodes = document["consolidated_metadata"]["metadata"]
    evil = nodes.pop("files/tokenizer/tokenizer.json")
    evil["attributes"]["name"] = "../../evil"
    nodes["files/%2E./%2E./evil"] = evil


def huge(document: dict) -> None:
    array = document["consolidated_metadata"]["metadata"]["tensors/zeros"]
    array["chunk_grid"]["configuration"]["chunk_shape"] = [10**9, 10**9]


def other_codecs(document: dict) -> None:
    document["consolidated_metadata"]["metadata"]["tensors/zeros"]["codecs"] = [{"name": "bytes"}]


def later(document: dict) -> None:
    document["attributes"]["version"] = 2


def no_list(document: dict) -> None:
    del document["consolidated_metadata"]


CHUNK = f"tensors/{STACKED}/c/0/0/0"
DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a bit of a tensor": (lambda a: flip(a / CHUNK), STACKED),
    "a chunk is gone": (lambda a: (a / CHUNK).unlink(), STACKED),
    "a chunk of zeros is gone": (lambda a: (a / "tensors/zeros/c/0/0").unlink(), "zeros"),
    "a chunk cut short": (lambda a: (a / CHUNK).write_bytes((a / CHUNK).read_bytes()[:20]), STACKED),
    "a chunk of no bytes": (lambda a: (a / CHUNK).write_bytes(b""), STACKED),
    "a number": (lambda a: with_a_good_checksum(a / "tensors" / STACKED), f"{STACKED}: altered"),
    "an array's document": (lambda a: other_document(a / "tensors" / STACKED / "zarr.json"), STACKED),
    "an array's document is gone": (lambda a: (a / "tensors" / STACKED / "zarr.json").unlink(), STACKED),
    "a whole array is gone": (lambda a: shutil.rmtree(a / "tensors" / STACKED), STACKED),
    "an object": (lambda a: flip(a / OBJECT / "c" / "0"), "_extra_state"),
    "a file": (lambda a: flip(a / "files/weights/common.pt/c/0"), "common.pt"),
    "the manifest": (lambda a: flip(a / "files/manifest.json/c/0"), "manifest.json"),
    "the root": (lambda a: flip(a / "zarr.json"), "zarr.json: (altered|torn)"),
    "the root is cut short": (lambda a: (a / "zarr.json").write_bytes((a / "zarr.json").read_bytes()[:999]), "torn"),
    "the root is gone": (lambda a: (a / "zarr.json").unlink(), "not an archive"),
    "a later format": (lambda a: root_says_otherwise(a / "zarr.json", later), "version 2"),
    "another group": (lambda a: (a / "zarr.json").write_text('{"attributes": {}}'), "none that"),
    "a list": (lambda a: (a / "zarr.json").write_text("[]"), "torn"),
    "a chunk for all memory": (lambda a: root_says_otherwise(a / "zarr.json", huge), "zeros"),
    "other codecs": (lambda a: root_says_otherwise(a / "zarr.json", other_codecs), "zeros"),
    "no list": (lambda a: root_says_otherwise(a / "zarr.json", no_list), "zarr.json: torn"),
    "a file outside": (lambda a: root_says_otherwise(a / "zarr.json", outside), "evil"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_named(whole: Path, tmp_path: Path, damage: str) -> None:
    broken = tmp_path / "archive"
    shutil.copytree(whole, broken)
    work, named = DAMAGES[damage]
    work(broken)
    with pytest.raises(UserError, match=named) as caught:
        restore(str(broken), tmp_path / "new")
    assert str(broken) in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


def test_the_undamaged_one_is_accepted(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole, tmp_path / "archive")
    assert restore(str(tmp_path / "archive"), tmp_path / "new").step == 40


@pytest.mark.parametrize("place", ["nowhere", "bogus://x", '{"driver": "nope"}', "{not json", "s3://"])
def test_what_is_no_archive_is_named(tmp_path: Path, place: str) -> None:
    with pytest.raises(UserError, match=place.split(":")[0].strip("{").split(" ")[0] or "nope"):
        restore(place if place != "nowhere" else str(tmp_path / place), tmp_path / "new")
    assert not list(tmp_path.iterdir())

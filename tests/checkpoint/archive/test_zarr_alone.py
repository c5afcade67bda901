"""An archive is zarr: zarr-python reads it in a process that has neither Megatron, nor TensorStore, nor any of ours."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from megatron_qm.checkpoint.archive.write import archive
from tests.checkpoint.archive.checkpoints import STACKED, raw, write_checkpoint

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:torch.*")

EVERYTHING = """
import hashlib, json, sys
import zarr
root = zarr.open(sys.argv[1], mode="r")
tensors = {}
for path, array in root["tensors"].arrays():
    assert array.attrs["sha256"] == hashlib.sha256(array[...].tobytes()).hexdigest(), path
    kind = [list(array.shape), str(array.dtype), array.attrs["dtype"]]
    tensors[array.attrs["name"]] = [*kind, array[...].tobytes().hex()]
files = {name: array[:].tobytes().hex() for name, array in root["files"].arrays()}
strangers = [name for name in sys.modules if name.split(".")[0] in ("torch", "megatron", "megatron_qm", "tensorstore")]
print(json.dumps({"attributes": dict(root.attrs), "tensors": tensors, "files": files, "strangers": strangers}))
"""

DOCUMENTED = (Path(__file__).parents[3] / "docs" / "archive.md").read_text().split("```python\n")[1].split("```")[0]
SLICE = f"""
import sys
{DOCUMENTED.replace('"ARCHIVE"', "sys.argv[1]")}
assert not any(name.split(".")[0] in ("torch", "megatron", "megatron_qm", "tensorstore") for name in sys.modules)
print(rows.tobytes().hex())
"""


def alone(code: str, *arguments: str) -> str:
    command = [sys.executable, "-W", "error", "-I", "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_everything_is_there_for_zarr_python(tmp_path: Path) -> None:
    state = write_checkpoint(tmp_path / "old")
    archive(tmp_path / "old", str(tmp_path / "archive"), chunk_bytes=400)
    found = json.loads(alone(EVERYTHING, str(tmp_path / "archive")))
    assert found["strangers"] == []
    assert found["attributes"]["step"] == 40 and found["attributes"]["model"]["layers"] == 3
    assert bytes.fromhex(found["files"]["manifest.json"]) == (tmp_path / "old" / "manifest.json").read_bytes()
    assert set(found["tensors"]) == set(state)
    for name, tensor in state.items():
        shape, stored, dtype, data = found["tensors"][name]
        assert (shape, f"torch.{dtype}") == (list(tensor.shape), str(tensor.dtype)), name
        assert bytes.fromhex(data) == raw(tensor), name
        assert stored == {"bfloat16": "uint16", "float8_e4m3fn": "uint8"}.get(dtype, dtype), name


def test_a_slice_needs_its_own_chunks_alone(tmp_path: Path) -> None:
    state = write_checkpoint(tmp_path / "old")
    archive(tmp_path / "old", str(tmp_path / "archive"), chunk_bytes=2 * 5 * 4)  # two rows
    node = tmp_path / "archive" / "tensors" / STACKED
    for chunk in [path for path in (node / "c").rglob("*") if path.is_file()]:
        if chunk.relative_to(node / "c").as_posix() != "1/1/0":
            chunk.unlink()
    names, rows = alone(SLICE, str(tmp_path / "archive")).splitlines()
    assert STACKED in names and bytes.fromhex(rows) == raw(state[STACKED][1, 2:4])


def test_zarr_python_refuses_a_flipped_bit(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "old")
    archive(tmp_path / "old", str(tmp_path / "archive"))
    chunk = tmp_path / "archive" / "tensors" / STACKED / "c" / "0" / "0" / "0"
    data = bytearray(chunk.read_bytes())
    data[len(data) // 2] ^= 4
    chunk.write_bytes(data)
    with pytest.raises(AssertionError, match="(?i)crc32c|checksum"):
        alone(SLICE, str(tmp_path / "archive"))

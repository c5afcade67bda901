"""The row reader and the streaming writer against torch's own distributed checkpoint, which knows nothing of either."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.metadata import TensorStorageMetadata

from megatron_qm.checkpoint import torch_dist_writer
from megatron_qm.checkpoint.torch_dist_reader import TorchDistReader
from megatron_qm.checkpoint.torch_dist_writer import TorchDistWriter
from megatron_qm.errors import UserError

LAYERS = 3
STACKED = "decoder.layers.mlp.linear_fc2.weight"


def by_torch(folder: Path) -> dict[str, torch.Tensor]:
    reader = dcp.FileSystemReader(folder)
    stored = reader.read_metadata().state_dict_metadata
    state = {
        key: torch.empty(value.size, dtype=value.properties.dtype)
        for key, value in stored.items()
        if isinstance(value, TensorStorageMetadata)
    }
    dcp.load(state, storage_reader=reader, no_dist=True)
    return state


@pytest.fixture
def weights(tmp_path: Path) -> tuple[Path, dict[str, torch.Tensor]]:
    """Written by torch: whole tensors, one in an odd memory layout, and layers stored by themselves."""
    state = {
        STACKED: torch.randn(LAYERS, 6, 5),
        "decoder.layers.0.norm.weight": torch.randn(9),
        "decoder.layers.1.norm.weight": torch.randn(9),
        "turned": torch.randn(4, 7).t(),
        "view": torch.randn(10, 3)[2:8],
        "half": torch.randn(8, 2).bfloat16(),
    }
    dcp.save(dict(state), checkpoint_id=tmp_path / "w", no_dist=True)
    return tmp_path / "w", state


def test_rows_of_what_torch_wrote(weights: tuple[Path, dict[str, torch.Tensor]]) -> None:
    folder, state = weights
    reader = TorchDistReader(folder)
    assert reader.names == set(state)
    for name in ("turned", "view", "half"):
        rows = len(state[name])
        for start, stop in ((0, rows), (1, rows), (0, 1), (rows - 1, rows), (2, 2)):
            assert torch.equal(reader.rows(name, start, stop), state[name][start:stop]), (name, start, stop)
        assert reader.shape(name) == state[name].shape and reader.dtype(name) == state[name].dtype
    for layer in range(LAYERS):
        assert torch.equal(reader.rows(STACKED, 2, 5, layer), state[STACKED][layer, 2:5])
    assert reader.shape(STACKED, 0) == (6, 5)
    for layer in range(2):
        wanted = state[f"decoder.layers.{layer}.norm.weight"]
        assert torch.equal(reader.rows("decoder.layers.norm.weight", 0, 9, layer), wanted)


def test_what_is_not_there_is_named(weights: tuple[Path, dict[str, torch.Tensor]], tmp_path: Path) -> None:
    reader = TorchDistReader(weights[0])
    with pytest.raises(UserError, match="no tensor output_layer.weight"):
        reader.shape("output_layer.weight")
    with pytest.raises(UserError, match=f"{LAYERS} layers"):
        reader.rows(STACKED, 0, 1, LAYERS)
    with pytest.raises(UserError, match="not a torch_dist"):
        TorchDistReader(tmp_path)


@pytest.mark.parametrize("damage", ["truncated", "overwritten", "gone"])
def test_a_damaged_file_is_named(weights: tuple[Path, dict[str, torch.Tensor]], damage: str) -> None:
    folder, state = weights
    [file] = folder.glob("*.distcp")
    if damage == "truncated":
        file.write_bytes(file.read_bytes()[:100])
    elif damage == "overwritten":
        file.write_bytes(b"\0" * file.stat().st_size)
    else:
        file.unlink()
    with pytest.raises(UserError, match=file.name):
        TorchDistReader(folder).rows("half", 0, 8)


@pytest.mark.parametrize("chunk_bytes", [1 << 27, 64, 1])
def test_torch_loads_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int) -> None:
    monkeypatch.setattr(torch_dist_writer, "CHUNK_BYTES", chunk_bytes)
    monkeypatch.setattr(torch_dist_writer, "_FILE_BYTES", 5000)
    plain, vector, stacked = torch.randn(11, 4), torch.randn(13).bfloat16(), torch.randn(LAYERS, 6, 5)
    asked: list[int] = []

    def rows_of(tensor: torch.Tensor):  # noqa: ANN202
        def rows(start: int, stop: int) -> torch.Tensor:
            asked.append((stop - start) * tensor[0].numel() * tensor.element_size())
            return tensor[start:stop]

        return rows

    with TorchDistWriter(tmp_path / "w") as writer:
        writer.add("plain", tuple(plain.shape), plain.dtype, rows_of(plain))
        for layer in range(LAYERS):
            writer.add(STACKED, (6, 5), torch.float32, rows_of(stacked[layer]), layer, LAYERS)
        writer.add("vector", (13,), torch.bfloat16, rows_of(vector))
    found = by_torch(tmp_path / "w")
    assert torch.equal(found["plain"], plain) and torch.equal(found["vector"], vector)
    assert torch.equal(found[STACKED], stacked)
    assert max(asked) <= max(chunk_bytes, 20)  # a row at least, never more than a chunk
    if chunk_bytes == 1:
        assert len(list((tmp_path / "w").glob("*.distcp"))) > 1


def test_an_unfinished_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), TorchDistWriter(tmp_path / "w") as writer:
        writer.add("a", (2, 2), torch.float32, lambda start, stop: torch.zeros(stop - start, 2))
        raise ZeroDivisionError
    with pytest.raises(UserError):
        TorchDistReader(tmp_path / "w")


def test_boxes_of_a_tensor_that_was_split_on_every_axis(tmp_path: Path) -> None:
    whole = torch.randn(4, 6, 10)
    with TorchDistWriter(tmp_path / "w") as writer:
        writer.declare("split", (4, 6, 10), torch.float32)
        for a, b, c in itertools.product((0, 2), (0, 3), (0, 4)):
            writer.write("split", (a, b, c), whole[a : a + 2, b : b + 3, c : c + 4 + c // 2])
    assert torch.equal(by_torch(tmp_path / "w")["split"], whole)
    reader, random = TorchDistReader(tmp_path / "w"), torch.Generator().manual_seed(0)
    for _ in range(200):
        ends = [sorted(torch.randint(0, size + 1, (2,), generator=random).tolist()) for size in whole.shape]
        box = whole[tuple(slice(*end) for end in ends)]
        assert torch.equal(reader.block("split", [end[0] for end in ends], box.shape), box)


def test_threads_write_at_the_same_time(tmp_path: Path) -> None:
    tensors = {f"t{number}": torch.randn(20, 30) for number in range(40)}

    def write(name: str) -> None:
        writer.add(name, (20, 30), torch.float32, lambda start, stop: tensors[name][start:stop])

    with TorchDistWriter(tmp_path / "w") as writer, ThreadPoolExecutor(4) as pool:
        list(pool.map(write, tensors))
    found = by_torch(tmp_path / "w")
    assert found.keys() == tensors.keys() and all(torch.equal(found[name], tensors[name]) for name in tensors)

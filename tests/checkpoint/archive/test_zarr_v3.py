"""Names, chunks and boxes: for any shape, chunk after chunk is the tensor's bytes in order."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from megatron_qm.checkpoint.archive.zarr_v3 import FILES, TENSORS, boxes, chunk_shape, node_of

shapes = st.lists(st.integers(0, 7), max_size=4).map(tuple)


@given(shapes, st.sampled_from([1, 2, 4, 8]), st.integers(1, 300))
def test_chunks_one_after_another_are_the_tensor(shape: tuple[int, ...], itemsize: int, limit: int) -> None:
    chunk = chunk_shape(shape, itemsize, limit)
    assert len(chunk) == len(shape) and min(chunk, default=1) >= 1
    assert math.prod(chunk) * itemsize <= max(limit, itemsize)
    numbers = np.arange(math.prod(shape)).reshape(shape)
    cut = [numbers[tuple(slice(a, a + n) for a, n in zip(at, size, strict=True))] for at, size in boxes(shape, chunk)]
    assert [n for block in cut for n in block.reshape(-1)] == list(range(numbers.size))


def test_a_chunk_is_as_large_as_it_may_be() -> None:
    assert chunk_shape((64, 51200, 5120), 2, 1 << 25) == (1, 3276, 5120)
    assert chunk_shape((10, 10), 4, 1 << 25) == (10, 10)
    assert chunk_shape((), 4, 1) == ()


@given(st.text(min_size=1), st.text(min_size=1))
def test_names_stay_apart_and_are_fit_for_zarr(one: str, other: str) -> None:
    nodes = [node_of(TENSORS, name) for name in (one, other)]
    assert (nodes[0] == nodes[1]) == (one == other)
    for node in nodes:
        component = node.removeprefix("tensors/")
        assert component.isascii() and component.isprintable() and not set(component) & set(' /\\"?*:|<>&#')
        assert component not in ("", "c", "zarr.json") and not component.startswith("__") and component.strip(".")


def test_usual_names_are_as_they_are() -> None:
    name = "optimizer.state.exp_avg_sq.decoder.layers.mlp.linear_fc1.layer_norm_weight"
    assert node_of(TENSORS, name) == f"tensors/{name}"
    assert node_of(FILES, "rank_state/rank-00000.pt") == "files/rank_state/rank-00000.pt"
    assert node_of(FILES, "tokenizer/zarr.json") == "files/tokenizer/%7Aarr.json"

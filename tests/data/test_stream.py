"""The stream of a source against whole epochs written out as lists."""

from itertools import islice, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from megatron_qm.data.stream import SourceStream
from tests.data.reference import epoch_tokens, stream_tokens


def tokens_of(stream: SourceStream, position: int, length: int) -> list[tuple[int, int]]:
    return [(span.epoch, token) for span in stream.spans(position, length) for token in range(span.start, span.stop)]


@given(
    tokens=st.integers(1, 200),
    block_size=st.integers(1, 250),
    seed=st.integers(0, 1 << 40),
    cuts=st.lists(st.integers(1, 150), min_size=1, max_size=12),
)
@settings(max_examples=200, deadline=None)
def test_any_cutting_of_the_stream_gives_the_same_tokens(
    tokens: int, block_size: int, seed: int, cuts: list[int]
) -> None:
    stream = SourceStream("web", tokens, block_size, seed)
    position, read = 0, []
    for length in cuts:
        read += tokens_of(stream, position, length)
        position += length
    assert read == list(islice(stream_tokens("web", tokens, block_size, seed), position))


@given(tokens=st.integers(1, 200), block_size=st.integers(1, 250), epoch=st.integers(0, 1 << 40))
@settings(max_examples=100, deadline=None)
def test_every_epoch_reads_every_token_once(tokens: int, block_size: int, epoch: int) -> None:
    stream = SourceStream("web", tokens, block_size, 7)
    read = tokens_of(stream, epoch * tokens, tokens)
    assert sorted(read) == [(epoch, token) for token in range(tokens)]


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 500), st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_spans_are_as_long_as_they_can_be(tokens: int, block_size: int, position: int, length: int) -> None:
    spans = list(SourceStream("web", tokens, block_size, 7).spans(position, length))
    assert sum(span.length for span in spans) == length
    for before, after in zip(spans, spans[1:], strict=False):
        assert (before.epoch, before.stop) != (after.epoch, after.start)


def test_epochs_seeds_and_names_differ_in_order() -> None:
    keys = product(("web", "books"), (1, 2), (0, 1))
    orders = {tuple(epoch_tokens(name, 1000, 10, seed, epoch)) for name, seed, epoch in keys}
    assert len(orders) == 8


def test_the_left_over_block_moves_about() -> None:
    places = {epoch_tokens("web", 1005, 100, 1, epoch).index(1000) for epoch in range(40)}
    assert len(places) > 5


@pytest.mark.parametrize("position", [0, 10**15, 10**18 + 12345])
def test_positions_far_into_a_huge_source_are_found(position: int) -> None:
    stream = SourceStream("web", 10**12 + 1, 65536, 1)
    (first, *_), again = tokens_of(stream, position, 4096), tokens_of(stream, position + 100, 4096)
    assert tokens_of(stream, position, 4096)[100:] == again[:-100]
    assert first[0] == position // (10**12 + 1)

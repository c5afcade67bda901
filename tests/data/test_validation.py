"""Validation sequences: the first tokens of each source in the dataset's order, each at most once."""

from pathlib import Path

import numpy as np
import pytest

from megatron_qm.data.reader import SourceSpec
from megatron_qm.data.validation import ValidationReader
from tests.data.written import counting_dataset


@pytest.fixture
def sources(tmp_path: Path) -> list[SourceSpec]:
    return [
        SourceSpec("long", counting_dataset(tmp_path / "long", [30, 70])),
        SourceSpec("short", counting_dataset(tmp_path / "short", [5, 10])),
        SourceSpec("exact", counting_dataset(tmp_path / "exact", [17])),
    ]


def test_sequences_run_from_the_start_and_the_short_end_is_padded(sources: list[SourceSpec]) -> None:
    reader = ValidationReader(sources, sequence_length=8, sequences_per_source=3)
    batch = reader.read()
    assert len(reader) == 3 + 2 + 2
    assert batch.source_b.tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert batch.tokens_bs[:3].reshape(-1).tolist() == list(range(24))
    assert batch.labels_bs[:3].reshape(-1).tolist() == list(range(1, 25))
    assert batch.tokens_bs[4].tolist() == [8, 9, 10, 11, 12, 13, 14, 0]
    assert batch.labels_bs[4].tolist() == [9, 10, 11, 12, 13, 14, 0, 0]
    assert batch.loss_mask_bs[4].tolist() == [1, 1, 1, 1, 1, 1, 0, 0]
    assert batch.loss_mask_bs.sum() == 24 + 14 + 16  # every label of the short sources, once
    assert np.flatnonzero(batch.document_starts_bs[3]).tolist() == [0, 5]


def test_indices_past_the_end_bear_no_loss(sources: list[SourceSpec]) -> None:
    reader = ValidationReader(sources, 8, 3)
    batch = reader.read([6, 7, 100])
    assert batch.loss_mask_bs.sum(axis=1).tolist() == [8, 0, 0]
    assert batch.tokens_bs.shape == (3, 8)


def test_the_same_options_hold_as_in_training(sources: list[SourceSpec]) -> None:
    reader = ValidationReader(sources, 8, 3, reset_at_document_ends=True, mask_document_ends=True)
    batch = reader.read([3])
    assert batch.position_ids_bs.tolist() == [[0, 1, 2, 3, 4, 0, 1, 2]]
    assert batch.loss_mask_bs.tolist() == [[1, 1, 1, 1, 0, 1, 1, 1]]


def test_no_sources_give_no_sequences() -> None:
    assert len(ValidationReader([], 8, 3)) == 0

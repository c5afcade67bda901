"""The plan of a run against the run."""

from pathlib import Path

import pytest

from megatron_qm.data.plan import plan_sources, render
from megatron_qm.data.reader import BatchReader, SourceSpec
from megatron_qm.errors import UserError
from tests.data.written import counting_dataset


@pytest.fixture
def sources(tmp_path: Path) -> list[SourceSpec]:
    return [
        SourceSpec("web", counting_dataset(tmp_path / "web", [500, 500]), [[0, 3], [4000, 1]]),
        SourceSpec("books", counting_dataset(tmp_path / "books", [100]), 1),
        SourceSpec("off", counting_dataset(tmp_path / "off", [50]), 0),
    ]


def test_the_plan_is_what_a_run_reads(sources: list[SourceSpec]) -> None:
    reader = BatchReader(sources, 10, 10, 1)
    plan = reader.plan_step(800)
    rows = plan_sources(sources, 8000, block_size=10)
    assert [row.name for row in rows] == ["web", "books", "off"]
    for row, read in zip(rows, plan.after, strict=True):
        assert row.tokens == pytest.approx(read, abs=20)
        assert row.epochs == row.tokens / row.dataset_tokens
        assert row.share == row.tokens / 8000
    # web: (3/4 + 1/2) / 2 of the first 4000 tokens, half of the rest
    assert [row.tokens for row in rows] == pytest.approx([2500 + 2000, 1500 + 2000, 0])
    assert [row.documents for row in rows] == [2, 1, 1]


def test_a_trillion_tokens_are_planned_in_closed_form(sources: list[SourceSpec]) -> None:
    rows = plan_sources(sources, 10**12, block_size=10)
    assert sum(row.tokens for row in rows) == pytest.approx(10**12, rel=1e-12)


def test_warnings_name_what_is_repeated_unread_or_hardly_shuffled(sources: list[SourceSpec]) -> None:
    web, books, off = plan_sources(sources, 8000, block_size=10)
    assert [len(row.warnings) for row in (web, books, off)] == [1, 2, 1]
    assert "4.5 times" in web.warnings[0]
    assert "35.0 times" in books.warnings[0]
    assert "10 full blocks of 10 tokens" in books.warnings[1]
    assert "weight is 0" in off.warnings[0]
    assert plan_sources(sources[:1], 4000, block_size=10)[0].warnings == ()


def test_the_table_lines_up_and_adds_up(sources: list[SourceSpec]) -> None:
    lines = render(plan_sources(sources, 8000, block_size=10)).splitlines()
    assert lines[:5] == [
        "source  documents  tokens held  tokens read    share  epochs",
        "web             2        1,000        4,500   56.25%    4.50",
        "books           1          100        3,500   43.75%   35.00",
        "off             1           50            0    0.00%    0.00",
        "total           4        1,150        8,000  100.00%    6.96",
    ]
    assert all(line.startswith("warning: ") for line in lines[5:]) and len(lines) == 9


def test_an_unusable_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'gone'"):
        plan_sources([SourceSpec("gone", str(tmp_path / "gone"))], 100, 10)

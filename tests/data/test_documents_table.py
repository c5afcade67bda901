"""The ledger's shares by source, licence and grade, against sums by hand over the rows of the table."""

from collections import Counter
from pathlib import Path

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest

from megatron_qm.data.ledger import LedgerWriter, documents_of_step, render_step
from megatron_qm.data.reader import BatchReader, SourceSpec
from megatron_qm.errors import UserError
from tests.data.written import counting_dataset

LENGTHS = [3, 5, 1, 7, 20, 1, 14]
GRADES = ["A", "B", None, "C", "A", "E", "B"]


def table(prefix: str, rows: int = len(LENGTHS)) -> None:
    columns = {"id": [f"d{n}" for n in range(rows)], "source": [f"s{n % 2}" for n in range(rows)],
               "licence": ["CC0"] * rows, "grade": GRADES[:rows], "file": ["raw.jsonl"] * rows, "line": list(range(1, rows + 1))}
    parquet.write_table(arrow.table(columns), f"{prefix}.documents.parquet", row_group_size=3)


def one_step(tmp_path: Path, prefixes: dict[str, str]) -> Path:
    reader = BatchReader([SourceSpec(name, prefix, 1) for name, prefix in prefixes.items()], 12, 8, 42)
    ledger = LedgerWriter(tmp_path / "run", reader, next_step=1)
    ledger.append(1, reader.plan_step(4))
    ledger.close()
    return tmp_path / "run"


def test_shares_are_those_of_the_tokens_that_the_step_read(tmp_path: Path) -> None:
    prefixes = {"corpus": counting_dataset(tmp_path / "a", LENGTHS), "other": counting_dataset(tmp_path / "b", [30, 40])}
    table(prefixes["corpus"])
    run = one_step(tmp_path, prefixes)
    grades: Counter[str] = Counter()
    for span in documents_of_step(run, 1):
        grade = GRADES[span.document] if span.source == "corpus" else None
        grades[grade or "not said"] += span.tokens
    shown = render_step(run, 1)
    block = shown.split("\n\n")[-1].splitlines()[1:]
    assert {line.split("  ")[0]: int(line.split()[-2]) for line in block} == dict(grades)
    assert "raw.jsonl:5" in shown and "d4" in shown


def test_a_table_of_another_dataset_is_refused_by_name(tmp_path: Path) -> None:
    prefixes = {"corpus": counting_dataset(tmp_path / "a", LENGTHS)}
    table(prefixes["corpus"], rows=5)
    with pytest.raises(UserError, match=r"a\.documents\.parquet: is of another dataset"):
        render_step(one_step(tmp_path, prefixes), 1)


def test_without_a_table_the_ledger_is_as_before(tmp_path: Path) -> None:
    run = one_step(tmp_path, {"corpus": counting_dataset(tmp_path / "a", LENGTHS)})
    assert "grade" not in render_step(run, 1)

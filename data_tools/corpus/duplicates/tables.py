"""Stages 2 and 3, sorts and joins, by DuckDB on files of Parquet: what memory does not hold it puts on disk."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_tools.corpus.duplicates.config import DuplicatesConfig
from data_tools.corpus.duplicates.signatures import band_column
from data_tools.corpus.extra import needed
from megatron_qm.errors import UserError


@dataclass(frozen=True)
class Tables:
    """The files of one run in its folder, and how DuckDB may work on them."""

    folder: Path
    memory_gib: float
    threads: int

    def signatures(self) -> str:
        return str(self.folder / "signatures-*.parquet")

    def file(self, name: str) -> Path:
        return self.folder / f"{name}.parquet"


def rank_documents(tables: Tables) -> None:
    """Stage 2: `ranked` (place, rank, first): all documents; the best has rank 0. first: the rank of the best one with the same
    units, its own where that is itself."""
    _write(tables, "ranked", f"""
        SELECT place, rank, min(rank) OVER (PARTITION BY digest) AS first
        FROM (SELECT place, digest, row_number() OVER (ORDER BY grade, length DESC, place) - 1 AS rank
              FROM '{_quoted(tables.signatures())}')
        ORDER BY place""")


def candidates_of_bands(tables: Tables, config: DuplicatesConfig, bands: Sequence[int]) -> None:
    """Stage 3, for any bands apart from the others: `candidates-BAND` (better, worse): ranks that meet in it; a row with an empty
    `worse` says how many pairs were passed over."""
    with _connection(tables) as connection:
        for band in bands:
            _copy(connection, tables, f"candidates-{band}", _meetings(tables, config, band_column(band)))


def _meetings(tables: Tables, config: DuplicatesConfig, key: str) -> str:
    return f"""
        WITH keyed AS (SELECT {key} AS key, place FROM '{_quoted(tables.signatures())}' WHERE {key} IS NOT NULL),
        met AS (SELECT key FROM keyed GROUP BY key HAVING count(*) > 1),  -- few: what follows is done for these alone
        members AS (
            SELECT key, rank, row_number() OVER (PARTITION BY key ORDER BY rank) AS seat,
                   count(*) OVER (PARTITION BY key) AS together
            FROM keyed JOIN met USING (key) JOIN '{_quoted(tables.file('ranked'))}' USING (place)
            WHERE rank = first)
        SELECT head.rank AS better, other.rank AS worse, 0::BIGINT AS passed_over
        FROM members AS head JOIN members AS other USING (key)
        WHERE head.seat <= {config.heads} AND other.seat > head.seat
        UNION ALL
        SELECT NULL, NULL, coalesce(sum((together - {config.heads}) * (together - {config.heads} - 1) // 2), 0)::BIGINT
        FROM members WHERE seat = 1 AND together > {config.heads}"""


def join_candidates(tables: Tables, bands: int) -> tuple[int, int]:
    """`candidates` (better, worse), each pair once; returns their number, and that of the pairs passed over, over all bands."""
    files = ", ".join(f"'{_quoted(tables.file(f'candidates-{band}'))}'" for band in range(bands))
    _write(tables, "candidates", f"""
        SELECT DISTINCT better, worse FROM read_parquet([{files}]) WHERE better IS NOT NULL ORDER BY better, worse""")
    (passed_over,), = _rows(tables, f"SELECT sum(passed_over)::BIGINT FROM read_parquet([{files}])")
    (count,), = _rows(tables, f"SELECT count(*) FROM '{_quoted(tables.file('candidates'))}'")
    return int(count), int(passed_over)


def places_of_candidates(tables: Tables) -> None:
    """`compared` (place, rank): the documents of any candidate pair, in their order."""
    candidates = _quoted(tables.file("candidates"))
    _write(tables, "compared", f"""
        SELECT place, rank FROM '{_quoted(tables.file('ranked'))}'
        WHERE rank IN (SELECT better FROM '{candidates}' UNION SELECT worse FROM '{candidates}') ORDER BY place""")


def locate_pairs(tables: Tables, threshold: float) -> None:
    """`located`: candidates with the place and size of both sets of shingles in their file. Those whose sizes are too unlike for
    the threshold are left out: Jaccard is at most the smaller size over the larger."""
    sets = _quoted(tables.file("sets"))
    _write(tables, "located", f"""
        SELECT better, worse, a.first AS better_first, a.size AS better_size, b.first AS worse_first, b.size AS worse_size
        FROM '{_quoted(tables.file('candidates'))}' JOIN '{sets}' AS a ON a.rank = better JOIN '{sets}' AS b ON b.rank = worse
        WHERE least(a.size, b.size) >= {threshold} * greatest(a.size, b.size)
        ORDER BY better, worse""")


def order_verified(tables: Tables) -> None:
    """`decidable`: verified pairs as decisions are taken, the best document's first."""
    _write(tables, "decidable", f"SELECT * FROM '{_quoted(tables.file('verified'))}' ORDER BY worse, better")


def name_removed(tables: Tables) -> dict[str, int]:
    """`removed` (place, line, id, kept_place, kept_line, kept_id, jaccard, kind) by place. An equal of a document that went as a
    near duplicate goes with it, to the same kept one. Returns how many of each kind."""
    _write(tables, "removed", f"""
        WITH gone AS (
            SELECT place, coalesce(near.kept, first) AS kept, coalesce(near.jaccard, 1.0) AS jaccard,
                   CASE WHEN near.kept IS NULL THEN 'exact' ELSE 'near' END AS kind
            FROM '{_quoted(tables.file('ranked'))}' AS ranked
            LEFT JOIN '{_quoted(tables.file('near'))}' AS near ON near.worse = ranked.first
            WHERE near.kept IS NOT NULL OR rank != first)
        SELECT gone.place, one.line, one.id, other.place AS kept_place, other.line AS kept_line, other.id AS kept_id,
               jaccard, kind
        FROM gone JOIN '{_quoted(tables.file('ranked'))}' AS best ON best.rank = gone.kept
        JOIN '{_quoted(tables.signatures())}' AS one ON one.place = gone.place
        JOIN '{_quoted(tables.signatures())}' AS other ON other.place = best.place
        ORDER BY gone.place""")
    return dict(_rows(tables, f"SELECT kind, count(*) FROM '{_quoted(tables.file('removed'))}' GROUP BY kind"))


def _write(tables: Tables, name: str, query: str) -> None:
    with _connection(tables) as connection:
        _copy(connection, tables, name, query)


def _copy(connection: Any, tables: Tables, name: str, query: str) -> None:
    """The result of a query as `name`.parquet, whole or not at all."""
    file = tables.file(name)
    aside = file.with_suffix(".part")
    connection.execute(f"COPY ({query}) TO '{_quoted(aside)}' (FORMAT parquet, COMPRESSION snappy)")
    aside.replace(file)


def _rows(tables: Tables, query: str) -> list[tuple[Any, ...]]:
    with _connection(tables) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(query).fetchall()
        return rows


@contextmanager
def _connection(tables: Tables) -> Iterator[Any]:
    """A database of its own, so that stages may run on different machines."""
    duckdb = needed("duckdb")
    try:
        with duckdb.connect(":memory:") as connection:
            connection.execute(f"SET threads = {tables.threads}")
            connection.execute(f"SET memory_limit = '{tables.memory_gib} GiB'")
            connection.execute(f"SET temp_directory = '{_quoted(tables.folder / 'spill')}'")
            connection.execute("SET enable_progress_bar = false")
            yield connection
    except duckdb.Error as error:
        raise UserError(f"{tables.folder}: DuckDB ends with: {str(error).splitlines()[0]}; where it wants for memory, give it "
                        "more (--memory-gib), where for disk, free some") from None


def _quoted(path: Path | str) -> str:
    """A path within quotation marks of SQL."""
    return str(path).replace("'", "''")

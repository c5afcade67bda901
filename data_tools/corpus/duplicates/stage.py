"""Near-duplicates as a stage of build_corpus.py: one run over all shards, which begins anew where it was killed."""

from data_tools.corpus.duplicates.config import DuplicatesConfig
from data_tools.corpus.duplicates.outcome import nearness, removed_rows, write_kept
from data_tools.corpus.duplicates.run import find_duplicates
from data_tools.corpus.extra import needed
from data_tools.corpus.report import sample_record
from data_tools.corpus.stage import WholeResult, WholeWork
from megatron_qm.files import remove_tree, write_json_lines

REMOVED = "removed.jsonl"  # beside the output


def libraries_are_there(_: DuplicatesConfig) -> None:
    """Raises UserError."""
    needed("rensa")
    needed("duckdb")


def deduplicate(config: DuplicatesConfig, work: WholeWork) -> WholeResult:
    """Beside the output is a line for each document that went, with the one that stays."""
    remove_tree(work.folder)
    work.folder.mkdir()
    corpus = work.corpus()
    found = find_duplicates(corpus, config, work.folder, work.workers)
    table = work.folder / "removed.parquet"
    written = write_kept(corpus, table, found, work.output, work.seed)
    corpus.check_unchanged()
    write_json_lines(work.output.with_name(REMOVED), removed_rows(corpus, table))
    samples = [sample_record(one, corpus.files) for one in written.samples]
    return WholeResult(written.counts, samples, {**found.to_json(), "nearness": nearness(table)})

#!/usr/bin/env python3
"""Sentences of triples, in Chinese and English: documents by subject that are read back into their triples before they are kept.

    python data_tools/verbalise.py --input 'triples/*.jsonl' umls.ttl --output documents.jsonl --seed 1 \\
        --report verbalise.json --rejects bad.jsonl

Triples are JSON lines {subject, predicate, object[, negated, qualifiers, source, licence, language]}, lines with a spo_list, CSV
and TSV with a header, and RDF (.ttl, .nt, .rdf, .owl). Templates: data_tools/corpus/verbalising/templates.yaml. With
--model a model writes the text; what does not hold its facts is told by templates.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # as a script: the imports below are found from the repository, not from this folder
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from data_tools.corpus.arguments import add_input, add_overwrite, add_workers, parsed, parser_of
from data_tools.corpus.document import Document
from data_tools.corpus.packed import check_name, packed_lines
from data_tools.corpus.places import STOPPED, check_outputs, exit_code
from data_tools.corpus.reading import line_of
from data_tools.corpus.settings import add_options, from_options
from data_tools.corpus.verbalising.documents import NOT_READ_BACK, Job, Knowledge, Outcome, VerbaliseConfig, WriteJobs, row_of
from data_tools.corpus.verbalising.inputs import ReadAs, find_triples, read_triples
from data_tools.corpus.verbalising.model import Model, ModelError, model_of, written_by
from data_tools.corpus.verbalising.tables import COLUMNS
from data_tools.corpus.verbalising.templates import read_templates
from data_tools.corpus.workers import outcomes
from data_tools.ordered import ordered_map
from data_tools.stopping import StopRequest
from megatron_qm.config.load import to_plain
from megatron_qm.errors import UserError
from megatron_qm.files import write_json, write_json_lines
from megatron_qm.json_types import JsonObject

FORMAT = "megatron-qm verbalise 1"
_JOBS_AT_ONCE = 64
_SAMPLES = 20
_MOST_AT_ONCE = 256


@dataclass
class Tally:
    """Of documents, and of sentences by the form that they needed."""

    kept: Counter[str] = field(default_factory=Counter)  # by language
    dropped: Counter[str] = field(default_factory=Counter)
    facts: Counter[str] = field(default_factory=Counter)  # told, by relation
    forms: Counter[str] = field(default_factory=Counter)
    first: int = 0
    again: int = 0
    by: Counter[str] = field(default_factory=Counter)
    model: Counter[str] = field(default_factory=Counter)
    samples: list[JsonObject] = field(default_factory=list)


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    return exit_code(lambda stop: _tell(args, verbalise(args, from_options(args, VerbaliseConfig), stop)))


def _tell(args: argparse.Namespace, report: dict[str, Any]) -> None:
    triples, documents = report["triples"], report["documents"]
    print(
        f"{args.output}: {sum(documents['kept'].values()):,} documents of {triples['told']:,} triples; {triples['read']:,} were "
        f"read, {triples['rejected']:,} rejected, {triples['repeated']:,} repeated; documents dropped: "
        f"{sum(documents['dropped'].values()):,}"
    )


def verbalise(args: argparse.Namespace, config: VerbaliseConfig, stop: StopRequest) -> dict[str, Any]:
    """Write all files, the output last, and return the report. Raises UserError where nothing could be read."""
    check_name(args.output, f"--output {args.output}")
    files = find_triples(args.input)
    outputs = {"--output": args.output, "--report": args.report, "--rejects": args.rejects}
    check_outputs(outputs, [file.path for file in files], args.overwrite)
    templates = read_templates(config.templates)
    model = model_of(args.model) if args.model else None
    began = time.monotonic()
    knowledge = Knowledge(templates)
    read_as = ReadAs(templates.knows, _columns(args.columns), args.source or "", args.licence or "")
    for file in files:
        knowledge.add(read_triples(file, read_as))
        file.check_unchanged()
        stop.check(STOPPED)
    if not knowledge.relations:
        why = f"; the first: {knowledge.bad[0].file}:{knowledge.bad[0].line}: {knowledge.bad[0].reason}" if knowledge.bad else ""
        raise UserError(f"--input: holds no triple of {knowledge.read:,} rows that can be told{why}; nothing was written")
    tally = _write(args, config, knowledge, model, stop)
    report = _report(config, knowledge, tally) | {"seconds": round(time.monotonic() - began, 3)}
    if args.rejects:
        write_json_lines(args.rejects, (one._asdict() for one in knowledge.bad))
    if args.report:
        write_json(args.report, report)
    return report


def _write(
    args: argparse.Namespace, config: VerbaliseConfig, knowledge: Knowledge, model: Model | None, stop: StopRequest
) -> Tally:
    tally = Tally()
    some = outcomes(WriteJobs(config), _some(knowledge.jobs(config)), args.workers)
    found: Iterable[Outcome] = (outcome for several in some for outcome in several)
    with packed_lines(args.output) as output:
        for outcome, by_model in _through(model, found, args.at_once):
            stop.check(STOPPED)
            tally.model[by_model] += bool(by_model)
            _count(tally, outcome)
            if outcome.row is not None:
                text = str(outcome.row.pop("text"))
                output.write(line_of(Document(text, outcome.row)))
    return tally


def _through(model: Model | None, found: Iterable[Outcome], at_once: int) -> Iterable[tuple[Outcome, str]]:
    """Each with the model's text in the place of the templates', where that holds its facts; and what became of it."""
    if model is None:
        return ((outcome, "") for outcome in found)

    def asked(outcome: Outcome) -> tuple[Outcome, str]:
        try:
            text = written_by(model, outcome.job.facts, outcome.job.language)
        except ModelError as error:
            return outcome, str(error)
        return Outcome(outcome.job, row_of(outcome.job, text, model.name), outcome.written), "kept"

    return ordered_map(asked, found, at_once)


def _count(tally: Tally, outcome: Outcome) -> None:
    job, written = outcome.job, outcome.written
    tally.forms.update(written.forms)
    tally.first += written.first
    tally.again += written.tries > 1
    if outcome.row is None:
        tally.dropped[NOT_READ_BACK] += 1
        if len(tally.samples) < _SAMPLES:
            tally.samples.append({"id": job.id, "facts": [triple.record() for triple in job.triples]})
        return
    tally.kept[job.language] += 1
    tally.by[str(outcome.row["written_by"])] += 1
    tally.facts.update(fact.relation for fact in job.facts)


def _report(config: VerbaliseConfig, knowledge: Knowledge, tally: Tally) -> dict[str, Any]:
    reasons = Counter(one.reason.partition(";")[0][:80] for one in knowledge.bad)
    sentences = sum(tally.forms.values())
    return {
        "format": FORMAT,
        "config": to_plain(config),
        "triples": {
            "read": knowledge.read,
            "rejected": len(knowledge.bad),
            "repeated": knowledge.repeated,
            "told": sum(knowledge.relations.values()),
            "by relation": dict(knowledge.relations.most_common()),
            "reasons": dict(reasons.most_common(_SAMPLES)),
        },
        "documents": {
            "kept": dict(tally.kept),
            "dropped": dict(tally.dropped),
            "written by": dict(tally.by),
            "drawn more than once": tally.again,
        },
        "facts in documents": dict(tally.facts.most_common()),
        "sentences": {"all": sentences, "read back at the first draw": tally.first, "by form": dict(tally.forms)},
        "model": {what: count for what, count in tally.model.most_common() if what},
        "samples": tally.samples,
    }


def _some(jobs: Iterator[Job]) -> Iterator[Sequence[Job]]:
    while some := list(islice(jobs, _JOBS_AT_ONCE)):
        yield some


def _columns(said: Sequence[str]) -> dict[str, str]:
    """Of OURS=THEIRS."""
    columns = dict(one.partition("=")[::2] for one in said)
    for ours, theirs in columns.items():
        if ours not in COLUMNS or not theirs:
            raise UserError(f"--columns {ours}={theirs}: OURS=COLUMN is meant, OURS one of {', '.join(COLUMNS)}")
    return columns


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = parser_of(__doc__)
    add_input(parser, "triples; globs")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="JSON lines of documents")
    parser.add_argument("--report", type=Path, metavar="FILE", help="counts by relation, form and reason, as JSON")
    parser.add_argument("--rejects", type=Path, metavar="FILE", help="a line {file, line, reason} for each row that is no triple")
    add_overwrite(parser)
    parser.add_argument(
        "--columns",
        nargs="+",
        default=[],
        metavar="OURS=COLUMN",
        help="of tables: the columns that are called otherwise, as in subject=disease object=drug",
    )
    parser.add_argument("--source", help="of triples that do not say theirs")
    parser.add_argument("--licence", help="of triples that do not say theirs")
    add_workers(parser, "processes; the output does not depend on it")
    parser.add_argument(
        "--model",
        metavar="NAME=BASE",
        help="an OpenAI-compatible endpoint that writes the texts; its key is in MEGATRON_QM_WRITER_KEY",
    )
    parser.add_argument(
        "--at-once", type=int, default=8, metavar="N", help="documents that the model is asked for at once (%(default)s)"
    )
    add_options(parser, VerbaliseConfig)
    return parsed(parser, argv, at_once=_MOST_AT_ONCE)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""A small corpus of medical facts, English and Chinese, with knowledge probes: what `make quickstart` learns from.

    python data_tools/build_quickstart_corpus.py --output DIR

Writes DIR/{knowledge_en,knowledge_zh,general,validation}.jsonl and DIR/probes.jsonl. The same seed writes the same bytes.
"""

import argparse
import random
import sys
from pathlib import Path

from data_tools.corpus.arguments import add_overwrite
from data_tools.knowledge.corpus import (
    general_documents,
    held_out_documents,
    icd_documents,
    knowledge_documents,
)
from data_tools.knowledge.probes import check_held_out, make_probes
from data_tools.knowledge.rows import write_files
from data_tools.knowledge.triples import Triple, disease_triples, icd_entries
from megatron_qm.errors import UserError


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    try:
        for name, count in build(args.output, args.diseases, args.copies, args.probes, args.seed, args.overwrite).items():
            print(f"{args.output / name}: {count:,} lines")
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def build(output: Path, diseases: int, copies: int, probes: int, seed: int, overwrite: bool = False) -> dict[str, int]:
    """Write all files and return the lines in each. Raises UserError where a number makes no corpus, or a file is there."""
    for name, value in (("--diseases", diseases), ("--copies", copies), ("--probes", probes)):
        if value < 1:
            raise UserError(f"{name} {value}: must be 1 or more")
    facts = {language: _first(disease_triples(language), diseases) for language in ("en", "zh")}
    everything = [fact for triples in facts.values() for fact in triples]
    files = {
        f"knowledge_{language}.jsonl": list(knowledge_documents(triples, copies, _draw(seed, f"knowledge {language}")))
        for language, triples in facts.items()
    }
    files["general.jsonl"] = [
        *icd_documents(icd_entries(), _draw(seed, "icd")), *general_documents(600, _draw(seed, "general"))
    ]
    training = [row["text"] for rows in files.values() for row in rows]
    files["validation.jsonl"] = list(held_out_documents(everything, _draw(seed, "validation")))
    questions = list(make_probes(everything, probes, _draw(seed, "probes")))
    if not questions:
        raise UserError(f"--diseases {diseases}, --probes {probes}: too few for a set of four questions; take more of both")
    check_held_out(questions, training)
    return write_files(output, files | {"probes.jsonl": questions}, overwrite)


def _first(triples: list[Triple], diseases: int) -> list[Triple]:
    chosen = set(list(dict.fromkeys(triple.subject for triple in triples))[:diseases])
    return [triple for triple in triples if triple.subject in chosen]


def _draw(seed: int, what: str) -> random.Random:
    """Each file has a generator of its own: a longer one does not change the others."""
    return random.Random(f"{seed} {what}")


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--diseases", type=int, default=158, help="how many to take (default: all 158)")
    parser.add_argument("--copies", type=int, default=24, help="documents about each disease and language (default: 24)")
    parser.add_argument("--probes", type=int, default=60, help="per predicate and language, in whole sets of four (default: 60)")
    parser.add_argument("--seed", type=int, default=0)
    add_overwrite(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())

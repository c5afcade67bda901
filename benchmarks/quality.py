"""The quality rules against Gopher's on labelled documents, and on real ones that are known to be professional.

    python benchmarks/quality.py --write          (the labelled documents: benchmarks/data/quality/{zh,en}.jsonl)
    python benchmarks/quality.py [--corpus LANGUAGE=FILE.jsonl.gz ...] [--output benchmarks/results/quality.json]

How the documents are labelled: by the generator that wrote them. 16 genres of professional texts (400 documents to keep) and 16
kinds of poor ones (320 to drop) in each language, from templates older than any rule (benchmarks/quality_documents). Half of the
genres and of the kinds are held out: while rules were written only the other half was looked at, and with another seed than these
documents have. Templates and rules have one author: held-out kinds tell how the rules do on what they were not fitted to, not how
they do on the web. Real documents have one label, keep.

benchmarks/results/quality.json is the first look at what was held out. quality-second-look.json is from after two faults that it
showed were mended (letters of no language were asked no rule of English; lingua tells a language of random letters).

Ours is the path of a corpus: cleaned, language told, judged. Gopher's rules judge the same text as it is; for Chinese also with
characters as words, and without what knows English words. Positive is: to be dropped. 95% intervals are Wilson's.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from data_tools.corpus.cleaning.whole import CleaningConfig, cleaning
from data_tools.corpus.document import Document, Dropped
from megatron_qm.evals.statistics import wilson_interval
from megatron_qm.files import write_json, write_json_lines

import gopher  # isort: skip  (its neighbours)
from json_lines import read_rows, read_texts  # isort: skip
from quality_documents.labelled import labelled  # isort: skip
from this_run import described, without_folder  # isort: skip

_DATA = Path(__file__).parent / "data" / "quality"
_SEED = "measured"
_EVERY = 8  # one in so many documents of a corpus is judged; while rules were written only others were looked at
_PACKAGES = ("ftfy", "OpenCC", "lingua-language-detector")
Judge = Callable[[str], str | None]  # why a text is dropped


def ours() -> Judge:
    clean = cleaning(CleaningConfig())

    def judge(text: str) -> str | None:
        after = clean(Document(text))
        return after.reason if isinstance(after, Dropped) else None

    return judge


def _judges(of: str) -> dict[str, Judge]:
    def published(text: str) -> str | None:
        return gopher.dropped(text, gopher.words_between_spaces(text), english=True)

    if of == "en":
        return {"ours": ours(), "gopher": published}
    return {"ours": ours(), "gopher": published,
            "gopher, characters as words": lambda text: gopher.dropped(text, gopher.characters_as_words(text), english=True),
            "gopher, characters as words, no rule of English": lambda text: gopher.dropped(
                text, gopher.characters_as_words(text), english=False)}  # fmt: skip


def _share(count: int, of: int) -> dict[str, Any]:
    """With Wilson's 95% interval."""
    if not of:
        return {"count": count, "of": of}
    interval = [round(bound, 4) for bound in wilson_interval(count, of)]
    return {"share": round(count / of, 4), "interval": interval, "count": count, "of": of}


def _scored(rows: Iterable[Mapping[str, str]], judge: Judge) -> dict[str, Any]:
    judged = [(row, judge(row["text"])) for row in rows]
    return {part: _of_part([(row, why) for row, why in judged if part in ("all", row["part"])])
            for part in ("all", "seen", "held_out")}  # fmt: skip


def _of_part(judged: list[tuple[Mapping[str, str], str | None]]) -> dict[str, Any]:
    poor = [(row, why) for row, why in judged if row["label"] == "drop"]
    good = [(row, why) for row, why in judged if row["label"] == "keep"]
    hit, lost = (sum(why is not None for _, why in some) for some in (poor, good))
    return {"precision": _share(hit, hit + lost), "recall": _share(hit, len(poor)),
            "professional_kept": _share(len(good) - lost, len(good)),
            "dropped_by_kind": {kind: f"{sum(why is not None for row, why in judged if row['kind'] == kind)} of {count}"
                                for kind, count in Counter(row["kind"] for row, _ in judged).items()},
            "reasons": dict(Counter(why for _, why in judged if why).most_common())}  # fmt: skip


def _real(texts: list[str], judge: Judge) -> dict[str, Any]:
    why = Counter(filter(None, map(judge, texts)))
    return {"kept": _share(len(texts) - sum(why.values()), len(texts)), "reasons": dict(why.most_common())}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--write", action="store_true", help="write the labelled documents and stop")
    parser.add_argument("--corpus", action="append", default=[], metavar="LANGUAGE=FILE", help="real professional documents")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/quality.json"))
    args = parser.parse_args()
    if args.write:
        for of in ("zh", "en"):
            write_json_lines(_DATA / f"{of}.jsonl", labelled(of, _SEED))
        return
    results: dict[str, Any] = {}
    for of in ("zh", "en"):
        rows = list(read_rows(_DATA / f"{of}.jsonl"))
        judges = _judges(of)
        results[of] = {"labelled": {name: _scored(rows, judge) for name, judge in judges.items()}}
        for path in (Path(one.partition("=")[2]) for one in args.corpus if one.startswith(f"{of}=")):
            texts = read_texts(path)[1::_EVERY]
            results[of][path.name.split(".")[0]] = {name: _real(texts, judge) for name, judge in judges.items()}
    write_json(args.output, {
        **described(_PACKAGES, map(without_folder, sys.argv[1:])),
        "labelling": "by the generator that wrote each document; half of the genres and kinds held out while rules were written",
        "gopher": "arXiv 2112.11446, appendix A.1.1, own implementation", "results": results})


if __name__ == "__main__":
    main()

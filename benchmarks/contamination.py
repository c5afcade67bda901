"""Items of evaluations planted in real texts in the ways in which they are met: how many are found, what goes wrongly, speed.

    python benchmarks/contamination.py --zh zh.jsonl.gz --en en.jsonl.gz [--output benchmarks/results/contamination.json]

Items are made by seed from held-out documents of the same files, which is hard on false drops: the question is a document's
beginning, its options are pieces of others. The remaining documents are the corpus; all of it that is dropped unplanted counts as
false.
"""

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from data_tools.corpus.contamination.config import ContaminationConfig
from data_tools.corpus.contamination.index import Index, build_index, phrases_of
from data_tools.corpus.contamination.items import Item
from data_tools.corpus.contamination.match import find_items, first_look
from data_tools.corpus.units import batches
from megatron_qm.files import write_json

from json_lines import read_texts  # isort: skip  (its neighbours)
from this_run import described  # isort: skip

_QUESTION = {"zh": (30, 90), "en": (90, 400)}  # characters of a question
_TRANSLATED = str.maketrans("，。、？！：；（）,.?!:;()", ",.,?!:;(),。？！：；（）")
Change = Callable[[Item, Random], str]


def _asked(item: Item, options: Sequence[str], letters: str = "ABCDE", mark: str = ". ") -> str:
    return item.question + "\n" + "\n".join(f"{letter}{mark}{option}" for letter, option in zip(letters, options, strict=False))


def _shuffled(item: Item, rng: Random) -> str:
    return _asked(item, rng.sample(item.options, len(item.options)))


def _respaced(item: Item, rng: Random) -> str:
    text = _asked(item, item.options)
    if text.isascii():
        return re.sub(" ", lambda _: rng.choice((" ", "  ", "\n", "\t")), text)
    return "".join(character + rng.choice(("", "", " ", "\n")) for character in text)


_CHANGES: dict[str, Change] = {
    "exact": lambda item, _: _asked(item, item.options),
    "re-spaced": _respaced,
    "options shuffled": _shuffled,
    "letters changed": lambda item, _: _asked(item, item.options, "12345", ") "),
    "punctuation translated": lambda item, rng: _shuffled(item, rng).translate(_TRANSLATED),
    "options paraphrased": lambda item, _: _asked(item, [option[::-1] for option in item.options]),
}


def main() -> None:
    args = _arguments()
    found = {language: _found(read_texts(path), language, Random(args.seed), args) for language, path in
             (("zh", args.zh), ("en", args.en))}
    write_json(args.output, {
        **described(("numpy", "orjson"), sys.argv[1:], used=1), "seed": args.seed, "found": found})
    print(json.dumps(found, indent=1, ensure_ascii=False))


def _found(texts: list[str], language: str, rng: Random, args: argparse.Namespace) -> dict[str, Any]:
    low, high = _QUESTION[language]
    rng.shuffle(texts)
    usable = [text for text in texts[: 5 * args.items] if len(text) > high]
    held_out = usable[: args.items]
    corpus = [text for text in texts if text not in set(held_out)]
    items = [_item(str(number), text, rng.randrange(low, high), rng, held_out) for number, text in enumerate(held_out)]
    planted = [(item, kind, _embedded(change(item, rng), rng, corpus)) for item in items for kind, change in _CHANGES.items()]
    began = time.process_time()
    index = build_index({language: items}, ContaminationConfig())
    counts = sum(first_look(index, index.bodies, batch)[0] for batch in batches([*corpus, *(text for _, _, text in planted)]))
    index = build_index({language: items}, ContaminationConfig(), phrases_of(index, counts, len(corpus) + len(planted)))
    counting = time.process_time() - began
    caught, all_of = Counter[str](), Counter[str]()
    hits = _matches(index, [text for _, _, text in planted])
    looked_for = {item.key for item in index.items}
    for number, (item, kind, _) in enumerate(planted):
        if item.key not in looked_for:
            continue
        all_of[kind] += 1
        caught[kind] += item.key in hits.get(number, set())
    began = time.process_time()
    false = _matches(index, corpus)
    seconds = time.process_time() - began + counting
    size = sum(len(text.encode()) for text in corpus) / 1e6
    return {"items": len(items), "looked_for": len(looked_for),
            "recall": {kind: {"n": all_of[kind], "recall": round(caught[kind] / all_of[kind], 4)} for kind in _CHANGES},
            "recall_of_all": round(sum(caught.values()) / sum(all_of.values()), 4), "corpus": len(corpus),
            "dropped_unplanted": len(false), "share_dropped_unplanted": round(len(false) / len(corpus), 5),
            "mb_per_s": round(size / seconds, 1)}


def _item(key: str, text: str, length: int, rng: Random, others: Sequence[str]) -> Item:
    end = next((at for at in range(length, min(len(text), length + 20)) if text[at] in " ，。,."), length)
    pieces = [other[at : at + rng.randrange(6, 30)].strip() for other in rng.sample(others, 4) for at in [len(other) // 2]]
    return Item(key, text[:end].replace("\n", " "), tuple(dict.fromkeys(pieces)))


def _embedded(text: str, rng: Random, corpus: Sequence[str]) -> str:
    """Between the halves of a document, as on a page that tells of other things too."""
    around = rng.choice(corpus)
    return around[: len(around) // 2] + "\n" + text + "\n" + around[len(around) // 2 :]


def _matches(index: Index, texts: Sequence[str]) -> dict[int, set[str]]:
    """Keys of the items in each text that has any."""
    found: dict[int, set[str]] = {}
    first = 0
    for batch in batches(texts):
        for text, item, _ in find_items(index, batch):
            found.setdefault(first + text, set()).add(index.items[item].key)
        first += len(batch)
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zh", type=Path, required=True, help="JSON lines of Chinese texts")
    parser.add_argument("--en", type=Path, required=True, help="JSON lines of English texts")
    parser.add_argument("--items", type=int, default=200, help="of each language, each planted in every way (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/contamination.json"))
    return parser.parse_args()


if __name__ == "__main__":
    main()

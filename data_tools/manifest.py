"""PREFIX.json: what a dataset holds, what it was made from, and the checksums to tell whether it still does.

Equal inputs, tokenizer and options give an equal manifest, on any machine and on any day.
"""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import orjson

from data_tools.counts import InputCounts, total
from data_tools.indexed_writer import Finished
from data_tools.plan import digest_of_whole
from data_tools.records import Manifest, Plan, ReadInput, Summary
from data_tools.workspace import MANIFEST_FORMAT


def make_manifest(plan: Plan, counts: Mapping[int, InputCounts], dtype: np.dtype, files: Finished) -> Manifest:
    """The manifest of a run. `counts` holds the inputs that its shard reads, by number."""
    described: list[ReadInput] = [
        {"path": item["name"], "size": item["size"], "fingerprint": item["fingerprint"], **counts[number].to_json()}
        for number, item in enumerate(plan["inputs"])
        if number in counts
    ]
    index, count = plan["shard"]
    return {
        "format": MANIFEST_FORMAT,
        **summary(total(counts), dtype, files),
        "tokenizer": plan["tokenizer"],
        "engine": plan["engine"],
        "options": plan["options"],
        "shard": {"index": index, "count": count, "whole": digest_of_whole(plan)} if count > 1 else None,
        "inputs": described,
        "versions": _versions(),
    }


def summary(counts: InputCounts, dtype: np.dtype, files: Finished) -> Summary:
    """The part of a manifest that readers compare with the files."""
    return {
        "documents": counts.documents,
        "tokens": counts.tokens,
        "rejects": counts.rejected,
        "dtype": dtype.name,
        "sizes": files.sizes,
        "checksums": files.checksums,
    }


def _versions() -> dict[str, str | None]:
    import tokenizers

    # Reading a package's metadata takes milliseconds: only where the module does not say.
    named = {module.__name__: module.__version__ for module in (tokenizers, orjson, np)}
    return {**{name: _version(name) for name in ("megatron-qm", "fastokens")}, **named}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None

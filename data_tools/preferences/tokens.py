"""A tokenizer for tiny models, whose every name and value is one token: what is left to be learnt are the facts."""

from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken

from data_tools.train_tokenizer import save, train

_MULTIPLE = 64  # of a model's vocabulary


def tokenizer_of_facts(texts: Iterable[str], values: Iterable[str], folder: Path, entries: int) -> int:
    """Trains `entries` on `texts`, adds `values` and saves into `folder`; how many entries a model's vocabulary needs for it."""
    tokenizer = train(texts, entries)
    tokenizer.add_tokens([AddedToken(value, normalized=False) for value in values])
    save(tokenizer, folder)
    return -(-tokenizer.get_vocab_size() // _MULTIPLE) * _MULTIPLE

"""Does the released tokenizer, as transformers loads it, do what the tokenizer of the training data did?"""

import gzip
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from megatron_qm.errors import UserError
from megatron_qm.hf.companions import TOKENIZER_CONFIG, TOKENIZER_JSON, for_both, read_object
from megatron_qm.hf.errors import GateError
from megatron_qm.hf.prompts import PROMPTS
from megatron_qm.hf.transformers_side import load_tokenizer
from megatron_qm.hf_tokenizer import HfTokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer


def check_tokenizer(release: Path, source: Path, vocab_size: int) -> str:
    """The same ids and the same text back as `source` (a tokenizer.json), on English, Chinese, emoji and odd blanks."""
    check_for_both(release)
    original, released = read_tokenizer(source), load_tokenizer(release)
    entries = original.get_vocab(with_added_tokens=True)
    last = max(entries, key=entries.__getitem__)
    if entries[last] >= vocab_size:
        largest = f"{entries[last]} ({last!r})"
        raise GateError(f"{TOKENIZER_JSON}: ids go up to {largest}, but the model has {vocab_size} rows")
    lossless = 0
    for text in PROMPTS:
        wanted = original.encode(text, add_special_tokens=False).ids
        found = released.encode(text, add_special_tokens=False)
        if found != wanted:
            at = len(os.path.commonprefix([found, wanted]))
            raise GateError(
                f"tokenizer: {text[:40]!r} becomes {found[at : at + 3]} at token {at} in the release, "
                f"{wanted[at : at + 3]} in {source}"
            )
        back, should = _decode(released, found), original.decode(wanted, skip_special_tokens=False)
        if back != should:
            raise GateError(f"tokenizer: {text[:40]!r} comes back as {back[:40]!r}; {source} gives {should[:40]!r}")
        lossless += back == text
    special = _check_special(released, vocab_size)
    return (
        f"{len(entries):,} entries; English, Chinese, French and emoji encoded and "
        f"decoded as in training, {lossless} of {len(PROMPTS)} texts back to the letter; {special}"
    )


def check_for_both(release: Path) -> None:
    """tokenizer_config.json holds nothing that one of transformers 4 and 5 cannot read."""
    config = read_object(release / TOKENIZER_CONFIG)
    known = for_both(config)
    for key, value in config.items():
        if known.get(key) != value or key == "tokenizer_class" and str(value).endswith("Backend"):
            raise GateError(f"{TOKENIZER_CONFIG}: {key} = {json.dumps(value)}: transformers 4 cannot read it")


def encode_prompts(release: Path, prompts: Sequence[str], longest: int) -> list[list[int]]:
    """Token ids of each prompt, at most `longest`; a prompt without any is left out."""
    tokenizer = load_tokenizer(release)
    ids = [tokenizer.encode(prompt, add_special_tokens=False)[:longest] for prompt in prompts]
    kept = [prompt for prompt in ids if prompt]
    if not kept:
        raise GateError("tokenizer: makes no tokens of any prompt")
    return kept


def read_tokenizer(path: Path) -> "Tokenizer":
    from tokenizers import Tokenizer

    try:
        data = path.read_bytes()
        return Tokenizer.from_buffer(gzip.decompress(data) if path.suffix == ".gz" else data)
    except Exception as error:  # the library raises plain Exception
        raise UserError(f"{path}: not a tokenizer that the tokenizers library reads: {error}") from None


def _decode(tokenizer: HfTokenizer, ids: list[int]) -> str:
    return tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)


def _check_special(tokenizer: HfTokenizer, vocab_size: int) -> str:
    end = tokenizer.eos_token_id
    if end is not None and end >= vocab_size:
        raise GateError(f"tokenizer: {tokenizer.eos_token!r} has id {end}, but the model has {vocab_size} rows")
    template = "with a chat template" if tokenizer.chat_template else "no chat template"
    return f"end token {tokenizer.eos_token!r}, {template}"

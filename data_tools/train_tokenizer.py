#!/usr/bin/env python3
"""Train a byte-level BPE tokenizer on JSON lines or text, and write a folder that transformers loads.

    python data_tools/train_tokenizer.py --input 'raw/*.jsonl' --vocab-size 4096 --output DIR

Text is normalised (NFC) and split as Qwen's tokenizers do, so that the fast path of preprocess.py supports it.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from data_tools.corpus.arguments import add_overwrite
from data_tools.knowledge.rows import check_folder
from data_tools.sources.blocks import EMPTY_LINE, EMPTY_TEXT, Position
from data_tools.sources.inputs import find_inputs, shares_of
from data_tools.sources.parse import parse_block
from data_tools.sources.read import read_blocks
from megatron_qm.errors import UserError
from megatron_qm.files import write_json, write_text

END, START_OF_TURN, END_OF_TURN = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
_BYTES = 256
_MOST_ENTRIES = 10_000_000
_BLOCK_BYTES = 1 << 20
_LONGEST_DOCUMENT = 1 << 28


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    try:
        _check(args.vocab_size, args.output, args.overwrite)
        tokenizer = train(read_texts(args.input, args.text_key), args.vocab_size)
        save(tokenizer, args.output)
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{args.output}: {tokenizer.get_vocab_size():,} tokens")
    return 0


def _check(vocab_size: int, output: Path, overwrite: bool) -> None:
    """Raises UserError: before any text is read."""
    if vocab_size < _BYTES + 3:
        raise UserError(f"--vocab-size {vocab_size}: at least {_BYTES + 3} (every byte and three special tokens)")
    if vocab_size > _MOST_ENTRIES:
        raise UserError(f"--vocab-size {vocab_size}: at most {_MOST_ENTRIES:,}")
    check_folder(output, ("tokenizer.json", "tokenizer_config.json"), overwrite)


def train(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """A byte-level BPE tokenizer over `texts`, special tokens first. The same texts give the same tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(_SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END, START_OF_TURN, END_OF_TURN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save(tokenizer: Tokenizer, output: Path) -> None:
    """tokenizer.json and tokenizer_config.json, each whole or absent."""
    write_text(output / "tokenizer.json", tokenizer.to_str())
    write_json(output / "tokenizer_config.json", {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": END,
        "pad_token": END,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 1_000_000,
        "chat_template": _CHAT_TEMPLATE,
    })


def read_texts(patterns: Sequence[str], key: str) -> Iterator[str]:
    """The documents of all inputs, read as preprocess.py reads them; blank lines are skipped.

    Raises UserError with file, line and reason for any other line without a document.
    """
    inputs = find_inputs(patterns, None, "line")
    empty = True
    for block in read_blocks(inputs, shares_of(inputs, 0, 1), Position(0, 0, 0), key, _BLOCK_BYTES, _LONGEST_DOCUMENT):
        item = inputs[block.input]
        if block.damage and not block.damage.harmless:
            raise UserError(f"{item.path} is {block.damage}. Fetch or write it again")
        if block.damage:
            print(f"{item.path} is {block.damage}", file=sys.stderr)
        parsed = parse_block(block, item.kind, key, _LONGEST_DOCUMENT)
        for line, reason, detail in parsed.rejects:
            if reason not in (EMPTY_LINE, EMPTY_TEXT):
                raise UserError(f"{item.path}:{line + 1}: {reason}: {detail}")
        empty = empty and not parsed.texts
        yield from parsed.texts
    if empty:
        raise UserError(f"--input {' '.join(patterns)}: holds no text")


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", nargs="+", required=True, metavar="FILE",
                        help="JSON lines, text (each also .gz, .bz2, .xz or .zst) or Parquet; globs")
    parser.add_argument("--vocab-size", type=int, required=True)
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--text-key", default="text", help="default: %(default)s")
    add_overwrite(parser)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())

"""What is tokenised, how, into what; and the stream of batches that comes of it."""

import logging
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np

from data_tools.encode import Batch, Encoder
from data_tools.options import Options
from data_tools.ordered import ordered_map
from data_tools.plan import make_plan
from data_tools.records import Plan
from data_tools.sources.blocks import Position
from data_tools.sources.inputs import Input, Share, shares_of
from data_tools.sources.read import read_blocks
from data_tools.tokenizer import Tokenizer, TokenizerFile, load_tokenizer
from megatron_qm.data.indexed_format import token_dtype

log = logging.getLogger(__name__)

# Batches in work at once: the tokeniser shares each among its own threads (--workers); parsing JSON, which holds the
# interpreter lock, takes a fraction of what one of those needs for it.
_WORKERS_PER_BATCH = 4


@dataclass(frozen=True)
class Job:
    """The resolved options of a run: `shares` of the `inputs`, the `tokenizer`, the type of the tokens, and the plan."""

    options: Options
    inputs: Sequence[Input]
    shares: Sequence[Share]
    tokenizer: Tokenizer
    dtype: np.dtype
    plan: Plan

    def batches(self, start: Position, sample_seed: int = 0) -> Generator[Batch, None, None]:
        """Encoded documents of all shares in order, from `start`. Raises UserError at the first false token id."""
        options = self.options
        blocks = read_blocks(
            self.inputs, self.shares, start, options.text_key, options.block_bytes, options.max_document_bytes
        )
        encoder = Encoder(self.tokenizer, self.inputs, options, self.dtype, sample_seed)
        return ordered_map(encoder, blocks, max(1, options.workers // _WORKERS_PER_BATCH))


def make_job(options: Options, inputs: Sequence[Input], file: TokenizerFile) -> Job:
    """Load the tokenizer and divide the inputs. Raises UserError for a tokenizer that does not do."""
    tokenizer = load_tokenizer(
        file,
        threads=options.workers,
        append_eod=options.append_eod,
        eod_token=options.eod_token,
        engine=options.engine,
        add_special_tokens=options.add_special_tokens,
        split_special_tokens=options.split_special_tokens,
    )
    shares = shares_of(inputs, *options.shard)
    _mention_lopsided_shards(options, inputs)
    dtype = token_dtype(max(tokenizer.vocab_size, tokenizer.largest_id + 1))
    return Job(options, inputs, shares, tokenizer, dtype, make_plan(options, inputs, tokenizer))


def _mention_lopsided_shards(options: Options, inputs: Sequence[Input]) -> None:
    fair = sum(item.size for item in inputs) / options.shard[1]
    for item in inputs:
        if options.shard[1] > 1 and item.size > 2 * fair and not item.splittable and item.kind != "parquet":
            log.warning(
                "%s is larger than two shards and cannot be cut (compressed, or one document): one shard reads all of "
                "it; unpack it, or split it into several files, to share the work evenly", item.path,
            )  # fmt: skip

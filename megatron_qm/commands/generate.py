"""`megatron-qm generate`: a checkpoint's responses to a file of prompts, as JSON lines; what was done is not done again."""

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Ge, Le

from megatron_qm import outputs
from megatron_qm.checkpoint.manifest import TOKENIZER, Manifest, language_model_of, read_manifest
from megatron_qm.commands.ranks import add_layout_arguments, add_ranks_argument, layout, on_ranks
from megatron_qm.commands.template_arguments import add_template_argument, template_arguments
from megatron_qm.config.bounds import AtOnce, Length, LengthOrZero, Seed, Temperature, TopK, TopP
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.errors import UserError
from megatron_qm.model.generation.request import Request, Sampling
from megatron_qm.options import Number

if TYPE_CHECKING:
    from megatron_qm.align.rollouts.rollout import Rollout
    from megatron_qm.tokenizer import TextTokenizer

_Samples = Annotated[int, Ge(1), Le(100_000)]
_Shown = Annotated[int, Ge(0), Le(1_000_000)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="CKPT",
                        help="such as runs/NAME/checkpoints/step-00000600, or what import-hf wrote")
    parser.add_argument("--prompts", type=Path, required=True, metavar="FILE",
                        help='JSON lines: {"prompt": text or token ids} or {"messages": [...]}, and "key" if it has one')
    parser.add_argument("--output", type=outputs.file, required=True, metavar="FILE", help="the rollouts; a killed run goes on")
    parser.add_argument("--tokenizer", type=Path, metavar="DIR", help="a tokenizer's folder (default: the checkpoint's own)")
    add_template_argument(parser)
    parser.add_argument("--samples", type=Number(_Samples), default=1, metavar="N",
                        help="responses per prompt (default: %(default)s)")
    parser.add_argument("--seed", type=Number(Seed), default=0, help="of what is sampled (default: %(default)s)")
    plain = Sampling()
    parser.add_argument("--temperature", type=Number(Temperature), default=plain.temperature,
                        help="0 is greedy (default: %(default)s)")
    parser.add_argument("--top-p", type=Number(TopP), default=plain.top_p, metavar="P",
                        help="only the likeliest tokens that hold this much probability (default: %(default)s, all)")
    parser.add_argument("--top-k", type=Number(TopK), default=plain.top_k, metavar="K",
                        help="only the K likeliest tokens (default: %(default)s, all)")
    parser.add_argument("--min-tokens", type=Number(LengthOrZero), default=plain.min_tokens, metavar="N",
                        help="no end before so many tokens of a response (default: %(default)s)")
    parser.add_argument("--max-new-tokens", type=Number(Length), default=plain.max_new_tokens, metavar="N",
                        help="tokens of a response at most (default: %(default)s)")
    parser.add_argument("--stop-token", action="append", default=[], metavar="TOKEN",
                        help="id or text of a token that ends a response; may be repeated (default: "
                             "all that end a document or a turn by its tokenizer, chat template and generation config)")
    parser.add_argument("--stop-string", action="append", default=[], metavar="TEXT", help="text that ends a response")
    add_layout_arguments(parser)
    add_ranks_argument(parser)
    parser.add_argument("--max-sequences", type=Number(AtOnce), default=64, metavar="N",
                        help="generated at once by a model replica")
    parser.add_argument("--save-every", type=Number(AtOnce), default=256, metavar="N",
                        help="responses that are saved, and by a kill lost, together (default: %(default)s)")
    parser.add_argument("--dtype", choices=("fp32", "bf16"), help="of the weights (default: the checkpoint's)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--show", type=Number(_Shown), default=0, metavar="N", help="print the first N responses")


def run(args: argparse.Namespace) -> int:
    outputs.check_apart(args, written=["output"], read=["prompts"])
    manifest = read_manifest(args.checkpoint)
    parallel, processes = layout(language_model_of(manifest, args.checkpoint), args.tp, args.pp, args.nproc)
    tokenizer = _tokenizer(args)
    requests = _requests(args, tokenizer)  # what is wrong with them is said before any rank starts
    return on_ranks(args, processes, lambda: _generate(args, manifest, parallel, tokenizer, requests))


def _tokenizer(args: argparse.Namespace) -> "TextTokenizer | None":
    from megatron_qm.tokenizer import TextTokenizer

    carried = args.checkpoint / TOKENIZER
    if args.tokenizer is None and not (carried / "tokenizer.json").is_file():
        return None
    return TextTokenizer.of_model(args.checkpoint, args.tokenizer, template_arguments(args))


def _requests(args: argparse.Namespace, tokenizer: "TextTokenizer | None") -> list[Request]:
    from megatron_qm.align.rollouts.prompts import read_requests

    words = [*(token for token in args.stop_token if not token.isdecimal()), *args.stop_string, *args.template_argument]
    if tokenizer is None and words:
        raise UserError(f"{args.checkpoint} carries no tokenizer; {words[0]!r} needs one: add --tokenizer DIR")
    stops = [int(token) if tokenizer is None or token.isdecimal() else tokenizer.token(token) for token in args.stop_token]
    if not args.stop_token and tokenizer is not None:
        stops = list(tokenizer.stops)
    sampling = Sampling(
        temperature=args.temperature, top_p=args.top_p, top_k=args.top_k, min_tokens=args.min_tokens,
        max_new_tokens=args.max_new_tokens, stop_tokens=tuple(stops), stop_strings=tuple(args.stop_string),
    )
    return read_requests(args.prompts, tokenizer.encode if tokenizer else None, sampling, args.samples, args.seed)


def _generate(
    args: argparse.Namespace, manifest: Manifest, parallel: ParallelConfig, tokenizer: "TextTokenizer | None",
    requests: list[Request],
) -> int:
    from megatron_qm.align.rollouts.dispatch import dispatch
    from megatron_qm.align.rollouts.engine import MegatronEngine
    from megatron_qm.commands.checkpoint_model import checkpoint_model

    dtype: Literal["fp32", "bf16"] = args.dtype or ("bf16" if manifest.dtype == "bf16" else "fp32")
    with checkpoint_model(args.checkpoint, parallel, dtype, args.device, args.seed) as (model, rank):
        engine = MegatronEngine(
            model, manifest.step, max_sequences=args.max_sequences, detokenize=tokenizer.decode if tokenizer else None
        )
        began = time.perf_counter()
        rollouts = dispatch(engine, requests, args.output, manifest.step, args.save_every)
        if rank == 0:
            print(_summary(args, rollouts, time.perf_counter() - began))
            for rollout in rollouts[: args.show]:
                text = tokenizer.decode(rollout.tokens) if tokenizer else " ".join(map(str, rollout.tokens))
                print(f"\n[{rollout.key}, {rollout.finish_reason}]\n{text}")
    return 0


def _summary(args: argparse.Namespace, rollouts: "list[Rollout]", seconds: float) -> str:
    tokens = sum(len(rollout.tokens) for rollout in rollouts)
    ends = ", ".join(f"{count} by {reason}" for reason, count in Counter(r.finish_reason for r in rollouts).most_common())
    return f"{args.output}: {len(rollouts)} rollouts, {tokens} tokens, ended {ends}; {seconds:.1f} s"

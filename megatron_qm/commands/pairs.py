"""`megatron-qm evaluate --pairs FILE`: pairs of responses put to what scores them."""

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from megatron_qm import outputs, user_code
from megatron_qm.align.reward_model.asked import tokenizer_of
from megatron_qm.checkpoint.manifest import MANIFEST, read_manifest, reward_model_of
from megatron_qm.commands.ranks import layout, on_ranks
from megatron_qm.commands.reward_models import Asked, loaded
from megatron_qm.commands.template_arguments import template_arguments
from megatron_qm.config.bounds import Seed
from megatron_qm.errors import UserError
from megatron_qm.exits import DONE
from megatron_qm.files import write_json, write_long_json
from megatron_qm.json_types import JsonObject
from megatron_qm.options import Number
from megatron_qm.tokenizer import TextTokenizer

if TYPE_CHECKING:
    from megatron_qm.evals.pairs.columns import TokenCounter
    from megatron_qm.evals.pairs.rows import Scorer

# Of `evaluate`, by what it is held to be left out: options about answers, and those about a model's layout.
_ABOUT_ANSWERS = ("items", "probes", "compare", "verifier", "judge", "principles", "grader", "instruction", "scoring", "reading",
                  "json_answer", "max_new_tokens", "votes")
_ABOUT_A_MODEL = ("template_argument", "dtype", "device", "tp", "pp", "nproc")
_OF_PAIRS = ("scorer", "pair_judge", "page", "seed")


def add_pair_arguments(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(default_of=parser.get_default)
    parser.add_argument("--pairs", type=Path, metavar="FILE",
                        help="pairs of a better and a worse response, JSON lines, put to a reward model instead of questions "
                        "(docs/evaluate.md)")
    parser.add_argument("--scorer", metavar="MODULE:FUNCTION",
                        help="a function of yours in the place of --model: from conversations to a score, or None, each")
    parser.add_argument("--pair-judge", metavar="MODULE:FUNCTION",
                        help="a function of yours that is shown two responses at once, in both orders: from a list of (prompt, "
                        "first, second) to first, second, tie or None, each")
    parser.add_argument("--page", type=outputs.new, metavar="FILE", help="of --pairs: write what was found as an HTML page, too")
    parser.add_argument("--seed", type=Number(Seed), metavar="N",
                        help="of --pairs: draws the half that a temperature is fitted on (default: 0)")


def check_without_pairs(args: argparse.Namespace) -> None:
    """Raises UserError for an option that belongs to --pairs alone."""
    for name in _OF_PAIRS:
        if getattr(args, name) is not None:
            raise UserError(f"{_option(name)} belongs to --pairs: give --pairs FILE, too")


def check_pair_options(args: argparse.Namespace) -> None:
    """Raises UserError for a combination that makes no sense."""
    who = [name for name in ("model", "scorer", "pair_judge") if getattr(args, name) is not None]
    if len(who) != 1:
        said = " and ".join(map(_option, who)) or "nothing"
        raise UserError(f"--pairs needs one of --model RM, --scorer MODULE:FUNCTION and --pair-judge MODULE:FUNCTION; not {said}")
    strange = _ABOUT_ANSWERS if who == ["model"] else (*_ABOUT_ANSWERS, *_ABOUT_A_MODEL)
    unused = ("seed", "tokenizer") if who == ["pair_judge"] else ()
    for name in (*strange, *unused):
        if getattr(args, name) != args.default_of(name):
            raise UserError(f"{_option(name)} says nothing to --pairs with {_option(who[0])}: leave it out")


def evaluate_by_function(args: argparse.Namespace) -> int:
    """What --scorer or --pair-judge names, put to --pairs."""
    from megatron_qm.evals.pairs.report import judge_pairs
    from megatron_qm.evals.pairs.told import told_judge

    if args.scorer is not None:
        return evaluate_by_scorer(args, _called("--scorer", args.scorer), {"scorer": args.scorer}, _token_counter(args.tokenizer))
    found = judge_pairs(args.pairs, _called("--pair-judge", args.pair_judge))
    print(told_judge(found))
    said = {"scorer": args.pair_judge, "pairs": str(args.pairs), **found.to_json()}
    if args.output:
        write_json(args.output, said)
    _write_page(args, said)
    return DONE


def evaluate_by_model(args: argparse.Namespace) -> int:
    """A checkpoint of a reward model, on its ranks."""
    from megatron_qm.evals.pairs.checked import check_pairs

    if not (args.model / MANIFEST).is_file():
        raise UserError(f"{args.model}: no checkpoint ({MANIFEST}); a release of a reward model becomes one by "
                        "megatron-qm import-hf")
    parallel, processes = layout(reward_model_of(read_manifest(args.model), args.model), args.tp, args.pp, args.nproc)
    asked = Asked(parallel, args.dtype, args.device, args.tokenizer, template_arguments(args))
    tokenizer = tokenizer_of(args.model, asked.tokenizer, asked.arguments)
    check_pairs(args.pairs, tokenizer.rendered)  # before any rank starts
    return on_ranks(args, processes, lambda: _on_megatron(args, asked, tokenizer))


def _on_megatron(args: argparse.Namespace, asked: Asked, tokenizer: TextTokenizer) -> int:
    with loaded(args.model, asked, args.model) as (scorer, rank):
        return evaluate_by_scorer(args, scorer, {"model": str(args.model)}, lambda text: len(tokenizer.encode(text)),
                                  speaks=rank == 0)


def evaluate_by_scorer(
    args: argparse.Namespace, scorer: "Scorer", who: JsonObject, tokens: "TokenCounter | None" = None, *, speaks: bool = True
) -> int:
    """Measure, tell and write. who: what scores, for the file. speaks: of the ranks of a model, which all measure, one does."""
    from megatron_qm.evals.pairs.report import evaluate_pairs
    from megatron_qm.evals.pairs.told import told

    began = time.perf_counter()
    report = evaluate_pairs(args.pairs, scorer, args.seed or 0, tokens)
    if not speaks:
        return DONE
    print(told(report))
    print(f"\n{report.rows} pairs scored, in both orders, in {time.perf_counter() - began:.1f} s")
    found = {**who, **report.numbers()}
    if args.output:
        write_long_json(args.output, found, "scores", report.scores())
    _write_page(args, found)
    return DONE


def _write_page(args: argparse.Namespace, found: JsonObject) -> None:
    if args.page:
        from megatron_qm.observe.pairs_page import render_pairs

        render_pairs(found, args.page)


def _called(option: str, name: str) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """The user's function; what it raises is said with its place."""
    return partial(_call, user_code.load(name, option), f"{option} {name}")


def _call(function: Callable[[Sequence[Any]], Sequence[Any]], said: str, asked: Sequence[Any]) -> Sequence[Any]:
    try:
        return list(function(asked))
    except (Exception, SystemExit) as error:  # whatever a user's function raises
        raise UserError(f"{said} failed {user_code.failed(error)}") from error


def _token_counter(tokenizer: Path | None) -> "TokenCounter | None":
    if tokenizer is None:
        return None
    loaded = TextTokenizer(tokenizer)
    return lambda text: len(loaded.encode(text))


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")

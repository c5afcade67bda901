"""`megatron-qm select`: which pairs annotators shall see next."""

import argparse
from collections import Counter
from pathlib import Path

from megatron_qm import outputs
from megatron_qm.align.annotation.candidates import read_candidates
from megatron_qm.align.annotation.scored import read_keys, read_margins, scores_of, selected_line
from megatron_qm.align.annotation.selection import LEAST_SIMILARITY, selected
from megatron_qm.config.bounds import Drawn, Seed, Share
from megatron_qm.errors import UserError
from megatron_qm.exits import DONE
from megatron_qm.files import write_json_lines
from megatron_qm.options import Number

_EPILOG = """\
  megatron-qm select --pairs pairs.jsonl --scores margins.jsonl --errors errors.jsonl --stratum stratum --count 200 \\
      --output chosen.jsonl
  megatron-qm annotate --pairs chosen.jsonl --output verdicts.jsonl --annotator NAME

  pairs.jsonl     {"key": "dose-7", "stratum": "dose", "prompt": "...", "a": "...", "b": "..."}
  margins.jsonl   {"key": "dose-7", "genrm": 1.5, "bt": -0.3}      above 0: a is better; null: the model said nothing readable

A tenth is drawn at random from all pairs, whatever their scores, and marked "unbiased": accuracy is measured on these. The rest,
spread over the strata by their sizes, are in turns the pairs on which the models disagree most, those nearest to past errors, and
those with the smallest margins. Each line of the output says which it was ("selection"). The order is random.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("--pairs", type=Path, required=True, metavar="FILE",
                        help="JSON lines to choose from: key, prompt or messages, a and b or chosen and rejected")
    parser.add_argument("--scores", type=Path, required=True, metavar="FILE",
                        help="JSON lines of margins by key: how much better a is than b to the GenRM and to Bradley-Terry")
    parser.add_argument("--count", type=Number(Drawn), required=True, metavar="N", help="how many pairs to choose")
    parser.add_argument("--output", type=outputs.new, required=True, metavar="FILE",
                        help="the chosen lines, each with its reason")
    parser.add_argument("--errors", type=Path, metavar="FILE",
                        help="pairs that models judged wrongly, in the form of --pairs: near-duplicates of them are looked "
                        "for (default: none)")
    parser.add_argument("--similarity", type=Number(Share), default=LEAST_SIMILARITY, metavar="J",
                        help="Jaccard's index of runs of three words from which a pair is near an error (default: %(default)s)")
    parser.add_argument("--stratum", metavar="FIELD", help="field of the pairs that tells strata apart (default: all are one)")
    parser.add_argument("--without", type=Path, action="append", default=[], metavar="FILE",
                        help="JSON lines whose keys are left out, such as an earlier selection; repeatable")
    parser.add_argument("--seed", type=Number(Seed), default=0, metavar="N", help="of all that is drawn (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    outputs.check_apart(args, written=["output"], read=["pairs", "scores", "errors", "without"])
    candidates, known = read_candidates(args.pairs), read_keys(args.without)
    pairs = [pair for pair in candidates.pairs if pair.key not in known]
    if args.count > len(pairs):
        raise UserError(f"--count {args.count}: {args.pairs} holds {len(pairs)} pairs to choose from"
                        + (f", beside {len(known)} of --without" if known else "") + "; ask for fewer")
    errors = [pair.text for pair in read_candidates(args.errors).pairs] if args.errors else []
    margins = read_margins(args.scores)
    try:
        scores = scores_of(pairs, margins, errors, args.stratum)
    except ValueError as error:
        raise UserError(f"{args.pairs}, {args.scores}: {error}") from None
    choices = selected(scores, args.count, args.seed, args.similarity)
    write_json_lines(args.output, (selected_line(pairs[choice.index], choice) for choice in choices))
    if candidates.same:
        print(candidates.left_out())
    if strays := [key for key in margins if key not in candidates.keys]:
        print(f"{args.scores}: {len(strays)} of {len(margins)} lines are of no pair in {args.pairs} and are not used, the "
              f"first is {strays[0]!r:.60}")
    told = Counter(choice.reason for choice in choices)
    print(f"{len(choices)} of {len(pairs)} pairs: " + ", ".join(f"{count} {reason}" for reason, count in told.most_common()))
    print(f"written: {args.output}")
    return DONE

"""`megatron-qm grade`: a generative reward model's grades of candidate responses."""

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from annotated_types import Gt, Le

from megatron_qm import outputs
from megatron_qm.checkpoint.manifest import language_model_of, read_manifest
from megatron_qm.commands.ranks import add_layout_arguments, add_ranks_argument, layout, on_ranks
from megatron_qm.commands.template_arguments import add_template_argument, template_arguments
from megatron_qm.config.bounds import AtOnce, Length, Seed, Temperature, Votes
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.errors import UserError
from megatron_qm.exits import DONE
from megatron_qm.files import write_json_lines
from megatron_qm.model.generation.request import Request, Sampling
from megatron_qm.options import Number
from megatron_qm.rewards.grading import HIGHEST, LOWEST, SHIPPED, read_instruction

if TYPE_CHECKING:
    from megatron_qm.align.grading.candidates import Candidates
    from megatron_qm.align.grading.grades import Grade, Grader

_Margin = Annotated[float, Gt(0), Le(HIGHEST - LOWEST)]
_MARGIN = 1.0
_BATCHES = 4  # of what is generated at once: together they are handed to the engine
_EPILOG = f"""\
  megatron-qm sft --config sft-tiny-cpu train.start_from=CKPT 'sft.sources=[{{name: grading, path: judgements.jsonl}}]'
  megatron-qm grade --model runs/sft/checkpoints/step-00000300 --input candidates.jsonl --output graded.jsonl --pairs pairs.jsonl

  candidates.jsonl  {{"key": "dose-7", "prompt": "...", "responses": ["...", "..."]}}
  graded.jsonl      the same with {{"scores": [7.25, null], "samples": [[{{"text": "...", "score": 7.0}}, ...], ...]}}

A grade is the mean of the samples whose last line is "Score: n" or "评分：n", n from {LOWEST:g} to {HIGHEST:g}; null where
fewer than half of them can be read (docs/reward-models.md).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("--model", type=Path, required=True, metavar="CKPT", help="a checkpoint that sft has tuned to grade")
    parser.add_argument("--input", type=Path, required=True, metavar="FILE",
                        help="JSON lines: prompt or messages, and responses, or a and b, or chosen and rejected")
    parser.add_argument("--output", type=outputs.new, required=True, metavar="FILE", help="the same lines with their grades")
    parser.add_argument("--samples", type=Number(Votes), default=4, metavar="K",
                        help="drawn of the model about each response (default: %(default)s)")
    parser.add_argument("--temperature", type=Number(Temperature), default=1.0,
                        help="of the samples; 0 is greedy, and then one is enough (default: %(default)s)")
    parser.add_argument("--max-new-tokens", type=Number(Length), default=256, metavar="N",
                        help="of a sample; what is cut there cannot be read (default: %(default)s)")
    parser.add_argument("--instruction", type=Path, default=SHIPPED, metavar="FILE",
                        help="text that says by what is graded (default: the shipped one)")
    parser.add_argument("--seed", type=Number(Seed), default=0, help="of the samples (default: %(default)s)")
    parser.add_argument("--pairs", type=outputs.new, metavar="FILE",
                        help="for reward-model and dpo, pairs of every two responses to a prompt that are --margin apart")
    parser.add_argument("--margin", type=Number(_Margin), metavar="M",
                        help=f"of --pairs: how far apart two grades must be (default: {_MARGIN:g})")
    parser.add_argument("--tokenizer", type=Path, metavar="DIR", help="a tokenizer's folder (default: the checkpoint's own)")
    add_template_argument(parser)
    parser.add_argument("--max-sequences", type=Number(AtOnce), default=64, metavar="N",
                        help="samples generated at once by a model replica (default: %(default)s)")
    parser.add_argument("--dtype", choices=("fp32", "bf16"), help="of the weights (default: fp32 on a CPU, else bf16)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    add_layout_arguments(parser)
    add_ranks_argument(parser)


def run(args: argparse.Namespace) -> int:
    from megatron_qm.align.grading.candidates import read_candidates

    outputs.check_apart(args, written=["output", "pairs"], read=["input", "instruction"])
    if args.margin is not None and args.pairs is None:
        raise UserError("--margin says nothing without --pairs: add --pairs FILE, or leave it out")
    model = language_model_of(read_manifest(args.model), args.model)
    parallel, processes = layout(model, args.tp, args.pp, args.nproc)
    candidates = read_candidates(args.input)
    grader = _grader(args, model.max_positions)
    asked = grader.asked(candidates)  # what is wrong with it is said before any rank starts
    return on_ranks(args, processes, lambda: _grade(args, parallel, candidates, grader, asked))


def _grader(args: argparse.Namespace, positions: int | None) -> "Grader":
    from megatron_qm.align.grading.grades import Grader
    from megatron_qm.tokenizer import TextTokenizer

    tokenizer = TextTokenizer.of_model(args.model, args.tokenizer, template_arguments(args))
    sampling = Sampling(temperature=args.temperature, max_new_tokens=args.max_new_tokens, stop_tokens=tokenizer.stops)
    return Grader(tokenizer, read_instruction(args.instruction), sampling, args.samples, args.seed, positions)


def _grade(
    args: argparse.Namespace, parallel: ParallelConfig, candidates: "list[Candidates]", grader: "Grader",
    asked: list[list[Request]],
) -> int:
    from megatron_qm.align.rollouts.engine import MegatronEngine
    from megatron_qm.checkpoint.together import on_first_rank
    from megatron_qm.commands.checkpoint_model import checkpoint_model

    with checkpoint_model(args.model, parallel, args.dtype, args.device, args.seed) as (model, rank):
        began = time.perf_counter()
        engine = MegatronEngine(model, max_sequences=args.max_sequences)
        grades = grader.grades(engine, asked, _BATCHES * args.max_sequences, speaks=rank == 0)
        on_first_rank(lambda: _write(args, candidates, grades, time.perf_counter() - began))
    return DONE


def _write(args: argparse.Namespace, candidates: "list[Candidates]", grades: "list[Grade]", seconds: float) -> None:
    from megatron_qm.align.grading.pairs import pairs_of

    left = iter(grades)
    by_line = [[next(left) for _ in one.responses] for one in candidates]
    scores = [[grade.value for grade in some] for some in by_line]
    lines = [one.graded_line(values, [[sample.to_json() for sample in grade.samples] for grade in some])
             for one, values, some in zip(candidates, scores, by_line, strict=True)]
    write_json_lines(args.output, lines)
    print(_summary(args, len(candidates), grades, seconds))
    if args.pairs is not None:
        pairs, left_out = pairs_of(candidates, scores, args.margin or _MARGIN)
        write_json_lines(args.pairs, pairs)
        print(f"{args.pairs}: {len(pairs)} pairs; left out: {_told(left_out)}")


def _summary(args: argparse.Namespace, prompts: int, grades: "list[Grade]", seconds: float) -> str:
    values = [grade.value for grade in grades if grade.value is not None]
    why = sum((grade.why for grade in grades), Counter[str]())
    mean = f", mean {sum(values) / len(values):.2f}" if values else ""
    too_long = sum(not grade.samples for grade in grades)
    return (f"{args.output}: {len(grades)} responses to {prompts} prompts in {seconds:.1f} s: {len(values)} graded{mean}; "
            f"{len(grades) - len(values)} unscored ({too_long} too long for the model)\n"
            f"{sum(len(grade.samples) for grade in grades)} samples; unreadable: {_told(why)}")


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in counts.most_common()) or "none"

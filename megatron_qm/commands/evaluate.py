"""`megatron-qm evaluate`: exams and knowledge probes put to a checkpoint or a Hugging Face folder."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from megatron_qm import outputs
from megatron_qm.checkpoint.manifest import MANIFEST, language_model_of, model_of, read_manifest
from megatron_qm.commands.judges import add_judge_arguments, models_of
from megatron_qm.commands.pairs import (
    add_pair_arguments,
    check_pair_options,
    check_without_pairs,
    evaluate_by_function,
    evaluate_by_model,
)
from megatron_qm.commands.ranks import add_layout_arguments, add_ranks_argument, layout, on_ranks
from megatron_qm.commands.template_arguments import add_template_argument, template_arguments
from megatron_qm.config.bounds import Length
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.errors import UserError
from megatron_qm.exits import DIFFERENT, DONE
from megatron_qm.files import write_json
from megatron_qm.hf.config import CONFIG, check_sizes, is_classifier, read_config
from megatron_qm.json_types import JsonObject, parse_json, text_of
from megatron_qm.options import Number
from megatron_qm.rewards.items import Item, read_items
from megatron_qm.rewards.outcome import Outcome, Scored
from megatron_qm.rewards.references import check_references
from megatron_qm.rewards.registry import Verifiers
from megatron_qm.rewards.two_readings import Readings

if TYPE_CHECKING:
    from megatron_qm.evals.answers import Answer
    from megatron_qm.evals.exams import ExamScore
    from megatron_qm.evals.limits import Limits
    from megatron_qm.evals.probes import Probe, ProbeScore, Scorer
    from megatron_qm.tokenizer import TextTokenizer

_EPILOG = """\
  megatron-qm evaluate --model runs/rl/checkpoints/step-00000100 --items exams.jsonl --output megatron.json
  megatron-qm evaluate --model release --items exams.jsonl --output hf.json
  megatron-qm evaluate --compare megatron.json hf.json
  megatron-qm evaluate --scorer my_rewards:score --pairs pairs.jsonl --output pairs.json --page pairs.html
An item is a JSON line: {"task": "exam", "prompt": ..., "reference": "A", "metadata": {"options": {"A": ...}}, "strata":
{"level": ..., "department": ..., "type": ...}}; accuracy is told by task and by each stratum (docs/evaluate.md). A
pair is {"prompt": ..., "chosen": ..., "rejected": ...}.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("--model", type=Path, metavar="PATH", help="a checkpoint of ours, or a Hugging Face folder")
    parser.add_argument("--items", type=Path, nargs="+", default=[], metavar="FILE", help="exams and other items, JSON lines")
    parser.add_argument("--verifier", action="append", default=[], metavar="NAME",
                        help="a function of yours that items may ask for: module:function or name=module:function; repeatable")
    add_judge_arguments(parser)
    parser.add_argument("--probes", type=Path, nargs="+", default=[], metavar="FILE", help="knowledge probes, JSON lines")
    add_pair_arguments(parser)
    parser.add_argument("--output", type=outputs.new, metavar="FILE", help="write every answer, verdict and score, as JSON")
    parser.add_argument("--compare", type=Path, nargs=2, metavar="FILE", help="two such files: where they differ")
    parser.add_argument("--scoring", choices=("exam", "cpqexam"), default="exam",
                        help="how exams are judged: by the exam verifier, or as the published evaluation of CPQExam does, for "
                        "numbers to compare with (docs/evaluate.md; default: %(default)s)")
    parser.add_argument("--reading", choices=("lenient", "strict"), default="lenient",
                        help="what counts as an answer: whatever can be read, or what stands in the format that an item says its "
                        "prompt asks for (docs/rewards.md); both are shown for items with a format (default: %(default)s)")
    parser.add_argument("--json-answer", action="store_true", help="tell exams to answer as JSON, which is their format then")
    parser.add_argument("--max-new-tokens", type=Number(Length), default=256, metavar="N",
                        help="of an answer (default: %(default)s)")
    parser.add_argument("--tokenizer", type=Path, metavar="DIR", help="a tokenizer's folder (default: the model's own)")
    add_template_argument(parser)
    parser.add_argument("--dtype", choices=("fp32", "bf16"), help="of the weights (default: fp32 on a CPU, else bf16)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    add_layout_arguments(parser, " (checkpoints)")
    add_ranks_argument(parser)


def run(args: argparse.Namespace) -> int:
    outputs.check_apart(args, written=["output", "page"], read=["items", "probes", "pairs", "compare", "instruction"])
    if args.pairs:
        return _on_pairs(args)
    check_without_pairs(args)
    if args.compare:
        return _compare(*args.compare)
    if args.model is None or not (args.items or args.probes):
        raise UserError("give --model PATH with --items, --probes or --pairs, or --compare ONE OTHER")
    items = _all_items(args.items, Verifiers.named(args.verifier, "--verifier", models_of(args), _readings(args)))
    if args.scoring == "cpqexam":
        from megatron_qm.evals.cpqexam import scored_as_published

        items = scored_as_published(items)
    if (args.model / MANIFEST).is_file():
        model = language_model_of(read_manifest(args.model), args.model)
        parallel, processes = layout(model, args.tp, args.pp, args.nproc)
        paper = _paper(args, items, ours=True)  # what is wrong with it is said before any rank starts
        return on_ranks(args, processes, lambda: _on_megatron(args, parallel, paper))
    _check_folder(args)
    return _on_transformers(args, _paper(args, items, ours=False))


def _on_pairs(args: argparse.Namespace) -> int:
    check_pair_options(args)
    if args.model is None:
        return evaluate_by_function(args)
    return evaluate_by_model(args)


def _readings(args: argparse.Namespace) -> Readings:
    if args.reading == "strict" and args.scoring == "cpqexam":
        raise UserError("--scoring cpqexam has a reading of its own, and knows no format: leave out --reading strict")
    return Readings(args.reading, "--reading ", {"exam": "json"} if args.json_answer else {})


def _check_folder(args: argparse.Namespace) -> None:
    if not (args.model / CONFIG).is_file():
        raise UserError(f"{args.model}: neither a checkpoint ({MANIFEST}) nor a Hugging Face folder ({CONFIG})")
    if (args.tp, args.pp, args.nproc or 1) != (1, 1, 1):
        raise UserError(f"{args.model}: a Hugging Face folder is run in one process; leave out --tp, --pp and --nproc")
    config = read_config(args.model)
    if is_classifier(config):
        raise UserError(f"{args.model / CONFIG}: architectures = {config['architectures']}: such a model scores or labels text "
                        "and cannot write any: name a language model")
    check_sizes(config, str(args.model / CONFIG))


def _all_items(paths: Sequence[Path], verifiers: Verifiers) -> list[Item]:
    """Of all files. Items without a key are called by their line, and where there are several files by FILE:LINE: by the file's
    name alone where that tells the files apart, so that the same files elsewhere can be compared."""
    items: list[Item] = []
    names = [path.name for path in paths] if len({path.name for path in paths}) == len(paths) else list(map(str, paths))
    for path, name in zip(paths, names, strict=True):
        found = read_items(path, verifiers, partial("{}:{}".format, name) if len(paths) > 1 else str)
        check_references(found, f"--items: {path}")
        items += found
    seen: set[str] = set()
    for item in items:
        if item.key in seen:
            raise UserError(f"--items: the key {item.key!r} is in two files; keys tell answers apart")
        seen.add(item.key)
    return items


@dataclass(frozen=True)
class _Paper:
    """What is put to the model, found to be whole. prompts: token ids of each item."""

    tokenizer: "TextTokenizer"
    items: Sequence[Item]
    prompts: "Sequence[tuple[int, ...]]"
    probes: "Sequence[Probe]"


def _paper(args: argparse.Namespace, items: Sequence[Item], ours: bool) -> _Paper:
    """Raises UserError for what the model cannot be asked."""
    from megatron_qm.evals.probes import read_probes
    from megatron_qm.evals.prompts import prompts_of
    from megatron_qm.tokenizer import TextTokenizer

    probes = [probe for path in args.probes for probe in read_probes(path)]
    tokenizer = TextTokenizer.of_model(args.model, args.tokenizer, template_arguments(args))
    prompts = prompts_of(items, tokenizer, "--items", json_answer=args.json_answer)
    limits = _limits(args.model, ours)
    limits.check_items(items, prompts, args.max_new_tokens)
    limits.check_probes(probes, tokenizer.encode)
    return _Paper(tokenizer, items, prompts, probes)


def _limits(model: Path, ours: bool) -> "Limits":
    from megatron_qm.evals.limits import Limits

    if ours:
        config = model_of(read_manifest(model))
        return Limits(config.max_positions, config.vocab_size)
    from megatron_qm.evals.transformers_model import limits_of

    return limits_of(model)


def _on_transformers(args: argparse.Namespace, paper: _Paper) -> int:
    from megatron_qm.evals.transformers_model import TransformersModel
    from megatron_qm.platform.runtime import choose_platform

    platform, stops = choose_platform(args.device, 0), paper.tokenizer.stops
    dtype = args.dtype or ("fp32" if platform.device.type == "cpu" else "bf16")
    model = TransformersModel(args.model, dtype, str(platform.device))
    return _examine(args, paper, lambda prompts: model.answers(prompts, stops, args.max_new_tokens), model.score, speaks=True)


def _on_megatron(args: argparse.Namespace, parallel: ParallelConfig, paper: _Paper) -> int:
    from megatron_qm.commands.checkpoint_model import checkpoint_model
    from megatron_qm.evals.answers import megatron_answers
    from megatron_qm.train.score import score_continuations

    with checkpoint_model(args.model, parallel, args.dtype, args.device) as (model, rank):
        return _examine(
            args, paper, megatron_answers(model, paper.tokenizer.stops, args.max_new_tokens),
            lambda pairs: score_continuations(model, pairs), speaks=rank == 0,
        )


def _examine(args: argparse.Namespace, paper: _Paper, answer: "Answer", score: "Scorer", *, speaks: bool) -> int:
    """Ask, judge, tell; on all ranks of a checkpoint's model, of which one speaks."""
    from megatron_qm.evals.answers import judged, texts_of
    from megatron_qm.evals.exams import summarise, table
    from megatron_qm.evals.probes import score_probes

    began, items, tokenizer = time.perf_counter(), paper.items, paper.tokenizer
    texts = texts_of(items, answer(paper.prompts), tokenizer) if items else []
    knowledge = score_probes(paper.probes, tokenizer.encode, score) if paper.probes else []
    if not speaks:
        return DONE
    asked = time.perf_counter() - began
    outcomes = judged(items, texts)
    scores = summarise(items, outcomes)
    if items:
        print(table(scores))
    for probe in knowledge:
        print(_told_probe(probe))
    if items and not tokenizer.chats:
        print("note: the tokenizer has no chat template; questions were put as plain text")
    took = time.perf_counter() - began - asked
    print(f"{len(items)} answers and {len(paper.probes)} probes in {asked:.1f} s, judged in {took:.1f} s")
    if args.output:
        write_json(args.output, _document(args, items, texts, outcomes, scores, knowledge))
    return DONE


def _told_probe(probe: "ProbeScore") -> str:
    low, high = probe.interval
    return (f"probes {probe.group}: {probe.accuracy:.1%} (95% interval {low:.1%} to {high:.1%}, chance {probe.chance:.1%}, "
            f"n = {probe.total})")


def _document(
    args: argparse.Namespace, items: Sequence[Item], texts: Sequence[str], outcomes: Sequence[Outcome],
    scores: "Sequence[ExamScore]", knowledge: "Sequence[ProbeScore]",
) -> JsonObject:
    answers = []
    for item, text, outcome in zip(items, texts, outcomes, strict=True):
        verdict = {"score": outcome.value, "parts": dict(outcome.parts), "explanation": outcome.explanation} if isinstance(
            outcome, Scored) else {"score": None, "unscored": outcome.reason}
        answers.append({"key": item.key, "task": item.task, "response": text, **verdict})
    probes = [{"group": probe.group, "n": probe.total, "accuracy": probe.accuracy, "low": probe.interval[0],
               "high": probe.interval[1], "chance": probe.chance} for probe in knowledge]
    return {"model": str(args.model), "scoring": args.scoring, "reading": args.reading,
            "summary": [score.to_json() for score in scores], "probes": probes, "answers": answers}


def _compare(one: Path, other: Path) -> int:
    answers, others = _answers(one), _answers(other)
    differing = [key for key in {**answers, **others} if _told(answers.get(key)) != _told(others.get(key))]
    for key in differing[:10]:
        print(f"{key}:\n  {_told(answers.get(key))}\n  {_told(others.get(key))}")
    if differing:
        print(f"{len(differing)} of {len({**answers, **others})} answers differ")
        return DIFFERENT
    print(f"all {len(answers)} answers are the same")
    return DONE


def _answers(path: Path) -> dict[str, JsonObject]:
    try:
        rows = parse_json(path.read_text(encoding="utf-8"))["answers"]
        return {text_of(row, "key"): row for row in rows}
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: is not what `megatron-qm evaluate --output` writes") from None


def _told(row: JsonObject | None) -> str:
    return "not asked" if row is None else f"{row.get('response')!r}, score {row.get('score')}"

"""`megatron-qm evaluate`: exams and knowledge probes put to a checkpoint or a Hugging Face folder."""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from megatron_qm.checkpoint.manifest import MANIFEST, TOKENIZER
from megatron_qm.commands.judges import add_judge_arguments, models_of
from megatron_qm.commands.ranks import at_least_one, on_ranks
from megatron_qm.config.parallel import ParallelConfig
from megatron_qm.errors import UserError
from megatron_qm.exits import DIFFERENT, DONE
from megatron_qm.files import write_json
from megatron_qm.json_types import JsonObject
from megatron_qm.rewards.items import Item, read_items
from megatron_qm.rewards.outcome import Outcome, Scored
from megatron_qm.rewards.registry import Verifiers

if TYPE_CHECKING:
    from megatron_qm.evals.answers import Answer
    from megatron_qm.evals.exams import ExamScore
    from megatron_qm.evals.probes import Probe, ProbeScore, Scorer
    from megatron_qm.tokenizer import TextTokenizer

_EPILOG = """\
  megatron-qm evaluate --model runs/rl/checkpoints/step-00000100 --items exams.jsonl --output megatron.json
  megatron-qm evaluate --model release --items exams.jsonl --output hf.json
  megatron-qm evaluate --compare megatron.json hf.json
An item is a JSON line: {"task": "exam", "prompt": ..., "reference": "A", "metadata": {"options": {"A": ...}}, "strata":
{"level": ..., "department": ..., "type": ...}}; accuracy is told by task and by each stratum (docs/evaluate.md).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = _EPILOG
    parser.add_argument("--model", type=Path, metavar="PATH", help="a checkpoint of ours, or a Hugging Face folder")
    parser.add_argument("--items", type=Path, nargs="+", default=[], metavar="FILE", help="exams and other items, JSON lines")
    parser.add_argument("--verifier", action="append", default=[], metavar="NAME",
                        help="a function of yours that items may ask for: module:function or name=module:function; repeatable")
    add_judge_arguments(parser)
    parser.add_argument("--probes", type=Path, nargs="+", default=[], metavar="FILE", help="knowledge probes, JSON lines")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write every answer, verdict and score, as JSON")
    parser.add_argument("--compare", type=Path, nargs=2, metavar="FILE", help="two such files: where they differ")
    parser.add_argument("--json-answer", action="store_true", help="tell exams to answer as JSON")
    parser.add_argument("--max-new-tokens", type=int, default=256, metavar="N", help="of an answer (default: %(default)s)")
    parser.add_argument("--tokenizer", type=Path, metavar="DIR", help="a tokenizer's folder (default: the model's own)")
    parser.add_argument("--dtype", choices=("fp32", "bf16"), help="of the weights (default: fp32 on a CPU, else bf16)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    parser.add_argument("--tp", type=int, default=1, help="tensor parallel ranks (checkpoints)")
    parser.add_argument("--pp", type=int, default=1, help="pipeline stages (checkpoints)")
    parser.add_argument("--nproc", type=int, metavar="N", help="ranks on this machine (default: tp x pp)")


def run(args: argparse.Namespace) -> int:
    if args.compare:
        return _compare(*args.compare)
    if args.model is None or not (args.items or args.probes):
        raise UserError("give --model PATH with --items or --probes, or --compare ONE OTHER")
    at_least_one(args, "max_new_tokens", "tp", "pp", "nproc")
    items = _all_items(args.items, Verifiers.named(args.verifier, "--verifier", models_of(args)))
    from megatron_qm.evals.probes import read_probes

    probes = [probe for path in args.probes for probe in read_probes(path)]
    if not (args.model / MANIFEST).is_file():
        if not (args.model / "config.json").is_file():
            raise UserError(f"{args.model}: neither a checkpoint ({MANIFEST}) nor a Hugging Face folder (config.json)")
        return _on_transformers(args, items, probes)
    processes = args.nproc or args.tp * args.pp
    ParallelConfig(tp=args.tp, pp=args.pp).data_parallel(processes)
    return on_ranks(args, processes, lambda: _on_megatron(args, items, probes))


def _all_items(paths: Sequence[Path], verifiers: Verifiers) -> list[Item]:
    items = [item for path in paths for item in read_items(path, verifiers)]
    seen: set[str] = set()
    for item in items:
        if item.key in seen:
            raise UserError(f"--items: the key {item.key!r} is in two files; keys tell answers apart")
        seen.add(item.key)
    return items


def _on_transformers(args: argparse.Namespace, items: list[Item], probes: "list[Probe]") -> int:
    from megatron_qm.evals.transformers_model import TransformersModel
    from megatron_qm.platform.runtime import choose_platform
    from megatron_qm.tokenizer import TextTokenizer

    platform = choose_platform(args.device, 0)
    tokenizer = TextTokenizer(args.tokenizer or args.model)
    dtype = args.dtype or ("fp32" if platform.device.type == "cpu" else "bf16")
    model = TransformersModel(args.model, dtype, str(platform.device))
    return _examine(
        args, items, probes, tokenizer, lambda prompts: model.answers(prompts, tokenizer.stops, args.max_new_tokens), model.score,
        speaks=True,
    )


def _on_megatron(args: argparse.Namespace, items: list[Item], probes: "list[Probe]") -> int:
    from megatron_qm.commands.checkpoint_model import checkpoint_model
    from megatron_qm.evals.answers import megatron_answers
    from megatron_qm.tokenizer import TextTokenizer
    from megatron_qm.train.score import score_continuations

    tokenizer = TextTokenizer(args.tokenizer or args.model / TOKENIZER)
    with checkpoint_model(args.model, ParallelConfig(tp=args.tp, pp=args.pp), args.dtype, args.device) as (model, rank):
        return _examine(
            args, items, probes, tokenizer, megatron_answers(model, tokenizer.stops, args.max_new_tokens),
            lambda pairs: score_continuations(model, pairs), speaks=rank == 0,
        )


def _examine(
    args: argparse.Namespace, items: list[Item], probes: "list[Probe]", tokenizer: "TextTokenizer", 
    answer: "Answer",    score: "Scorer", *, speaks: bool,
) -> int:
    """Ask, judge, tell; on all ranks of a checkpoint's model, of which one speaks."""
    from megatron_qm.evals.answers import judged, prompts_of
    from megatron_qm.evals.exams import summarise, table
    from megatron_qm.evals.probes import score_probes

    began = time.perf_counter()
    prompts = prompts_of(items, tokenizer, json_answer=args.json_answer)
    texts = [tokenizer.decode(tokens, special=False) for tokens in answer(prompts)] if items else []
    knowledge = score_probes(probes, lambda text: tokenizer.encode(text), score) if probes else []
    if not speaks:
        return DONE
    asked = time.perf_counter() - began
    outcomes = judged(items, texts)
    scores = summarise(items, outcomes)
    if items:
        print(table(scores))
    for probe in knowledge:
        low, high = probe.interval
        print(f"probes {probe.group}: {probe.accuracy:.1%} (95% interval {low:.1%} to {high:.1%}, n = {probe.total})")
    if items and not tokenizer.chats:
        print("note: the tokenizer has no chat template; questions were put as plain text")
    took = time.perf_counter() - began - asked
    print(f"{len(items)} answers and {len(probes)} probes in {asked:.1f} s, judged in {took:.1f} s")
    if args.output:
        write_json(args.output, _document(args, items, texts, outcomes, scores, knowledge))
    return DONE


def _document(
    args: argparse.Namespace, items: Sequence[Item], texts: Sequence[str], outcomes: Sequence[Outcome],
    scores: "Sequence[ExamScore]", knowledge: "Sequence[ProbeScore]",
) -> JsonObject:
    answers = []
    for item, text, outcome in zip(items, texts, outcomes, strict=True):
        verdict = {"score": outcome.value, "parts": dict(outcome.parts), "explanation": outcome.explanation} if isinstance(
            outcome, Scored) else {"score": None, "unscored": outcome.reason}
        answers.append({"key": item.key, "task": item.task, "response": text, **verdict})
    probes = [{"group": probe.group, "n": probe.total, "accuracy": probe.accuracy} for probe in knowledge]
    return {"model": str(args.model), "summary": [score.to_json() for score in scores], "probes": probes, "answers": answers}


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
        rows = json.loads(path.read_text(encoding="utf-8"))["answers"]
        return {row["key"]: row for row in rows}
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: is not what `megatron-qm evaluate --output` writes") from None


def _told(row: JsonObject | None) -> str:
    return "not asked" if row is None else f"{row.get('response')!r}, score {row.get('score')}"

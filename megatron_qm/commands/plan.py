"""`megatron-qm plan`: which layout, how fast, how much memory, how long; and what failures make of it."""

import argparse
import json
from dataclasses import replace
from typing import Annotated

from annotated_types import Ge, Gt, Le

from megatron_qm.commands.recipe import add_recipe_arguments
from megatron_qm.commands.resolve import resolve
from megatron_qm.config.bounds import NotNegative, Ranks, Seed
from megatron_qm.config.rules import check_world
from megatron_qm.config.run import RunConfig
from megatron_qm.costs.memory import GIB, KINDS, KINDS_OF_RL
from megatron_qm.data.text_table import text_table
from megatron_qm.errors import UserError
from megatron_qm.exits import DONE, USER_MUST_MEND
from megatron_qm.options import Number
from megatron_qm.plan.failures import PUBLISHED_GPU_HOURS, Scenario, best_interval, expected_total, summarise
from megatron_qm.plan.hardware import Assumptions, Gpu, find_gpu
from megatron_qm.plan.layouts import Option, is_legal, key_of, memory_of, rank_layouts
from megatron_qm.plan.predict import Prediction, predict

_Rows = Annotated[int, Ge(1), Le(1_000_000)]
_Trials = Annotated[int, Ge(1), Le(100_000)]
_Minutes = Annotated[float, Gt(0), Le(1e6)]
_Hours = Annotated[float, Gt(0), Le(1e12)]
_PASTED = 3  # layouts whose overrides are told
_EPILOG = """\
  megatron-qm plan --config qwen3-32b-h100 --gpus 512
  megatron-qm plan --config qwen3-32b-h100 --gpus 512 --assume gemm_fp8=0.6 --assume network=0.9
  megatron-qm plan --config qwen3-32b-h100 --gpus 512 --simulate-failures --checkpoint-minutes 15
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_recipe_arguments(parser)
    parser.epilog = _EPILOG
    parser.add_argument("--gpus", type=Number(Ranks), help="how many GPUs (default: parallel.devices of the recipe)")
    parser.add_argument("--gpu", help="a100, h100, h200, b200 (default: the recipe's device)")
    parser.add_argument("--top", type=Number(_Rows), default=10, help="layouts shown (default: 10)")
    parser.add_argument("--assume", action="append", default=[], metavar="KEY=VALUE",
                        help="another achieved share; see docs/planning.md")
    parser.add_argument("--json", action="store_true", help="all of it, for programs")
    failures = parser.add_argument_group("failures")
    failures.add_argument("--simulate-failures", action="store_true", help="the recipe's own layout, run with failures")
    failures.add_argument("--checkpoint-minutes", type=Number(_Minutes), default=15.0, help="between checkpoints (default: 15)")
    failures.add_argument("--save-seconds", type=Number(NotNegative), default=5.0,
                          help="for which a save stops training (default: 5)")
    failures.add_argument("--detect-minutes", type=Number(NotNegative), default=1.0,
                          help="until a failure is noticed (default: 1)")
    failures.add_argument("--restart-minutes", type=Number(NotNegative), default=10.0,
                          help="until training goes on (default: 10)")
    failures.add_argument("--gpu-hours-between-failures", type=Number(_Hours), default=PUBLISHED_GPU_HOURS,
                          help=f"of one GPU (default: {PUBLISHED_GPU_HOURS:,.0f}, as published for Llama 3 405B on H100s)")
    failures.add_argument("--trials", type=Number(_Trials), default=200, help="simulated runs (default: 200)")
    failures.add_argument("--seed", type=Number(Seed), default=0, help="of the simulated failures (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    config = resolve(args).counted().config
    gpus = config.parallel.devices if args.gpus is None else args.gpus
    if gpus is None:
        raise UserError("--gpus: say how many GPUs (the recipe names no parallel.devices)")
    gpu = find_gpu(args.gpu or (config.device if config.device not in ("auto", "cpu") else "h100"))
    if config.precision.fp8 != "none" and not gpu.fp8:
        raise UserError(f"precision.fp8 = {config.precision.fp8}: {gpu.name} has no FP8; set precision.fp8=none")
    assumptions = Assumptions().with_values(args.assume)
    if args.simulate_failures:
        check_world(config, gpus)
        print(_failures(config, gpus, gpu, assumptions, args))
        return DONE
    options = rank_layouts(config, gpus, gpu, assumptions)
    if args.json:
        print(json.dumps(_plain(options[: args.top]), indent=2))
    else:
        print(_text(config, options, gpus, gpu, assumptions, args.top))
    return DONE if options[0].fits else USER_MUST_MEND


def _text(config: RunConfig, options: list[Option], gpus: int, gpu: Gpu, given: Assumptions, top: int) -> str:
    fitting = [option for option in options if option.fits]
    lines = [f"{len(options)} legal layouts of {config.output.split('/')[-1]} on {gpus} {gpu.name.upper()}, {len(fitting)} fit "
             f"into {gpu.memory / GIB:.0f} GiB with {given.reserve_gib:g} GiB in reserve"]
    if not fitting:
        least = options[0]
        over = least.prediction.bytes / GIB + given.reserve_gib - gpu.memory / GIB
        lines.append(f"nothing fits: the least is {_name(least)}, {over:.1f} GiB over; take more GPUs or a shorter sequence")
    lines += ["", _table(config, (fitting or options)[:top])]
    if fitting:
        lines += ["", _details(fitting[0], gpus), *(_to_paste(option) for option in fitting[1 : min(top, _PASTED)])]
        lines += ["", _own(config, options, fitting, gpus)]
    return "\n".join(lines)


def _table(config: RunConfig, options: list[Option]) -> str:
    header = ("layout", "micro", "recompute", "tokens/s", "MFU", "step s", "bubble", "GiB", "days")
    rows = []
    for option in options:
        p = option.prediction
        rows.append((_name(option), option.config.train.micro_batch_size, option.config.recompute.mode,
                     f"{p.tokens_per_second:,.0f}", f"{p.mfu:.1%}", f"{p.step_seconds:.2f}", f"{p.bubble_share:.1%}",
                     f"{p.bytes / GIB:.1f}", _days(config, p)))
    return text_table(header, rows)


def _name(option: Option) -> str:
    parallel = option.config.parallel
    return parallel.describe(parallel.devices or parallel.model_ranks)


def _days(config: RunConfig, prediction: Prediction) -> str:
    """Unknown where the length follows from data that are not named."""
    return f"{config.total_steps * prediction.step_seconds / 86400:.1f}" if config.length_known else "?"


def _details(best: Option, gpus: int) -> str:
    p = best.prediction
    m, t = p.memory, p.traffic
    parts = [(name, getattr(p, name)) for name in ("compute", "tp", "cp", "pp", "dp", "bubble", "optimizer", "rollouts")]
    kinds = [kind for kind in KINDS if kind not in KINDS_OF_RL or getattr(m, kind)]
    choices = {mode: memory_of(best.config, gpus, mode) / GIB for mode in ("none", "selective", "full")}
    return "\n".join([
        f"{_name(best)}, the fastest that fits:",
        "  step      " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in parts if seconds),
        "  memory    " + ", ".join(f"{kind} {getattr(m, kind) / GIB:.1f}" for kind in kinds)
        + f", buffers {p.buffers / GIB:.1f} GiB (stage {m.stage})",
        "  recompute activations " + ", ".join(f"{mode} {gib:.1f}" for mode, gib in choices.items()) + " GiB",
        f"  links     {t.on_nvlink / 1e9:,.1f} GB on NVLink, {t.on_network / 1e9:,.1f} GB on the network, a GPU and step "
        f"(TP {t.tp / 1e9:.1f}, CP {t.cp / 1e9:.1f}, PP {t.pp / 1e9:.1f}, DP {t.dp / 1e9:.1f})",
        "  to paste, of this layout and of the next:",
        _to_paste(best),
    ])


def _to_paste(option: Option) -> str:
    return f"  {' '.join(option.overrides())}"


def _own(config: RunConfig, options: list[Option], fitting: list[Option], gpus: int) -> str:
    """Where the recipe's own layout stands."""
    parallel, key = replace(config.parallel, devices=gpus), key_of(config)
    for place, option in enumerate(fitting, 1):
        if option.key == key:
            share = option.prediction.tokens_per_second / fitting[0].prediction.tokens_per_second
            return f"the recipe's own layout, {_name(option)}, is number {place}: {share:.0%} of the fastest"
    if any(option.key == key for option in options):
        return "the recipe's own layout does not fit"
    if is_legal(replace(config, parallel=parallel), gpus):
        return "the recipe's own layout is legal, but not among those tried"
    return f"the recipe's own layout is not legal on {gpus} GPUs"


def _failures(config: RunConfig, gpus: int, gpu: Gpu, given: Assumptions, args: argparse.Namespace) -> str:
    prediction = predict(config, gpus, gpu, given)
    scenario = Scenario(
        work=config.total_steps * prediction.step_seconds / 3600, gpus=gpus,
        gpu_hours_between_failures=args.gpu_hours_between_failures, interval=args.checkpoint_minutes / 60,
        checkpoint=args.save_seconds / 3600, detect=args.detect_minutes / 60, restart=args.restart_minutes / 60,
    )
    found, best = summarise(scenario, args.trials, args.seed), best_interval(scenario)
    if args.json:
        return json.dumps(vars(scenario) | vars(found) | {"mtbf": scenario.mtbf, "best_interval": best}, indent=2)
    low, middle, high = found.days
    better = summarise(replace(scenario, interval=best), args.trials, args.seed)
    return "\n".join([
        f"{config.parallel.describe(gpus)} on {gpus} {gpu.name.upper()}: {scenario.work / 24:.1f} days of work",
        f"failures    one each {scenario.mtbf:.1f} hours ({scenario.gpu_hours_between_failures:,.0f} GPU hours); "
        f"{found.failures:.1f} in the run",
        f"days        {middle:.2f} (5% to 95% of {args.trials} trials: {low:.2f} to {high:.2f}); "
        f"closed form {expected_total(scenario) / 24:.2f}",
        f"goodput     {found.goodput:.1%}",
        f"hours lost  {found.lost_work:.1f} to work done twice, {found.down:.1f} to detection and restarts, "
        f"{found.saves:.1f} to saves",
        f"interval    {args.checkpoint_minutes:g} minutes; best by Daly's formula {best * 60:.0f}: goodput {better.goodput:.1%}",
    ])


def _plain(options: list[Option]) -> list[dict[str, object]]:
    return [{
        "layout": _name(option), "parallel": vars(option.config.parallel), "fits": option.fits,
        "micro_batch_size": option.config.train.micro_batch_size, "recompute": option.config.recompute.mode,
        **{key: value for key, value in vars(option.prediction).items() if isinstance(value, float)},
        "memory": vars(option.prediction.memory) | {"total": option.prediction.memory.total},
        "traffic": vars(option.prediction.traffic),
    } for option in options]

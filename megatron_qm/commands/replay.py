"""`megatron-qm replay`: look at a step of a run again, such as one that was refused."""

import argparse
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from megatron_qm.commands.resolve import Resolved, resolve_run
from megatron_qm.config.bounds import Processes, Steps
from megatron_qm.data.text_table import text_table
from megatron_qm.errors import UserError
from megatron_qm.json_types import parse_json
from megatron_qm.observe.records import from_json_number
from megatron_qm.options import Number
from megatron_qm.platform.detect import rank_variables

if TYPE_CHECKING:
    from megatron_qm.train.replay import Replayed

_SHOWN_UNITS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", dest="run_folder", type=Path, required=True, metavar="RUN", help="the folder of a run")
    parser.add_argument("--step", type=Number(Steps), required=True, help="the step to look at")
    parser.add_argument("--nproc", type=Number(Processes), metavar="N",
                        help="ranks on this machine (default: as many as the run had)")


def run(args: argparse.Namespace) -> int:
    resolved = resolve_run(args.run_folder)
    resolved.work.read_in(args.run_folder, args.step)  # a step that is not recorded ends here
    processes = args.nproc or _world_size(args.run_folder)
    if processes == 1 or rank_variables() is not None:
        return _replay(resolved, args.run_folder, args.step)
    from megatron_qm.train.launch import launch_local

    with tempfile.TemporaryDirectory(prefix="replay-") as logs:
        again = ["replay", "--run", str(args.run_folder), "--step", str(args.step)]
        return launch_local(again, processes, Path(logs))


def _world_size(run: Path) -> int:
    try:
        return int(parse_json((run / "environment.json").read_text())["world_size"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{run}/environment.json does not say how many ranks the run had; give --nproc") from None


def _replay(resolved: Resolved, run: Path, step: int) -> int:
    from megatron_qm.platform.runtime import ranks_from_environment
    from megatron_qm.train.replay import replay_step
    from megatron_qm.training import training

    ranks, config = ranks_from_environment(), resolved.config
    with tempfile.TemporaryDirectory(prefix="replay-") as aside, training(
        config, resolved.work.looking(config, Path(aside)), read_only=Path(aside)
    ) as trainer:
        found = replay_step(trainer, step)
        if ranks.rank == 0:
            print(_describe(found, run, step))
    return 0


def _describe(found: "Replayed", run: Path, step: int) -> str:
    result, units = found.result, found.units
    return "\n".join([
        f"step {step}, repeated from step {found.began}",
        f"loss           {result.losses.mean:.6g}{_recorded(run, step, 'loss', result.losses.mean)}",
        f"gradient norm  {result.grad_norm:.6g}{_recorded(run, step, 'grad_norm', result.grad_norm)}",
        f"batch          {units.note}",
        "", f"the {min(_SHOWN_UNITS, len(units.rows))} with the highest loss:",
        _table(found.loss_n, units.header, units.rows),
    ])


def _table(loss_n: Sequence[float], header: Sequence[str], units: Sequence[Sequence[str]]) -> str:
    order = sorted(range(len(loss_n)), key=lambda n: -loss_n[n] if math.isfinite(loss_n[n]) else -math.inf)
    return text_table(("number", "loss", *header), [(n, f"{loss_n[n]:.4f}", *units[n]) for n in order[:_SHOWN_UNITS]])


def _recorded(run: Path, step: int, key: str, value: float) -> str:
    """What the run's metrics say of this very step, if they have it."""
    recorded = None
    for text in (run / "metrics.jsonl").read_text().splitlines():
        if f'"step":{step},' in text and '"kind":"train"' in text:
            recorded = from_json_number(parse_json(text).get(key))
    if recorded is None:
        return ""
    same = recorded == value or (math.isnan(recorded) and math.isnan(value))
    return f"   (recorded {recorded:.6g}: {'the same to the last bit' if same else 'NOT the same'})"

"""`megatron-qm replay`: look at a step of a run again, such as one that was refused."""

import argparse
import json
import math
import tempfile
from pathlib import Path
from typing import Any

from megatron_qm.config.run import RunConfig, load_run
from megatron_qm.data.ledger import documents_of_step, recorded_step
from megatron_qm.data.text_table import text_table
from megatron_qm.errors import UserError
from megatron_qm.observe.records import from_json_number
from megatron_qm.platform.detect import rank_variables

_SHOWN_SEQUENCES = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", dest="run_folder", type=Path, required=True, metavar="RUN", help="the folder of a run")
    parser.add_argument("--step", type=int, required=True, help="the step to look at")
    parser.add_argument("--nproc", type=int, metavar="N", help="ranks on this machine (default: as many as the run had)")


def run(args: argparse.Namespace) -> int:
    path = args.run_folder / "config.resolved.yaml"
    if not path.is_file():
        raise UserError(f"{path}: no such file; is {args.run_folder} the folder of a run?")
    config = load_run(path, [f"output={args.run_folder}"])
    documents_of_step(args.run_folder, args.step)  # a step that is not in the ledger ends here
    processes = args.nproc or _world_size(args.run_folder)
    if processes == 1 or rank_variables() is not None:
        return _replay(config, args.run_folder, args.step)
    from megatron_qm.train.launch import launch_local

    with tempfile.TemporaryDirectory(prefix="replay-") as logs:
        again = ["replay", "--run", str(args.run_folder), "--step", str(args.step)]
        return launch_local(again, processes, Path(logs))


def _world_size(run: Path) -> int:
    try:
        return int(json.loads((run / "environment.json").read_text())["world_size"])
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{run}/environment.json does not say how many ranks the run had; give --nproc") from None


def _replay(config: RunConfig, run: Path, step: int) -> int:
    from megatron_qm.platform.runtime import ranks_from_environment
    from megatron_qm.train.replay import replay_step
    from megatron_qm.training import on_datasets, training

    ranks = ranks_from_environment()
    with tempfile.TemporaryDirectory(prefix="replay-") as beats, training(
        config, on_datasets(config), read_only=Path(beats)
    ) as trainer:
        found = replay_step(trainer, step)
        if ranks.rank == 0:
            print(_describe(found, run, step))
    return 0


def _describe(found: Any, run: Path, step: int) -> str:
    result, (_, line) = found.result, recorded_step(run, step)
    lines = [
        f"step {step}, repeated from step {found.began}",
        f"loss           {result.losses.mean:.6g}{_recorded(run, step, 'loss', result.losses.mean)}",
        f"gradient norm  {result.grad_norm:.6g}{_recorded(run, step, 'grad_norm', result.grad_norm)}",
        f"batch          {'the one that the ledger records' if line == found.plan else 'NOT the one that the ledger records'}",
        "", f"the {min(_SHOWN_SEQUENCES, len(found.loss_n))} sequences with the highest loss:",
    ]
    return "\n".join([*lines, _table(found.loss_n, documents_of_step(run, step))])


def _table(loss_n: list[float], spans: list) -> str:
    order = sorted(range(len(loss_n)), key=lambda n: -loss_n[n] if math.isfinite(loss_n[n]) else -math.inf)
    rows = []
    for sequence in order[:_SHOWN_SEQUENCES]:
        mine = [span for span in spans if span.sequence == sequence]
        documents = ", ".join(str(span.document) for span in mine[:6]) + (", ..." if len(mine) > 6 else "")
        rows.append((sequence, f"{loss_n[sequence]:.4f}", mine[0].source if mine else "", documents))
    return text_table(("sequence", "loss", "source", "documents"), rows)


def _recorded(run: Path, step: int, key: str, value: float) -> str:
    """What the run's metrics say of this very step, if they have it."""
    recorded = None
    for text in (run / "metrics.jsonl").read_text().splitlines():
        if f'"step":{step},' in text and '"kind":"train"' in text:
            recorded = from_json_number(json.loads(text).get(key))
    if recorded is None:
        return ""
    same = recorded == value or (math.isnan(recorded) and math.isnan(value))
    return f"   (recorded {recorded:.6g}: {'the same to the last bit' if same else 'NOT the same'})"

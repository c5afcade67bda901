"""Rollouts to a file, in batches, so that work that is done stays done.

Each batch of requests goes, once answered, to a part of its own (`NAME.parts/NUMBER.jsonl`), which is whole or absent. When
all are there the file `NAME` appears, whole and in the order of the requests, and the parts go. A job that is killed and run
again reads what there is and asks for the missing keys alone. A lost batch is generated again with the same companions, so
that the file ends up to the last bit as it would have without the kill: tokens depend on nothing but their own request, but
the last bits of a log-probability depend on the shapes of the products that it came from.
"""

import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from megatron_qm.align.rollouts.engine import RolloutEngine
from megatron_qm.align.rollouts.rollout import Rollout, read_rollouts, write_rollouts
from megatron_qm.checkpoint.together import on_first_rank
from megatron_qm.errors import UserError
from megatron_qm.model.generation.request import Request, check_keys


def dispatch(
    engine: RolloutEngine, requests: Sequence[Request], path: Path, version: int, batch: int = 256
) -> list[Rollout]:
    """One rollout per request, in order, on every rank (all call); `path` holds just these when it returns.

    version: of the engine's weights; rollouts saved of other weights are refused. batch: requests that are generated, saved
    and at most lost together. Raises UserError, on every rank, where a file cannot be read or written, or holds something
    else than work on these requests.
    """
    check_keys(requests)
    saved = on_first_rank(lambda: _saved(requests, path, version))
    for number, start in enumerate(range(0, len(requests), batch)):
        missing = [request for request in requests[start : start + batch] if request.key not in saved]
        if missing:
            found = engine.generate(missing)
            saved |= {rollout.key: rollout for rollout in found}
            on_first_rank(partial(_keep, path, number, found))
    rollouts = [saved[request.key] for request in requests]
    on_first_rank(lambda: _finish(path, rollouts))
    return rollouts


def parts_of(path: Path) -> Path:
    """The folder of the batches that are there before `path` is whole."""
    return path.with_name(f"{path.name}.parts")


def _keep(path: Path, number: int, rollouts: list[Rollout]) -> None:
    write_rollouts(_part(path, number), rollouts)


def _part(path: Path, number: int) -> Path:
    """A name that is free: with another batch size, or more requests, the number alone may be taken."""
    part, again = parts_of(path) / f"{number:06d}.jsonl", 0
    while part.exists():
        again += 1
        part = parts_of(path) / f"{number:06d}-{again}.jsonl"
    return part


def _saved(requests: Sequence[Request], path: Path, version: int) -> dict[str, Rollout]:
    asked = {request.key: request for request in requests}
    saved: dict[str, Rollout] = {}
    for where, rollout in _all_saved(path):
        request, advice = asked.get(rollout.key), "give another file, or remove this one to generate it anew"
        if request is None:
            raise UserError(f"{where}: holds a rollout of {rollout.key!r}, which is not asked for now; {advice}")
        if not rollout.answers(request):
            raise UserError(
                f"{where}: the rollout of {rollout.key!r} answers another prompt, seed or sampling than is asked for; {advice}"
            )
        if rollout.weights_version != version:
            raise UserError(
                f"{where}: the rollout of {rollout.key!r} is of weights version {rollout.weights_version}, not "
                f"{version}; {advice}"
            )
        saved.setdefault(rollout.key, rollout)
    return saved


def _all_saved(path: Path) -> Iterator[tuple[Path, Rollout]]:
    for file in ([path] if path.exists() else []) + sorted(parts_of(path).glob("*.jsonl")):
        yield from ((file, rollout) for rollout in read_rollouts(file))


def _finish(path: Path, rollouts: list[Rollout]) -> None:
    if not path.exists() or parts_of(path).exists():
        write_rollouts(path, rollouts)
    if parts_of(path).exists():
        shutil.rmtree(parts_of(path))

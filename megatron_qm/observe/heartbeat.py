"""RUN/heartbeats/rank-00003.json: where each rank stands, renewed every few seconds by a thread of its own.

The files lie in the run's folder, which all ranks share, and not in a store that one of them serves: whoever is left can
read them when any rank, the first one too, is gone. No torch: a person or a script may read them as well.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from megatron_qm.json_types import parse_json

FOLDER = "heartbeats"


@dataclass(frozen=True)
class Beat:
    """Where a rank stood when it wrote this.

    count: rises with every beat of the process; one that stands still has stopped, whatever the clocks of the nodes say.
    phase: of `step`, entered at `since` (seconds since 1970). operation: the collective in which the main thread waits,
    None outside of one; `place`: the line of Python at which it stands. entered: by "ranks of the group", how many
    collectives this rank has entered.
    """

    rank: int
    host: str
    pid: int
    count: int
    step: int
    phase: str
    since: float
    time: float
    operation: str | None = None
    place: str = ""
    entered: Mapping[str, int] = field(default_factory=dict)


def beat_file(run: Path, rank: int) -> Path:
    return Path(run) / FOLDER / f"rank-{rank:05d}.json"


def write_beat(run: Path, beat: Beat) -> None:
    """Replace the rank's beat in one rename. Not fsynced: after a power cut nobody asks for it."""
    path = beat_file(run, beat.rank)
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_text(json.dumps(asdict(beat)))
    os.replace(temporary, path)


def read_beats(run: Path, world_size: int) -> dict[int, Beat]:
    """The newest beat of each rank; a rank that has none, or a damaged one, is left out."""
    found = {}
    for rank in range(world_size):
        beat = _read(beat_file(run, rank))
        if beat is not None:
            found[rank] = beat
    return found


def _read(path: Path) -> Beat | None:
    try:
        return Beat(**parse_json(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None

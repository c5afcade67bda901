"""What a run is called on its page: a folder is often just `run`, so the name says where it is and what it does."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from megatron_qm.config.stages import STAGES, stage_from

_PARTS = 2  # of a path, at least


def run_names(folders: Sequence[Path]) -> list[str]:
    """Of each folder as many of its last parts as tell all apart, two at least: quickstart/run, lifecycle/sft."""
    paths = [folder.resolve().parts for folder in folders]
    for count in range(_PARTS, max(map(len, paths)) + 1):
        names = [str(PurePosixPath(*parts[-count:])) for parts in paths]
        if len(set(names)) == len(names):
            return names
    return [str(PurePosixPath(*parts)) for parts in paths]


def stage_of(config: Mapping[str, object]) -> str:
    """The stage that a resolved config is of, in words; nothing where the config could not be read."""
    named = config.get("stage")
    if isinstance(named, str) and named not in STAGES:
        return named  # of a later version
    return stage_from(config).title if config else ""

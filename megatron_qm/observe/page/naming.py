"""What a run is called on its page: a folder is often just `run`, so the name says where it is and what it does."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

_PARTS = 2  # of a path, at least
_STAGES = {"pretrain": "pretraining", "sft": "fine-tuning", "rl": "reinforcement learning"}


def run_names(folders: Sequence[Path]) -> list[str]:
    """Of each folder as many of its last parts as tell all apart, two at least: quickstart/run, lifecycle/sft."""
    paths = [folder.resolve().parts for folder in folders]
    for count in range(_PARTS, max(map(len, paths)) + 1):
        names = [str(PurePosixPath(*parts[-count:])) for parts in paths]
        if len(set(names)) == len(names):
            return names
    return [str(PurePosixPath(*parts)) for parts in paths]


def stage_of(config: Mapping[str, object]) -> str:
    """The stage that a resolved config is of, in words; nothing where the config could not be read.

    A config without `stage` is told by its section."""
    if not config:
        return ""
    stage = config.get("stage") or next((name for name in ("rl", "sft") if config.get(name)), "pretrain")
    return _STAGES.get(str(stage), str(stage))

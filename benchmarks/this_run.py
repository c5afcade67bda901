"""What a benchmark's result says of the run that measured it."""

import os
import platform
import shlex
import sys
from collections.abc import Iterable
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from megatron_qm.observe.environment import cpu_name


def described(packages: Iterable[str], words: Iterable[str], **hardware: object) -> dict[str, Any]:
    """packages: whose versions count. words: of the command line, as they are told."""
    return {
        "date": date.today().isoformat(),
        "command": shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *words]),
        "python": platform.python_version(), "versions": {name: version(name) for name in packages},
        "hardware": {"cpu": cpu_name(), "cores": os.cpu_count(), **hardware}}  # fmt: skip


def without_folder(word: str) -> str:
    """NAME=FILE without the folders of this machine."""
    name, equals, path = word.rpartition("=")
    return f"{name}{equals}{Path(path).name}" if equals else word

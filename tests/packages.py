"""Packages of the system that some tests need: brought where apt can."""

import os
import shutil
import subprocess
from collections.abc import Sequence


def install(names: Sequence[str]) -> None:
    """As root, where there is apt; who needs them looks afterwards whether they are there."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "timeout": 300,
             "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
    command = ["apt-get", "install", "-y", "-q", *names]
    try:
        if subprocess.run(command, **quiet).returncode:
            subprocess.run(["apt-get", "update", "-q"], **quiet)
            subprocess.run(command, **quiet)
    except subprocess.TimeoutExpired:
        return

"""Kills at moments that are drawn over the whole of a command: its start, every write, its end."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests import warm

MOMENTS = 20


def struck(start: Callable[[], "warm.Process | subprocess.Popen"], seconds: float, draw: random.Random, log: Path) -> bool:
    """Started, and killed with all its children at a moment of its `seconds`; False where it was done before that."""
    process = start()
    try:
        code = process.wait(draw.uniform(0, seconds))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(60)
        return True
    assert code == 0, log.read_text()[-3000:]
    return False

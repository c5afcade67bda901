"""Commands of ours one after another, each shown as people would type it: what quickstart and others are made of."""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from megatron_qm import children
from megatron_qm.errors import UserError
from megatron_qm.files import make_folder, obstacles_named

_DATA_TOOLS = Path(__file__).parents[1] / "data_tools"


class StepError(UserError):
    """A command that failed. Its exit code is handed on: it says whether a restart helps."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = code if code > 0 else 128 - code


@dataclass
class Steps:
    """seconds: spent, by title. log: a file that takes what commands print, in the place of the terminal; it only grows."""

    seconds: dict[str, float] = field(default_factory=dict, kw_only=True)
    log: Path | None = field(default=None, kw_only=True)

    def _tool(self, title: str, script: str, *arguments: object) -> None:
        words = [str(argument) for argument in arguments]
        self._command(title, [sys.executable, str(_DATA_TOOLS / script), *words],
                      shown=shlex.join(["python", f"data_tools/{script}", *words]))

    def _verb(self, title: str, *arguments: object, quiet: bool = False) -> None:
        words = [str(argument) for argument in arguments]
        self._command(title, verb(*words), shown=shlex.join(["megatron-qm", *words]), quiet=quiet)

    def _command(self, title: str, command: list[str], shown: str, quiet: bool = False) -> None:
        """Raises UserError naming the step, and the log, where it fails."""
        if title not in self.seconds:
            heading(title)
        print(f"$ {shown}", flush=True)
        start = time.monotonic()
        with self._logged() as log:
            both = {"stdout": log, "stderr": log} if log else {"stdout": subprocess.DEVNULL if quiet else None}
            with children.running(command, env=environment(), **both) as child:
                code = child.wait()
        self.seconds[title] = self.seconds.get(title, 0.0) + time.monotonic() - start
        if code:
            raise StepError(f"stopped at: {title} (exit code {code})" + (f": {last_words(self.log)}" if self.log else ""), code)

    @contextmanager
    def _logged(self) -> Iterator[IO[bytes] | None]:
        if self.log is None:
            yield None
            return
        make_folder(self.log.parent)
        with obstacles_named(self.log):
            file = open(self.log, "ab")  # noqa: SIM115  closed below
        with file:
            yield file


def verb(*words: str) -> list[str]:
    """The command line of `megatron-qm WORDS`, whatever is installed where."""
    return [sys.executable, "-m", "megatron_qm.cli", *words]


def environment() -> dict[str, str]:
    """Of the commands: nothing is looked for on the network."""
    return os.environ | {"HF_HUB_OFFLINE": "1"}


def heading(text: str) -> None:
    print(f"\n== {text}", flush=True)


def last_words(log: Path) -> str:
    """What a command said last of what is wrong, and where the rest stands."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    said = next((line.strip() for line in reversed(lines) if line.startswith("error: ")), "")
    return f"{said.removeprefix('error: ')}; its log is {log}" if said else f"its log is {log}"

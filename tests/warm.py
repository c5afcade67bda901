"""Processes as forks of one that has imported torch and Megatron: the same code in real processes, without seconds of imports for
each. It computes nothing itself, so that no fork inherits a thread.

What must be met as users start it (kills in the middle, the launcher itself) is started by `subprocess`, here too.
"""

import atexit
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from megatron_qm import children

_ROOT = Path(__file__).parents[1]
_SERVER: dict[str, str] = {}  # "socket": where it listens, once it has been started
_IMPORTS = ("torch", "megatron_qm.commands.stage", "megatron_qm.train.loop", "megatron_qm.align.sft.work",
            "megatron_qm.align.rl.run", "multiprocessing.popen_forkserver",
            "megatron_qm.tokenizer", "transformers.models.auto.tokenization_auto", "transformers.tokenization_utils_base")


class Process:
    """As Popen, of `python -m MODULE ARGUMENTS`; what it prints goes to files."""

    def __init__(self, module: str, arguments: Sequence[str], environment: Mapping[str, str], stdout: Path, stderr: Path) -> None:
        assert environment.get("OMP_NUM_THREADS", "1") == "1", "a fork has the threads of what it was forked from"
        self._line = _connected()
        wish = {"module": module, "arguments": list(arguments), "environment": dict(environment), "cwd": os.getcwd(),
                "stdout": str(stdout), "stderr": str(stderr)}
        self._line.sendall(json.dumps(wish).encode() + b"\n")
        self._said = self._line.makefile("r")
        self.pid = int(self._said.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._line], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            self.returncode = int(self._said.readline())
            self._line.close()
        return self.returncode

    def kill(self) -> None:
        """It and its session, which is its own."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


class _Program(subprocess.Popen[bytes]):
    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)


def start(module: str, arguments: Sequence[str], environment: Mapping[str, str], stdout: Path, stderr: Path
          ) -> Process | _Program:
    """A fork; where there is a GPU, whose driver does not outlive a fork, a program."""
    if not os.path.exists("/dev/nvidiactl"):
        return Process(module, arguments, environment, stdout, stderr)
    with open(stdout, "ab") as out, open(stderr, "ab") as err:
        return _Program([sys.executable, "-m", module, *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=out,
                        stderr=err, start_new_session=True)


def run(module: str, arguments: Sequence[str], environment: Mapping[str, str], timeout: float
        ) -> subprocess.CompletedProcess[str]:
    """To the end. Raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryDirectory(prefix="warm-") as name:
        out, err = Path(name) / "stdout", Path(name) / "stderr"
        process = start(module, arguments, environment, out, err)
        try:
            process.wait(timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess([module, *arguments], process.wait(), out.read_text(), err.read_text())


def megatron_qm(*words: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    return run("megatron_qm.cli", list(map(str, words)), os.environ | {"OMP_NUM_THREADS": "1"}, timeout)


def _connected() -> socket.socket:
    """To the process to fork from; to a new one, where that is gone."""
    for _ in range(2):
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(_server())
            return line
        except OSError:
            line.close()
            _SERVER.clear()
    raise AssertionError("the process to fork from is gone, and the next one, too")


def _server() -> str:
    if not _SERVER:
        path = os.path.join(tempfile.mkdtemp(prefix="warm-"), "socket")
        process = children.start([sys.executable, "-m", "tests.warm", path], cwd=_ROOT,
                                 env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)
        atexit.register(shutil.rmtree, os.path.dirname(path), ignore_errors=True)
        atexit.register(process.kill)
        deadline = time.monotonic() + 600
        while not os.path.exists(path):
            assert process.poll() is None and time.monotonic() < deadline, "the process to fork from did not come up"
            time.sleep(0.05)
        _SERVER["socket"] = path
    return _SERVER["socket"]


def serve(path: str) -> None:
    for name in _IMPORTS:
        __import__(name)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path + ".new")
    listener.listen(64)
    os.rename(path + ".new", path)
    lines: dict[int, socket.socket] = {}
    while True:
        if select.select([listener], [], [], 0.02)[0]:
            line = listener.accept()[0]
            wish = json.loads(line.makefile("r").readline())
            pid = os.fork()
            if pid == 0:
                listener.close()
                for other in (line, *lines.values()):
                    other.close()
                os.setsid()
                os.chdir(wish["cwd"])
                _become(wish["module"], wish["arguments"], wish["environment"], _opened(wish["stdout"]), _opened(wish["stderr"]))
            line.sendall(f"{pid}\n".encode())
            lines[pid] = line
        for pid, code in _ended():
            if (line := lines.pop(pid, None)) is not None:
                with suppress(OSError), line:
                    line.sendall(f"{code}\n".encode())


def _ended() -> list[tuple[int, int]]:
    found = []
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            found.append((ended[0], os.waitstatus_to_exitcode(ended[1])))
    return found


def _opened(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def _become(module: str, arguments: Sequence[str], environment: Mapping[str, str], stdout: int, stderr: int) -> None:
    """This fork is `python -m module arguments` from here to its end."""
    children.end_with(os.getppid())
    for number, file in ((0, os.open(os.devnull, os.O_RDONLY)), (1, stdout), (2, stderr)):
        os.dup2(file, number)
    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    children.start = _start  # ranks are forks, too
    code = 1
    try:
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else _said(end.code)
    except BaseException:  # noqa: BLE001  as the interpreter would
        traceback.print_exc()
    with suppress(BaseException):
        threading._shutdown()
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(code)


def _said(words: object) -> int:
    print(words, file=sys.stderr)
    return 1


class _Fork(subprocess.Popen):  # type: ignore[type-arg]
    """Popen whose child is a fork that goes on as a module, and no new program."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], stdout: Any = None, stderr: Any = None, **_: Any) -> None:
        parent = os.getpid()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        pid = os.fork()
        if pid == 0:
            children.end_with(parent)
            files = [number if file is None else file.fileno() for number, file in ((1, stdout), (2, stderr))]
            _become(command[2], command[3:], env, *files)
        self.args, self.pid, self.returncode = list(command), pid, None
        self.stdin = self.stdout = self.stderr = None
        self._child_created, self._waitpid_lock, self._communication_started, self._input = True, threading.Lock(), False, None


_start_really = children.start


def _start(command: Sequence[str], **options: Any) -> "subprocess.Popen[bytes]":
    if list(command[:3]) == [sys.executable, "-m", "megatron_qm.cli"] and "env" in options:
        return _Fork(command, **options)
    return _start_really(command, **options)


if __name__ == "__main__":
    serve(sys.argv[1])

"""Kill a run at every single step that it takes on the disk, and resume it. Started by test_killed.py, as a process.

    python -m tests.data_tools.kill_everywhere ARGUMENTS.json

Each life is a fork of this process, which itself has started no threads. A life counts its calls of os.write, os.fsync
and the like; the one that is to be its last is done half (a write) or not at all, and SIGKILL follows.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import fastokens  # noqa: F401 (imported once, before the forks)
import tokenizers  # noqa: F401

from data_tools.merging import merge
from data_tools.options import Options
from data_tools.pipeline import preprocess
from data_tools.stopping import StopRequest

# What a kill leaves behind does not depend on fsync, which only takes the tests' time: it is counted, not called.
os.fsync = lambda descriptor: None
STEPS = ("write", "fsync", "replace", "rename", "unlink", "ftruncate", "pwrite", "rmdir", "mkdir")
KINDS = ("bin", "idx", "json", "rejects")


def die_at(step: int) -> None:
    """SIGKILL at call number `step` of the functions that change the disk."""
    calls = 0

    def deadly(name: str, real: Callable) -> Callable:
        def call(*arguments: object, **options: object) -> object:
            nonlocal calls
            calls += 1
            if calls == step:
                if name == "write":
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2])  # type: ignore[index]
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        return call

    for name in STEPS:
        setattr(os, name, deadly(name, getattr(os, name)))


def live(work: Callable[[], None], step: int | None) -> bool:
    """Run `work` in a fork that dies at `step`; whether it lived to the end."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            if step is not None:
                die_at(step)
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit(f"step {step}: the run failed by itself")
    return os.WIFEXITED(status)


def check_visible(prefix: Path, whole: dict[str, bytes], earlier: dict[str, bytes], step: int) -> None:
    """What stands under a final name is whole, and an .idx never stands beside the .bin of another dataset."""
    there = {kind: Path(f"{prefix}.{kind}").read_bytes() for kind in KINDS if Path(f"{prefix}.{kind}").exists()}
    for kind, data in there.items():
        assert data in (whole[kind], earlier.get(kind)), f"step {step}: {kind} is half-written"
    if "idx" in there:
        assert "bin" in there, f"step {step}: an .idx without its .bin"
        assert there["idx"] != earlier.get("idx") or there["bin"] == earlier["bin"], f"step {step}: a mixture"


def main() -> None:
    arguments = json.loads(Path(sys.argv[1]).read_text())
    prefix, options = Path(arguments["prefix"]), arguments["options"]
    whole = {kind: Path(f"{arguments['whole']}.{kind}").read_bytes() for kind in KINDS}
    earlier = {kind: Path(path).read_bytes() for kind, path in arguments["earlier"].items()}

    def work(resume: bool) -> None:
        flags = {"resume": True} if resume else {"overwrite": bool(earlier)}
        if arguments["merge"]:
            merge(str(prefix), arguments["merge"], StopRequest(), **flags)
        else:
            preprocess(Options(output_prefix=str(prefix), **options, **flags), StopRequest())

    step = lives = 0
    lived = False
    while not lived:
        step += arguments["stride"]
        for path in prefix.parent.glob(f"*{prefix.name}.*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for kind, data in earlier.items():
            Path(f"{prefix}.{kind}").write_bytes(data)
        lived = live(lambda: work(resume=False), step)
        check_visible(prefix, whole, earlier, step)
        if not lived and step % 3 == 0:  # the second life may end early as well
            live(lambda: work(resume=True), step // 2 + 1)
            check_visible(prefix, whole, earlier, step)
        if not lived and not (earlier and not Path(f"{prefix}.partial/plan.json").exists() and _old(prefix, earlier)):
            live(lambda: work(resume=True), None)
        elif not lived:
            live(lambda: work(resume=False), None)  # killed before it had begun: there is nothing to resume
        for kind in KINDS:
            assert Path(f"{prefix}.{kind}").read_bytes() == whole[kind], f"step {step}: another {kind}"
        assert not Path(f"{prefix}.partial").exists(), f"step {step}: left its workspace"
        lives += 1
    print(lives)


def _old(prefix: Path, earlier: dict[str, bytes]) -> bool:
    path = Path(f"{prefix}.json")
    return path.exists() and path.read_bytes() == earlier["json"]


if __name__ == "__main__":
    main()

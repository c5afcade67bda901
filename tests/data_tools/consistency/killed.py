"""build_consistency killed at every call that changes the disk, and started again: a process of its own, since it forks.

    python -m tests.data_tools.consistency.killed RESPONSES FOLDER
"""

import os
import signal
import sys
from pathlib import Path

from data_tools.build_consistency import build

_STEPS = ("fsync", "replace", "unlink", "mkdir", "rmdir")


def live(work, last: int) -> bool:
    """Run `work` in a fork that dies at call number `last`; whether it lived to the end."""
    pid = os.fork()
    if pid == 0:
        calls = iter(range(1, 1 << 20))

        def deadly(real):
            def call(*arguments, **options):
                if next(calls) == last:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*arguments, **options)
            return call

        code = 1
        try:
            for name in _STEPS:
                setattr(os, name, deadly(getattr(os, name)))
            work()
            code = 0
        finally:
            os._exit(code)
    status = os.waitpid(pid, 0)[1]
    assert not (os.WIFEXITED(status) and os.WEXITSTATUS(status)), f"call {last}: it failed by itself"
    return os.WIFEXITED(status)


def main(responses: Path, folder: Path) -> None:
    def made(output: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in output.iterdir()}

    build(responses, folder / "whole", 3)
    whole, last = made(folder / "whole"), 1
    while True:
        output = folder / f"{last}"
        output.mkdir()
        (output / "mine.txt").write_text("of the user")
        if live(lambda output=output: build(responses, output, 3), last):
            break
        before = made_files(output)
        if "summary.json" not in before:
            live(lambda output=output: build(responses, output, 4), last % 7 + 1)  # another seed, and killed once more
            if not (output / "summary.json").exists():
                build(responses, output, 3)
                assert made(output) == whole | {"mine.txt": b"of the user"}, last
        last += 1
    print(last)


def made_files(output: Path) -> set[str]:
    return {path.name for path in output.iterdir()}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

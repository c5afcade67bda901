"""Kill a build at random calls that change the disk, the LATEST at most. Started by tests, as a process.

    python -m tests.data_tools.corpus.kill_anywhere corpus.yaml KILLS SEED LATEST TASKS     0: in one run
"""

import random
import shutil
import sys
from pathlib import Path

from tests.data_tools.corpus.built import build, outcome
from tests.data_tools.kill_everywhere import live


def main() -> None:
    config, (kills, seed, latest, tasks) = Path(sys.argv[1]), map(int, sys.argv[2:])
    chance = random.Random(seed)
    output = config.parent / "out"

    def work() -> None:
        slices = [["--tasks", str(tasks), "--task", str(index)] for index in range(tasks)]
        for words in [*slices, ["--tasks", str(tasks)] if tasks else []]:
            if build(config, *words):
                raise SystemExit("refused")

    live(lambda: build(config), None)
    whole = outcome(output)
    shutil.rmtree(output)
    done = ends = 0
    while done < kills:
        if live(work, chance.randint(1, latest)):
            ends += 1
            check(whole, output)
            shutil.rmtree(output)
        else:
            done += 1
    live(work, None)
    check(whole, output)
    print(done, ends)


def check(whole: dict, output: Path) -> None:
    found = outcome(output)
    assert found.keys() == whole.keys(), f"{found.keys() ^ whole.keys()}"
    assert not [name for name in whole if found[name] != whole[name]]


if __name__ == "__main__":
    main()

"""kill -9 at any moment, then --resume: the bytes of an uninterrupted run."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.data_tools.raw_texts import contents, json_lines, run, texts, write_file

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "data_tools/preprocess.py"


def _kill_everywhere(
    folder: Path, whole: Path, stride: int, options: dict | None = None,
    earlier: Path | None = None, merge: list[str] | None = None,
) -> int:  # fmt: skip
    """How many times the run was killed."""
    kinds = ("bin", "idx", "json", "rejects")
    arguments = {
        "prefix": str(folder / "killed"),
        "whole": str(whole),
        "stride": stride,
        "options": options or {},
        "earlier": {kind: f"{earlier}.{kind}" for kind in kinds} if earlier else {},
        "merge": merge,
    }
    (folder / "arguments.json").write_text(json.dumps(arguments))
    command = [sys.executable, "-m", "tests.data_tools.kill_everywhere", str(folder / "arguments.json")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return int(done.stdout)


@pytest.mark.slow
def test_killed_at_every_step_on_the_disk(tokenizer: Path, tmp_path: Path) -> None:
    lines = json_lines(texts(24)).splitlines(keepends=True)
    lines.insert(7, b"bad\n")
    halves = {"a.jsonl": lines[:15], "b.jsonl.gz": lines[15:]}
    files = [write_file(tmp_path / name, b"".join(half)) for name, half in halves.items()]
    files[1].write_bytes(files[1].read_bytes()[:-20])  # cut
    options = {"allow_damaged": True, "max_bad_fraction": 1.0, "block_bytes": 1000, "commit_seconds": 0.0, "workers": 1}
    run(tokenizer, files, tmp_path / "whole", **options)
    asked = {"input": [str(path) for path in files], "tokenizer": str(tokenizer), "append_eod": True, **options}
    assert _kill_everywhere(tmp_path, tmp_path / "whole", 1, asked) > 40


def test_killed_while_it_replaces_a_dataset(tokenizer: Path, tmp_path: Path) -> None:
    files = [write_file(tmp_path / f"{seed}.jsonl", json_lines(texts(8, seed))) for seed in range(2)]
    options = {"block_bytes": 1 << 20, "commit_seconds": 100.0, "workers": 1}
    for name, file in zip(("earlier", "whole"), files, strict=True):
        run(tokenizer, file, tmp_path / name, **options)
    asked = {"input": [str(files[1])], "tokenizer": str(tokenizer), "append_eod": True, **options}
    assert _kill_everywhere(tmp_path, tmp_path / "whole", 1, asked, earlier=tmp_path / "earlier") > 20


def test_killed_while_it_merges(tokenizer: Path, tmp_path: Path) -> None:
    file = write_file(tmp_path / "a.jsonl", json_lines(texts(30)))
    run(tokenizer, file, tmp_path / "whole")
    for index in range(2):
        run(tokenizer, file, tmp_path / f"part-{index}", shard_index=index, shard_count=2)
    parts = [str(tmp_path / f"part-{index}") for index in range(2)]
    assert _kill_everywhere(tmp_path, tmp_path / "whole", 1, merge=parts) > 20


def test_killed_at_random_moments(tokenizer: Path, tmp_path: Path) -> None:
    file = write_file(tmp_path / "a.jsonl.gz", json_lines(texts(1500)) * 60)
    whole = run(tokenizer, file, tmp_path / "whole")
    command = [
        sys.executable, SCRIPT, "--input", file, "--output-prefix", tmp_path / "killed", "--tokenizer", tokenizer,
        "--append-eod", "--resume", "--commit-seconds", "0", "--workers", "2",
    ]  # fmt: skip
    chance = random.Random(os.getpid())
    kills = 0
    while True:
        process = subprocess.Popen([str(word) for word in command], stderr=subprocess.DEVNULL)
        while not (tmp_path / "killed.partial/tokens.bin").exists() and process.poll() is None:
            time.sleep(0.002)
        if kills < 5:
            time.sleep(chance.uniform(0, 0.4 if kills else 0.1))
            process.send_signal(signal.SIGKILL)
            kills += 1
        if process.wait(timeout=120) == 0:
            break
    assert contents(tmp_path / "killed") == whole

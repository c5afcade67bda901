"""A disk that fills up: a clear error, and --resume after space was made."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data_tools.raw_texts import contents, json_lines, run, texts, write_file

ROOT = Path(__file__).parents[2]

# A file of this process cannot grow beyond a size: the write fails as it does on a full disk (EFBIG for ENOSPC).
LIMITED = """
import resource, runpy, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
sys.argv[0] = "preprocess.py"
from data_tools.preprocess import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("part", [0.05, 0.5, 0.97])
def test_a_full_disk_is_told_and_survived(tokenizer: Path, tmp_path: Path, part: float) -> None:
    file = write_file(tmp_path / "a.jsonl", json_lines(texts(2000)))
    whole = run(tokenizer, file, tmp_path / "whole")
    # the last of these sizes is enough for the tokens and not for the finished index
    size = int(part * (len(whole["bin"]) if part < 0.9 else len(whole["idx"])))
    command = [
        "--input", file, "--output-prefix", tmp_path / "set", "--tokenizer", tokenizer, "--append-eod",
        "--commit-seconds", "0", "--resume",
    ]  # fmt: skip
    arguments = [sys.executable, "-c", LIMITED, str(size), *map(str, command)]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stderr
    assert "the disk is full" in done.stderr and "--resume" in done.stderr and "Traceback" not in done.stderr
    assert "set.partial/" in done.stderr.splitlines()[-1]
    assert not any((tmp_path / f"set.{kind}").exists() for kind in whole)
    arguments[3] = str(resource.RLIM_INFINITY)
    subprocess.run(arguments, cwd=ROOT, check=True, timeout=120)
    assert contents(tmp_path / "set") == whole


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_a_real_full_file_system(tokenizer: Path, tmp_path: Path) -> None:
    file = write_file(tmp_path / "a.jsonl", json_lines(texts(2000)))
    whole = run(tokenizer, file, tmp_path / "whole")
    small = tmp_path / "small"
    small.mkdir()
    size = len(whole["bin"]) // 2
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(small)], capture_output=True)
    if mount.returncode:
        pytest.skip("this container may not mount a tmpfs")
    try:
        command = [
            sys.executable, ROOT / "data_tools/preprocess.py", "--input", file, "--output-prefix", small / "set",
            "--tokenizer", tokenizer, "--append-eod", "--resume", "--commit-seconds", "0",
        ]  # fmt: skip
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)
        assert done.returncode == 2 and "the disk is full" in done.stderr, done.stderr
        subprocess.run(["mount", "-o", f"remount,size={size * 8}", str(small)], check=True)
        subprocess.run([str(word) for word in command], check=True, capture_output=True, timeout=120)
        assert contents(small / "set") == whole
    finally:
        subprocess.run(["umount", str(small)], check=True)

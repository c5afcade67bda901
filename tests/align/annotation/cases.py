"""Pairs to judge, and a desk that hands them out, for tests."""

import json
import os
import random
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs

from megatron_qm import cli

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def rows(count: int) -> list[dict]:
    return [{"key": f"k{number}", "prompt": f"Question {number}?", "a": f"a of {number}", "b": f"b of {number}"}
            for number in range(count)]


def write(path: Path, lines: list[dict]) -> Path:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return path


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def run(*words: object) -> int:
    """A verb, in this process; its exit code."""
    return cli.main([str(word) for word in words])


def _command(words: Sequence[object]) -> list[str]:
    return [sys.executable, "-m", "megatron_qm.cli", *map(str, words)]


class Server:
    """`megatron-qm annotate` in a process of its own."""

    def __init__(self, pairs: Path, output: Path, *options: str, annotators: tuple[str, ...] = ("ann",),
                 **environment: str) -> None:
        names = [word for name in annotators for word in ("--annotator", name)]
        command = _command(["annotate", "--pairs", pairs, "--output", output, *names, *options])
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
                                        env={**ENVIRONMENT, **environment})
        self.said, self.addresses = "", {}
        while len(self.addresses) < len(annotators):
            line = self.process.stdout.readline()
            assert line, self.said
            self.said += line
            name, _, address = line.strip().partition(": ")
            if "#token=" in address:
                self.addresses[name] = address
        self.token = parse_qs(address.partition("#")[2])["token"][0]
        self.base = address.partition("/#")[0]

    def post(self, path: str, body: object, token: str | None = None) -> tuple[int, dict]:
        request = urllib.request.Request(f"{self.base}/{path}", json.dumps(body).encode(),
                                         {"Authorization": f"Bearer {self.token if token is None else token}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as reply:
                return reply.status, json.loads(reply.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def kill(self) -> None:
        """By pid, with no chance to tidy up."""
        self.process.kill()
        self.process.wait(30)
        self.process.stdout.close()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def verdict_on(offer: dict, annotator: str, word: str, draw: random.Random) -> dict:
    reading = offer["reading"]
    return {"id": f"{draw.getrandbits(96):x}", "annotator": annotator, "key": reading["key"], "reading": reading["number"],
            "verdict": word, "note": ""}

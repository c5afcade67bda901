"""Verifiers that misbehave as their reference says."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from megatron_qm.rewards.outcome import Outcome, Scored, Unscored


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("even its text")


class Quits(BaseException):
    """Not an Exception, as asyncio's CancelledError is not."""


def _changed(scored: Scored, **fields: object) -> Scored:
    for name, value in fields.items():
        object.__setattr__(scored, name, value)
    return scored


def _raised(error: BaseException) -> Outcome:
    raise error


def _part(value: object) -> Scored:
    scored = Scored(1.0, {"good": 1.0})
    scored.parts["late"] = value
    return scored


WAYS = {
    "numpy": lambda: Scored(np.float32(0.5), {"right": np.bool_(True), "count": np.int64(3)}, np.str_("told")),
    "late numpy": lambda: _part(np.float16(0.25)),
    "bool": lambda: Scored(True),
    "number": lambda: 1.0,
    "nan": lambda: Scored(float("nan")),
    "numpy nan": lambda: Scored(np.float32("nan")),
    "late nan": lambda: _changed(Scored(1.0), value=float("nan")),
    "inf": lambda: Scored(float("inf")),
    "above": lambda: Scored(1.0000001),
    "text score": lambda: Scored("0.5"),
    "array": lambda: Scored(np.array([0.5, 0.5])),
    "none score": lambda: Scored(None),
    "none part": lambda: _part(None),
    "text part": lambda: Scored(1.0, {"code": "A"}),
    "nan part": lambda: _part(np.nan),
    "unnamed part": lambda: Scored(1.0, {1: 1.0}),
    "lambda part": lambda: _part(lambda: None),
    "parts are none": lambda: Scored(1.0, None),
    "parts without end": lambda: Scored(1.0, {str(n): 1.0 for n in range(1_000_000)}),
    "bytes": lambda: Scored(1.0, {}, b"told"),
    "late bytes": lambda: _changed(Scored(1.0), explanation=b"told"),
    "long": lambda: Scored(1.0, {}, "x" * 50_000_000),
    "half a pair": lambda: Scored(1.0, {}, "half \ud83d"),
    "reason of bytes": lambda: Unscored(b"no"),
    "reason late": lambda: _changed(Unscored("no"), reason=None),
    "long reason": lambda: Unscored("judge: " + "x" * 50_000_000),
    "lambda": lambda: lambda: None,
    "generator": lambda: (one for one in ()),
    "raise": lambda: _raised(KeyError("no such thing")),
    "mute": lambda: _raised(Mute()),
    "quits": lambda: _raised(Quits("bye")),
    "exit": lambda: sys.exit(0),
    "deep": lambda: WAYS["deep"](),
    "prints": lambda: Scored(float(print("x" * 1_000_000) is None)),
}


_LEAKED: list[bytearray] = []


def bad(prompt, response, reference, metadata):
    if reference in WAYS:
        return WAYS[reference]()
    if reference == "hang":
        time.sleep(3600)
    if reference == "crash":
        os._exit(11)
    if reference == "closes":
        os.closerange(3, 200)
        time.sleep(3600)
    if reference == "stops":
        os.kill(os.getpid(), signal.SIGSTOP)
    if reference in ("half a word", "no word"):
        for link in Path("/proc/self/fd").iterdir():
            if link.exists() and os.readlink(link).startswith("socket:"):
                os.write(int(link.name), b"\x00\x00" if reference == "half a word" else b"\x7f\xff\xff\xff no such thing")
        time.sleep(3600)
    if reference == "leaks":
        _LEAKED.append(bytearray(300 << 20))
        return Scored(0.5)
    if reference == "who":
        return Scored(1.0, {"pid": os.getpid()})
    if reference == "memory":
        return Scored(float(len(bytearray(1 << 40)) > 0))
    if reference == "none":
        return None
    return Scored(float(reference))


def parent(prompt, response, reference, metadata):
    """Starts two programs that outlive their verdict, one in a session of its own, whose ids go into the file `prompt`, and ends
    as the reference says."""
    mine = subprocess.Popen(["sleep", "3600"])
    away = subprocess.Popen(["sh", "-c", "sleep 3600 & echo $!; wait"], start_new_session=True, stdout=subprocess.PIPE, text=True)
    assert away.stdout is not None
    path = Path(prompt)
    path.with_suffix(".part").write_text(f"{os.getpid()} {mine.pid} {away.pid} {away.stdout.readline()}")
    path.with_suffix(".part").rename(path)
    return bad(prompt, response, reference, metadata)


def gullible(prompt, response, reference, metadata):
    return Scored(float(reference in response))


def works(prompt: str, response: str, reference: object, metadata: object) -> Outcome:
    """On core `response` alone, for `reference` seconds of its time."""
    os.sched_setaffinity(0, {int(response)})
    until = time.process_time() + float(str(reference))
    while time.process_time() < until:
        pass
    return Scored(1.0)

"""A server that takes a connection and sends nothing ends a command, in words."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

_RESTORE = """
import sys
from megatron_qm import cli
from megatron_qm.checkpoint.archive import storage
storage._RETRIES.update(max_retries=1, initial_delay="1ms", max_delay="1ms")
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.fixture
def silent() -> Iterator[int]:
    held = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hold() -> None:
            while True:
                try:
                    held.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=hold, daemon=True).start()
        yield server.getsockname()[1]
        assert held
        for caller in held:
            caller.close()


def test_a_silent_server_is_given_up(silent: int, tmp_path: Path) -> None:
    words = ["restore", "--archive", f"http://127.0.0.1:{silent}/archive/", "--output", str(tmp_path / "new")]
    done = subprocess.run([sys.executable, "-c", _RESTORE, *words], capture_output=True, text=True, timeout=120,
                          env=os.environ | {"TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS": "1"})
    assert done.returncode == 2 and "the server sends nothing" in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert f"127.0.0.1:{silent}" in done.stderr and not (tmp_path / "new").exists()


def test_it_is_given_up_without_being_told_when() -> None:
    """The program itself sets the limit, in time for TensorStore to see it."""
    code = "import os, megatron_qm.checkpoint.archive.storage; print(os.environ['TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS'])"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TENSORSTORE")}
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=clean).stdout
    assert said == "30\n"

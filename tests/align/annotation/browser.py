"""A headless Chromium, driven over the pipe of its DevTools protocol: keys are pressed as by hands, pages seen as by eyes."""

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import packages

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_CODES = {"?": ("Slash", 191), "Escape": ("Escape", 27)}


def chromium() -> str | None:
    """Brought where apt can; None where there is none all the same."""
    if not any(map(shutil.which, _NAMES)):
        packages.install(["chromium"])
    return next(filter(None, map(shutil.which, _NAMES)), None)


class Browser:
    def __init__(self, read: int, write: int) -> None:
        self._read, self._write, self._rest, self._number = os.fdopen(read, "rb", 0), write, b"", 0
        self._session: dict[str, str] = {}
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        found = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": found["sessionId"]}
        self.call("Page.enable")

    def call(self, method: str, **parameters: object) -> dict:
        self._number += 1
        asked = {"id": self._number, "method": method, "params": parameters, **self._session}
        os.write(self._write, json.dumps(asked).encode() + b"\0")
        while True:
            while b"\0" not in self._rest:
                piece = self._read.read(1 << 16)
                assert piece, "the browser has ended"
                self._rest += piece
            line, _, self._rest = self._rest.partition(b"\0")
            said = json.loads(line)
            if said.get("id") == self._number:
                assert "error" not in said, said
                return said["result"]

    def value(self, script: str) -> object:
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def until(self, script: str, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not self.value(script):
            assert time.monotonic() < deadline, f"never: {script}; {self.value('document.body.innerText')}"
            time.sleep(0.01)

    def open(self, address: str) -> None:
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        self.until("document.readyState == 'complete' && document.body.dataset.state")

    def press(self, key: str, **more: object) -> None:
        code, number = _CODES.get(key, (f"Digit{key}" if key.isdigit() else f"Key{key.upper()}", ord(key[0].upper())))
        text = {"text": key} if len(key) == 1 else {}
        asked = {"key": key, "code": code, "windowsVirtualKeyCode": number, **more}
        self.call("Input.dispatchKeyEvent", type="keyDown", **asked, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **asked)

    def look(self, width: int, height: int, dark: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def picture(self, path: Path, whole: bool = False) -> None:
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """Its profile in `folder`. It hears on descriptor 3 and answers on 4."""
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
    # Above 4, so that they do not stand where the others are to be put.
    command = (f'exec 3<&{theirs_in} 4>&{theirs_out}; exec "{chromium()}" --headless=new --no-sandbox --disable-gpu '
               f'--disable-dev-shm-usage --no-first-run --remote-debugging-pipe --user-data-dir="{folder}" about:blank')
    with open(folder / "chromium.log", "wb") as log:
        process = subprocess.Popen(["bash", "-c", command], pass_fds=(theirs_in, theirs_out), stdout=log, stderr=log,
                                   env={**os.environ, "HOME": str(folder)})
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        yield Browser(ours_in, ours_out)
    finally:
        process.kill()
        process.wait(30)
        os.close(ours_out)

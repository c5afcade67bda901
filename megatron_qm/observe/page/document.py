"""A page that needs nothing but itself: its style and script are within, and it may load nothing."""

import base64
import hashlib
import html
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from megatron_qm import __version__
from megatron_qm.errors import UserError
from megatron_qm.files import atomic_write

_HEAD_BYTES = 4096  # in which a page says what it is


def written(path: Path, page: str) -> Path:
    """`path`, which holds the page now. Raises UserError where it cannot be written."""
    try:
        with atomic_write(path) as stream:
            stream.write(page.encode("utf-8", "replace"))
    except OSError as error:
        raise UserError(f"{path}: cannot write the report: {error.strerror}") from None
    return path


def document(title: str, body: Sequence[str], now: float, kind: str = "page") -> str:
    """body: sections in HTML; empty ones are left out. now: seconds since 1970, for the foot of the page. kind: what it is of, by
    which `is_of_kind` knows it again."""
    script, style = _asset("report.js"), _asset("report.css")
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{_mark(kind)}
<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
{chr(10).join(part for part in body if part)}
<footer>megatron-qm {__version__}, written {made}</footer>
</main>
<script>{script}</script>
</body>
</html>
"""


def is_of_kind(path: Path, kind: str) -> bool:
    """Whether a file is a page that `document` has made."""
    try:
        with open(path, "rb") as stream:
            return _mark(kind).encode() in stream.read(_HEAD_BYTES)
    except OSError:
        return False


def _mark(kind: str) -> str:
    return f'<meta name="generator" content="megatron-qm {kind}">'


def _policy(script: str) -> str:
    """The page may load nothing, and run this one script: whatever a run's files hold stays text."""
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _asset(name: str) -> str:
    return resources.files("megatron_qm.observe.page").joinpath(name).read_text(encoding="utf-8")

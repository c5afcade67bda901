"""The page of annotators: one file that needs nothing but itself."""

import base64
import hashlib
from importlib import resources

from megatron_qm.loopback import Page


def annotation_page() -> Page:
    """It may load nothing, run its own script alone and ask its own server alone: whatever responses hold stays text."""
    script, style = _asset("annotate.js"), _asset("annotate.css")
    html = _asset("annotate.html").replace("/* style */", style).replace("/* script */", script)
    policy = (f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; connect-src 'self'; "
              "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    return Page(html.encode(), policy)


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _asset(name: str) -> str:
    return resources.files("megatron_qm.align.annotation.page").joinpath(name).read_text(encoding="utf-8")

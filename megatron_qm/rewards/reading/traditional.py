"""Traditional Chinese characters as simplified ones, so that one table of names and one list of words read both."""

from functools import lru_cache
from pathlib import Path

_FILE = Path(__file__).parents[1] / "tables" / "traditional.txt"


@lru_cache(maxsize=1)
def _characters() -> dict[int, str]:
    pairs = "".join(line for line in _FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    return {ord(old): new for old, new in zip(pairs[::2], pairs[1::2], strict=True)}


def simplified(text: str) -> str:
    """Each character in its place; what is in no table stays as it is.

    >>> simplified("請做心電圖，不要斷層掃描")
    '请做心电图，不要断层扫描'
    """
    return text if text.isascii() else text.translate(_characters())

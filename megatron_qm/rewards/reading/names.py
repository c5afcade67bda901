"""Names for comparison: case, blanks and punctuation are of no weight."""

import re
from dataclasses import dataclass

_WEIGHTLESS = re.compile(r"[^\w%+<>≤≥.]|_|(?<!\d)\.|\.(?!\d)")
_PLURAL = re.compile(r"(?:s|es|'s|’s)(?!\w)")


@dataclass(frozen=True)
class Compact:
    """text: the letters and digits of a piece of text, in lower case. source: the piece."""

    text: str
    source: str

    def end(self, length: int, *, plural: bool = False) -> int:
        """Where in the source the first `length` characters of `text` end. plural: with a plural's ending behind them."""
        seen = 0
        for at in range(len(self.source)):
            if seen == length:
                break
            seen += not _WEIGHTLESS.match(self.source, at)
        else:
            at = len(self.source)
        found = _PLURAL.match(self.source, at) if plural else None
        return found.end() if found else at


_STOP = re.compile(r"\.(?:(?<!\d\.)|(?!\d))")
_GONE = {code: None for code in range(128) if chr(code) != "." and _WEIGHTLESS.match(chr(code))}


def bare(text: str) -> str:
    """The letters and digits of a text, in lower case."""
    low = text.lower()
    if not low.isascii():
        return _WEIGHTLESS.sub("", low)
    return (_STOP.sub("", low) if "." in low else low).translate(_GONE)  # a fraction of the time


def compact(text: str) -> Compact:
    return Compact(bare(text), text)

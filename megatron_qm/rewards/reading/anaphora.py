"""`The former`, 后者: which is meant, of the two names that the response names before it, or else of the two of the question."""
# ruff: noqa: E501  Chinese characters count twice

import re
from collections.abc import Sequence

from megatron_qm.rewards.reading.lexicon import either, lower
from megatron_qm.rewards.reading.spans import Find

_REFERS = re.compile(rf"(?P<first>{either('the_former')})|{either('the_latter')}")
_MOST = 8  # in a response


def spelled_out(text: str, asked: str, find: Find) -> str:
    """The text with names in the place of such words, where it is clear which; what is not stays as it is."""
    low = lower(text)
    if _REFERS.search(low) is None:
        return text
    pieces, at = [], 0
    for count, match in enumerate(_REFERS.finditer(low)):
        named = _last_two(text[: match.start()], find) or _only_two(asked, find)
        if count < _MOST and named:
            pieces += [text[at : match.start()], f" {named[0 if match['first'] else 1]} "]
            at = match.end()
    return "".join([*pieces, text[at:]])


def _last_two(before: str, find: Find) -> Sequence[str]:
    """Of the last line with names in it the two, if these are two."""
    for line in reversed(before.splitlines()):
        if any(True for _ in find(line)):
            return _only_two(line, find)
    return ()


def _only_two(text: str, find: Find) -> Sequence[str]:
    names: dict[str, str] = {}
    for key, span in find(text):
        names.setdefault(key, text[span.start : span.end])
    return [*names.values()] if len(names) == 2 else ()

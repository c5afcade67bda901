"""What objects of JSON hold that is an answer: by the kinds of their keys, whatever the keys are called in detail."""

import re
from collections.abc import Iterator, Mapping

from megatron_qm.rewards.reading.headings import heading
from megatron_qm.rewards.reading.json_parts import Duplicates
from megatron_qm.rewards.reading.lexicon import either, lower, words
from megatron_qm.rewards.reading.rows import refuses

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|[_\-]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?\s?%?")
_STATUS = re.compile(rf"\b{either('status_key', 'en')}\s?\??$|{either('status_key', 'zh')}")
_ASIDE = re.compile(words("aside_key"))
_ANSWERS = re.compile(words("answering_key"))


def spaced(key: object) -> str:
    """`drugOfChoice`, `drug_of_choice` -> `drug of choice`"""
    return lower(_CAMEL.sub(" ", str(key)).strip())


def aside(key: str) -> bool:
    """Whether what stands under a key is withheld, or only spoken of."""
    return heading(f"{key}:", alone=False) is not None or _ASIDE.search(key) is not None


def answers(key: str) -> bool:
    """Whether a key says that what stands under it is the answer, though not of what kind: `final`, `recommended`."""
    return _ANSWERS.search(key) is not None and not aside(key)


def withheld(record: Mapping[str, object]) -> bool:
    """Whether a field of the record, such as its status, says that what it names is not given."""
    return any(refused(value) for key, value in record.items() if _STATUS.search(spaced(key)))


def refused(value: object) -> bool:
    return value is False or value is None or isinstance(value, str) and refuses(value)


def folded(value: Mapping[str, object]) -> dict[str, object]:
    """Keys as words, without those that are aside; of an object that gives two values to a key, none."""
    if isinstance(value, Duplicates) and value.twice or withheld(value):
        return {}
    return {key: inner for name, inner in value.items() if not aside(key := spaced(name))}


def named_by_keys(record: Mapping[str, object]) -> Iterator[str]:
    """Of {"aspirin": true, "heparin": "no"} the keys that their values do not refuse; a number says how likely one is."""
    yield from (key for key, value in record.items() if not refused(value) and not _NUMBER.fullmatch(str(value)))


def records_in(value: object) -> list[Mapping[str, object]]:
    """The objects that a field holds, alone or in a list."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, Mapping)]

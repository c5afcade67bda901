"""What a verifier reads in the metadata of an item. What is left out, or null, is empty; ValueError says what is of another
kind."""

from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

Metadata = Mapping[str, object]


class Table(dict[str, str]):
    """Texts by name that samples have in common: TypeError for whoever would change it for the others."""

    def _shared(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("other samples read this table of metadata, too: change a copy, dict(table)")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _shared

    def __reduce__(self) -> tuple[type, tuple[dict[str, str]]]:
        return Table, (dict(self),)


def word_of(metadata: Metadata, key: str, default: str) -> str:
    value = metadata.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise _not(key, value, "text")
    return value


def words_of(metadata: Metadata, key: str, default: tuple[str, ...] = ()) -> Iterable[str]:
    value = metadata.get(key)
    if value is None:
        return default
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise _not(key, value, "a list of texts")
    return value


def table_of(metadata: Metadata, key: str) -> Mapping[str, str]:
    """Texts by name."""
    table = _mapping(metadata, key, "an object of texts")
    if isinstance(table, Table) or type(table) is dict and set(map(type, table.values())) == {str}:  # as nearly all are
        return table
    if not all(isinstance(text, str) for text in table.values()):
        raise _not(key, table, "an object of texts")
    return table


def lists_of(metadata: Metadata, key: str) -> Mapping[str, Iterable[str]]:
    """Lists of texts by name."""
    return _mapping(metadata, key, "an object of lists")


def _mapping(metadata: Metadata, key: str, kind: str) -> Mapping[str, Any]:
    value = metadata.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict) and not isinstance(value, Mapping):  # the first is told at once
        raise _not(key, value, kind)
    return value


def _not(key: str, value: object, kind: str) -> ValueError:
    return ValueError(f"metadata.{key} = {value!r} is not {kind}")

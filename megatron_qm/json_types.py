"""JSON of a known kind: objects as they were read, and one reader for each kind of field.

A reader raises ValueError in words for a user, with the key and what stands there; who knows the file says which it was.
"""

import difflib
import json
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

JsonObject: TypeAlias = dict[str, object]
T = TypeVar("T")


def parse_json(text: str | bytes, pairs: Callable[[list[tuple[str, Any]]], object] | None = None) -> Any:
    """As json.loads, with one error for all that is not JSON or nested too deep to be read: ValueError. pairs: what makes a value
    of an object's keys and values."""
    try:
        return json.loads(text, object_pairs_hook=pairs)
    except RecursionError:
        raise ValueError("nested too deep to be read") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError as error:
        raise _too_long(text) or error from None


def _too_long(text: str | bytes) -> ValueError | None:
    """Where a number has more digits than Python reads: its own words say neither, and how to lift the bound for programs."""
    most = sys.get_int_max_str_digits()
    found = re.search(rf"\d{{{most + 1},}}", text if isinstance(text, str) else text.decode("utf-8", "replace"))
    line = found.string.count("\n", 0, found.start()) + 1 if found else 0
    return found and ValueError(f"line {line}: a number of {len(found[0]):,} digits, more than {most:,}; write it shorter, or as "
                                "text in quotes")


def check_names(record: Mapping[str, object], known: Sequence[str], what: str, unread: Collection[str] = ()) -> None:
    """Raises ValueError for a key that `what` does not have, with the nearest of those that it has. unread: may stand there."""
    for name in record:
        if name not in known and name not in unread:
            near = nearest(name, known)
            advice = f"did you mean {near!r}?" if near else f"known are {', '.join(known)}"
            raise ValueError(f"{name!r:.60} is no field of {what}; {advice}")


def nearest(key: str, known: Sequence[str]) -> str | None:
    """What a misspelt key was meant to be; a known one is not misspelt."""
    near = difflib.get_close_matches(key, known, n=1) if len(key) < 80 and key not in known else []
    return near[0] if near else None


def text_of(record: Mapping[str, object], key: str) -> str:
    value = _given(record, key)
    if not isinstance(value, str):
        raise _not(key, value, "text")
    return value


def flag_of(record: Mapping[str, object], key: str) -> bool:
    value = _given(record, key)
    if not isinstance(value, bool):
        raise _not(key, value, "true or false")
    return value


def whole_of(record: Mapping[str, object], key: str) -> int:
    value = _given(record, key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _not(key, value, "a whole number")
    return value


def number_of(record: Mapping[str, object], key: str) -> float:
    value = _given(record, key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _not(key, value, "a number")
    return value


def key_of(row: Mapping[str, object], unnamed: str) -> str:
    """What a row calls itself, by `key` or `id`; `unnamed` where it does not. Raises ValueError."""
    given = [name for name in ("key", "id") if name in row]
    if len(given) == 2:
        raise ValueError("has both key and id; they are two words for the same")
    key = row[given[0]] if given else unnamed
    if isinstance(key, bool) or not isinstance(key, str | int):
        raise ValueError(f"{given[0]} = {key!r:.60} is not text or a whole number")
    if not str(key).strip():
        raise ValueError(f"{given[0]} = {key!r:.60} names nothing; leave it out, or give each line one of its own")
    return str(key)


def name_of(row: Mapping[str, object], field: str, place: str = "") -> str:
    """What a row is told apart from others by; empty where the field is not there. Raises ValueError for what is no text: 3 and
    "3" would be one name."""
    value = row.get(field, "")
    if not isinstance(value, str):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        raise ValueError(f"{place or field} = {value!r:.60} is not text" + (f'; write "{value}"'[:60] if number else ""))
    return value


def object_of(record: Mapping[str, object], key: str) -> JsonObject:
    value = _given(record, key)
    if not isinstance(value, dict):
        raise _not(key, value, "an object")
    return value


def objects_of(record: Mapping[str, object], key: str) -> list[JsonObject]:
    values = list_of(record, key)
    return _all([value for value in values if isinstance(value, dict)], key, values, "objects")


def texts_of(record: Mapping[str, object], key: str) -> list[str]:
    values = list_of(record, key)
    return _all([value for value in values if isinstance(value, str)], key, values, "texts")


def numbers_of(record: Mapping[str, object], key: str) -> list[float]:
    values = list_of(record, key)
    fitting = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return _all(fitting, key, values, "numbers")


def list_of(record: Mapping[str, object], key: str) -> list[object]:
    value = _given(record, key)
    if not isinstance(value, list):
        raise _not(key, value, "a list")
    return value


def _all(fitting: list[T], key: str, values: list[object], kind: str) -> list[T]:
    if len(fitting) != len(values):
        raise _not(key, values, f"a list of {kind}")
    return fitting


def _given(record: Mapping[str, object], key: str) -> object:
    if key not in record:
        raise ValueError(f"lacks {key}")
    return record[key]


def _not(key: str, value: object, kind: str) -> ValueError:
    return ValueError(f"{key} = {value!r} is not {kind}")

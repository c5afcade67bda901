"""One JSON object of a sample, its keys taken one by one: what nobody has taken is refused, so that nothing is lost."""

import json
from collections.abc import Collection, Iterable

from megatron_qm.align.sft.conversations import UnusableError
from megatron_qm.json_types import nearest

_KINDS = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}


class Fields:
    """where: what the object is, for messages. A key whose value is null says nothing, known or not; so do those of `ignore`.

    Raises UnusableError, as all of its methods do.
    """

    def __init__(self, value: object, where: str, ignore: Collection[str] = ()) -> None:
        if not isinstance(value, dict):
            raise wrong_type(where, value, "an object")
        self.where = where
        self.ignore = ignore
        self._left = {key: each for key, each in value.items() if each is not None and key not in ignore}
        self._known: list[str] = []

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def keys(self) -> list[str]:
        """Those that are not taken yet."""
        return list(self._left)

    def place(self, key: str) -> str:
        return f"{self.where}.{key}" if self.where else key

    def take(self, key: str) -> object:
        """None where it is absent."""
        self._known.append(key)
        return self._left.pop(key, None)

    def needed(self, key: str) -> object:
        value = self.take(key)
        if value is None:
            raise UnusableError("a key is missing", f"{self.place(key)}{_beside(self._left)}")
        return value

    def text(self, key: str) -> str:
        return as_text(self.needed(key), self.place(key))

    def text_or(self, key: str, default: str) -> str:
        value = self.take(key)
        return default if value is None else as_text(value, self.place(key))

    def flag(self, key: str) -> bool | None:
        value = self.take(key)
        if value is not None and not isinstance(value, bool):
            raise wrong_type(self.place(key), value, "true or false")
        return value

    def done(self) -> None:
        """Refuses the first key that nobody has taken."""
        for key in self._left:
            near = nearest(key, self._known)
            advice = f"did you mean {near!r}?" if near else "if it carries nothing to learn, name it in the group's `ignore`"
            where = f"in {self.where}, " if self.where else ""
            raise UnusableError(f"the key {shown(key)} is not read", f"{where}beside {', '.join(self._known)}; {advice}")


def as_text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise wrong_type(place, value, "text")
    return value


def listed(value: object, place: str) -> list[object]:
    if not isinstance(value, list):
        raise wrong_type(place, value, "a list")
    return value


def in_json(value: object, place: str) -> object:
    """A value that JSON can write and read back. Raises UnusableError for infinity and what is nested too deep."""
    try:
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise UnusableError("a value that is no JSON", f"{place}: {error}") from None
    return value


def wrong_type(place: str, value: object, wanted: str) -> UnusableError:
    return UnusableError("a value of the wrong type", f"{place or 'the line'} is {_KINDS.get(type(value), 'null')}, not {wanted}")


def shown(text: str) -> str:
    """For a message: quoted, and not longer than a line."""
    return repr(text if len(text) <= 40 else f"{text[:37]}...")


def _beside(keys: Iterable[str]) -> str:
    found = ", ".join(shown(key) for key in list(keys)[:6])
    return f" (there are {found})" if found else ""

"""Fields of a config.json from anywhere: each of the kind that it must be, or a sentence that names file, key and value."""

import json
import reprlib
from dataclasses import dataclass
from typing import NoReturn

from megatron_qm.errors import UserError
from megatron_qm.json_types import JsonObject

_WIDEST = 2**63  # what is wider fits into no shape
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


@dataclass(frozen=True)
class Fields:
    """Of an object in the file `place`; prefix: the keys above it, with a dot after each."""

    record: JsonObject
    place: str
    prefix: str = ""

    def integer(self, key: str, least: int = 1) -> int:
        value = self._there(key)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value < _WIDEST:
            self.refuse(key, f"it must be a whole number from {least} to 2^63 - 1")
        return value

    def number(self, key: str) -> float:
        value = self._there(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not -_WIDEST < value < _WIDEST:
            self.refuse(key, "it must be a number")
        return float(value)

    def boolean(self, key: str) -> bool:
        value = self._there(key)
        if not isinstance(value, bool):
            self.refuse(key, "it must be true or false")
        return value

    def refuse(self, key: str, why: str) -> NoReturn:
        raise UserError(f"{self.place}: {self.prefix}{key} = {_shown(self.record.get(key))}: {why}")

    def _there(self, key: str) -> object:
        if key not in self.record:
            raise UserError(f"{self.place}: lacks {self.prefix}{key}")
        return self.record[key]


def _shown(value: object) -> str:
    """As JSON has it, and no longer than a sentence may be (a value may be ten thousand lists in each other)."""
    return json.dumps(value) if value is None or isinstance(value, bool) else _SHORT.repr(value)

"""Numbers of the command line, held to bounds as those of recipes are."""

import argparse
import typing
from dataclasses import dataclass

from megatron_qm.config.bounds import objection

_SHOWN = 60  # letters of a value that is no number


@dataclass(frozen=True)
class Number:
    """`type=` of an option. hint: what it may be, as in a config, with a bound on both sides: `Annotated[int, Ge(1), Le(9)]`."""

    hint: object

    def __call__(self, text: str) -> float:
        """Raises ArgumentTypeError, which names the value and the bound; argparse adds the option."""
        kind, *bounds = typing.get_args(self.hint)
        try:
            value: float = kind(text)
        except ValueError:
            name = "a whole number" if kind is int else "a number"
            raise argparse.ArgumentTypeError(f"{text[:_SHOWN]!r} is not {name}") from None
        said = objection(value, bounds)
        if said:
            raise argparse.ArgumentTypeError(f"{text[:_SHOWN]} {said}")
        return value

"""Libraries that only the corpus needs, imported where they are used."""

import importlib
from typing import Any

from megatron_qm.errors import UserError


def needed(name: str, extra: str = "corpus") -> Any:
    """The module. extra: of this package, that brings it. Raises UserError that says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(f"{name} is needed and cannot be imported ({error}): pip install -e '.[{extra}]'") from None

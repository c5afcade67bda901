"""Libraries of pages that are pictures or PDF, imported where they are used."""

import importlib
from typing import Any

from megatron_qm.errors import UserError


def needed(name: str) -> Any:
    """The module. Raises UserError that says how to install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(f"{name} is needed and cannot be imported ({error}): pip install 'megatron-qm[ocr]'") from None

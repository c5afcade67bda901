"""A short name for plain data, by which work that was kept is known for what it is."""

import hashlib
import json


def digest(value: object) -> str:
    """16 hex digits of what JSON can hold; the order of an object's names does not count."""
    return hashlib.blake2b(json.dumps(value, sort_keys=True).encode(), digest_size=8).hexdigest()

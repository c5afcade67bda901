"""A line of JSON from somebody else's file."""

import json

from megatron_qm.json_types import parse_json


def parse_line(line: bytes) -> object:
    """The value of a line in UTF-8, with or without a byte order mark. Raises ValueError in words for a user; half a surrogate
    pair, which JSON can write and no tokenizer reads, is refused too."""
    value: object = parse_json(line.decode("utf-8-sig"))
    if b"\\ud" in line.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(f"holds half a surrogate pair, {ascii(error.object[error.start])}: no text") from None
    return value

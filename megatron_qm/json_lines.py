"""A line of JSON from somebody else's file."""

import json


def parse_line(line: bytes) -> object:
    """The value of a line in UTF-8, with or without a byte order mark. Raises ValueError (RecursionError where it is nested
    too deep) in words for a user; half a surrogate pair, which JSON can write and no tokenizer reads, is refused too."""
    value: object = json.loads(line.decode("utf-8-sig"))
    if b"\\ud" in line.lower():
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValueError(f"holds half a surrogate pair, {ascii(error.object[error.start])}: no text") from None
    return value

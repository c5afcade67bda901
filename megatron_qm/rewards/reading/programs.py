"""The one thing that a program in a fence may state: an answer that it assigns to a variable of that name, `answer = "B"`.

What it prints or computes is not read. An answer that is assigned within a block, in other words than a string, or not at the
beginning of a line may depend on something: then the program states none.
"""

import re

_ANY = re.compile(r"\b\w*(?:answer|choice|option|答案)\w*\s*[-+|:]?=(?!=)", re.I)
_VARIABLE = r"(?:const |let |var |string )?(?:(?:final|correct|my)_?)?(?:answer|choice|option|答案)(?:: ?str)?"
_STRING = r"""(["'])(?P<said>[^"'\n]{1,200})\1;?"""
_COMMENT = r"[ \t]*(?:(?:#|//)[^\n]*)?"
_ASSIGNED = re.compile(rf"^{_VARIABLE} ?= ?{_STRING}{_COMMENT}$", re.I | re.M)


def assigned(program: str) -> str:
    """As lines of text; empty where there is none."""
    found = [match["said"] for match in _ASSIGNED.finditer(program)]
    return "".join(f"answer: {said}\n" for said in found) if len(found) == len(_ANY.findall(program)) else ""

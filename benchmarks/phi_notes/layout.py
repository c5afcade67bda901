"""How a note was typed, exported and printed: the same pieces in sloppier type. Each change holds for the whole note."""

import re
from dataclasses import replace
from random import Random

from grammar import Piece  # isort: skip  (its neighbour)


def _outside(pieces: list[Piece], pattern: str, by: str) -> list[Piece]:
    return [piece if piece.label or piece.trap else replace(piece, text=re.sub(pattern, by, piece.text)) for piece in pieces]


def _wrapped(pieces: list[Piece], width: int, after: str) -> list[Piece]:
    """Hard breaks at about `width`, where `after` matches the last character of a line: inside of values too."""
    result, column = [], 0
    for piece in pieces:
        text = ""
        for place, character in enumerate(piece.text):
            inside = not (piece.label or piece.trap) or 0 < place < len(piece.text) - 1
            if column >= width and re.match(after, character) and character != "\n" and inside:
                text += "\n" if character == " " else character + "\n"
                column = 0
            else:
                text += character
                column = 0 if character == "\n" else column + 1
        result.append(replace(piece, text=text))
    return result


def chinese(pieces: list[Piece], rng: Random) -> list[Piece]:
    pieces = _outside(pieces, "：", rng.choice(("：", "：", "：", ":", ": ", " ：", "： ")))
    if rng.random() < 0.15:
        pieces = _outside(_outside(pieces, "，", ","), "。", rng.choice((".", "。", "; ")))
    if rng.random() < 0.1:
        pieces = _outside(pieces, "[，、]", rng.choice((" ", "，")))
    if rng.random() < 0.12:
        pieces = _outside(pieces, "[ 　]+", "")
    drawn = rng.random()
    if drawn < 0.08:
        return _outside(pieces, "\n+", rng.choice((" ", "  ", "；")))
    if drawn < 0.14:
        return _wrapped(pieces, rng.randint(26, 44), r"[一-鿿，。、]")
    return _outside(pieces, "\n", "\n　　") if drawn < 0.2 else pieces


def english(pieces: list[Piece], rng: Random) -> list[Piece]:
    drawn = rng.random()
    if drawn < 0.09:
        pieces = [replace(piece, text=piece.text.upper()) for piece in pieces]
    elif drawn < 0.13:
        pieces = [replace(piece, text=piece.text.lower()) for piece in pieces]
    pieces = _outside(pieces, ": ", rng.choice((": ",) * 5 + (":", " : ", ":  ", ":\t")))
    if rng.random() < 0.1:
        pieces = _outside(pieces, r"\. (?=[A-Z])", rng.choice((".", ".  ")))
    drawn = rng.random()
    if drawn < 0.25:
        return _wrapped(pieces, rng.randint(58, 84), " ")
    return _outside(pieces, "\n+", rng.choice((" ", "  ", " / "))) if drawn < 0.3 else pieces

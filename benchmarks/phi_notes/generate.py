"""Clinical notes with labelled PHI, to measure a de-identifier by: `README.md` says what is labelled and how.

    python benchmarks/phi_notes/generate.py --language zh --notes 2000 --seed 1 --output notes.jsonl
    python benchmarks/phi_notes/generate.py --language en --terms --seed 1 --output terms.jsonl
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, TypeAlias
from zlib import crc32

from megatron_qm.errors import UserError
from megatron_qm.files import write_json_lines

import layout  # isort: skip  (neighbours of this file)
import terms  # isort: skip
from chinese import Chinese  # isort: skip
from english import English  # isort: skip
from grammar import Lines, Piece, Writer, read_sections, slots  # isort: skip

HERE = Path(__file__).parent
Row: TypeAlias = dict[str, Any]  # of JSON
TYPES = ("NAME", "ADDRESS", "HOSPITAL", "PHONE", "ID", "DATE", "MRN", "EMAIL", "PLATE", "BANK")
VOICES = {"zh": Chinese, "en": English}
LAYOUTS = {"zh": layout.chinese, "en": layout.english}


@dataclass(frozen=True)
class Language:
    code: str
    templates: dict[str, Lines]
    pools: dict[str, Lines]


@cache
def read_language(code: str) -> Language:
    """Raises UserError with the file and the section that names a slot or a pool that is not there."""
    files = {name: HERE / code / f"{name}.txt" for name in ("templates", "pools")}
    language = Language(code, read_sections(files["templates"]), read_sections(files["pools"]))
    voice = VOICES[code](Random(0), [])
    for file, sections in ((files["templates"], language.templates), (files["pools"], language.pools)):
        for section, lines in sections.items():
            for slot in (slot for line in lines for slot in slots(line)):
                if not _known(slot, voice, language.pools):
                    raise UserError(f"{file}: section {section}: there is no {{{slot}}}; name another slot or pool")
    return language


def _known(slot: str, voice: Chinese | English, pools: dict[str, Lines]) -> bool:
    if slot.startswith(("!", "+")):
        return slot[0] == "!" or slot[1:] in pools
    try:
        return bool(voice.piece(slot).text)
    except (AttributeError, KeyError, ValueError):
        return False


def notes(code: str, count: int, seed: int, half: int | None = None) -> Iterator[Row]:
    """`count` notes, no two the same; all templates come as often. half: of the templates, 1 or 2, by their names: rules that are
    mended on one are measured on the other."""
    language, rng = read_language(code), Random(f"{code} {seed}")
    names = [name for name in language.templates if half is None or crc32(name.encode()) % 2 == half - 1]
    seen = set[str]()
    while len(seen) < count:
        rng.shuffle(names)
        for name in names[:count - len(seen)]:
            pieces = write(language, name, rng)
            text = "".join(piece.text for piece in pieces)
            if text not in seen:
                seen.add(text)
                yield row(f"{code}-{seed}-{len(seen):05}", code, pieces)


def write(language: Language, section: str, rng: Random) -> list[Piece]:
    """A note of a template; the words after its name are traits of the patient."""
    voice = VOICES[language.code](rng, section.split()[1:])
    return LAYOUTS[language.code](Writer(rng, voice, language.pools).write(language.templates[section]), rng)


def row(identity: str, code: str, pieces: list[Piece]) -> Row:
    phi, traps, at = [], [], 0
    for piece in pieces:
        span = {"start": at, "end": at + len(piece.text)}
        if piece.label:
            phi.append({**span, "type": piece.label})
        elif piece.trap:
            traps.append({**span, "kind": piece.trap})
        at += len(piece.text)
    return {"id": identity, "text": "".join(piece.text for piece in pieces), "language": code, "phi": phi, "traps": traps}


def distribution(rows: list[Row]) -> Counter[str]:
    return Counter(span["type"] for row in rows for span in row["phi"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--language", choices=sorted(VOICES), required=True)
    parser.add_argument("--notes", type=int, default=2000, help="how many notes")
    parser.add_argument("--terms", action="store_true", help="sentences with drug and disease names instead, none of them PHI")
    parser.add_argument("--half", type=int, choices=(1, 2), help="of the templates only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    if options.notes < 1:
        parser.error(f"--notes {options.notes}: give a number above 0")
    try:
        rows = list(terms.rows(options.language, options.seed) if options.terms else
                    notes(options.language, options.notes, options.seed, options.half))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    write_json_lines(options.output, rows)
    found = distribution(rows)
    print(f"{len(rows):,} rows; " + ", ".join(f"{kind} {found[kind]:,}" for kind in TYPES))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Triples of RDF. Things are called by rdfs:label and skos:prefLabel, in each language in which all parts have a name."""

import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from data_tools.corpus.extra import needed
from data_tools.corpus.verbalising.triples import LANGUAGES, has_han
from megatron_qm.json_types import JsonObject

# What these say of a thing is what it is called and where it belongs in a vocabulary, and no fact for a sentence.
_STRUCTURE = (
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "http://www.w3.org/2000/01/rdf-schema#",
    "http://www.w3.org/2002/07/owl#",
    "http://www.w3.org/2004/02/skos/core#",
    "http://purl.org/dc/",
)
_LABELS = ("http://www.w3.org/2004/02/skos/core#prefLabel", "http://www.w3.org/2000/01/rdf-schema#label")  # the first one first
_LARGEST = 512 << 20  # bytes: a graph is held in memory, and takes some ten times its file
_OUTER_ENTITY = re.compile(rb"<!(?:ENTITY|DOCTYPE)[^>]*?\b(?:SYSTEM|PUBLIC)\b", re.S)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

Row = tuple[int, JsonObject | str]


def read_rdf(path: Path, form: str, known: Callable[[str], bool]) -> Iterator[Row]:
    """(line, row or reason); line 0 for a statement: a graph does not know where it stood."""
    size = path.stat().st_size
    if size > _LARGEST:
        yield 0, f"has {size:,} bytes, and a graph of at most {_LARGEST:,} is read: cut it, or write it as JSON lines"
        return
    graph, faults = _graph(path, form)
    yield from faults
    labels = _labels(graph)
    for subject, predicate, value in sorted(graph):
        if not str(predicate).startswith(_STRUCTURE):
            yield from ((0, row) for row in _rows(labels, (subject, predicate, value), known))


def _graph(path: Path, form: str) -> tuple[Any, list[Row]]:
    """What could be read of the file, and what not."""
    rdflib = needed("rdflib")
    logging.getLogger("rdflib").setLevel(logging.ERROR)  # it warns of values that are no numbers and dates: they are text here
    data = path.read_bytes()
    if form == "nt":
        return _graph_of_lines(rdflib, data)
    graph = rdflib.Graph()
    if form == "xml" and _OUTER_ENTITY.search(data[: 1 << 20]):
        return graph, [(0, "its DOCTYPE names other files, which are not read")]
    error = _parsed(graph, data, form)
    return (graph, []) if error is None else (rdflib.Graph(), [(_line_of(error), _said(form, error))])


def _graph_of_lines(rdflib: Any, data: bytes) -> tuple[Any, list[Row]]:
    """N-Triples: a bad line is left out, and no other."""
    graph, faults = rdflib.Graph(), list[Row]()
    for number, line in enumerate(data.split(b"\n"), 1):
        if line.strip():
            one = rdflib.Graph()
            if (error := _parsed(one, line + b"\n", "nt")) is not None:
                faults.append((number, _said("N-Triples", error)))
            else:
                graph += one
    return graph, faults


def _parsed(graph: Any, data: bytes, form: str) -> Exception | None:
    """Why the data could not be read into the graph."""
    try:
        graph.parse(data=data, format=form, publicID="http://localhost/")
    except Exception as error:  # noqa: BLE001  rdflib raises Exception itself for a code point that is none, and many other kinds
        return error
    return None


def _said(form: str, error: Exception) -> str:
    return f"no {form}: {' '.join(str(error).split())[:200]}"


def _line_of(error: Exception) -> int:
    lines = getattr(error, "lines", None)
    if isinstance(lines, int):
        return lines + 1
    get = getattr(error, "getLineNumber", None)
    return int(get() or 0) if get else 0


Labels = dict[Any, dict[str, str]]


def _labels(graph: Any) -> Labels:
    """{thing: {language, or "" for none: name}}; of several the first in the order of the alphabet."""
    rdflib = needed("rdflib")
    found: Labels = {}
    for label in _LABELS:
        for thing, name in sorted(graph.subject_objects(rdflib.URIRef(label))):
            found.setdefault(thing, {}).setdefault(_language(name), str(name))
    return found


def _language(literal: Any) -> str:
    return str(getattr(literal, "language", None) or "").partition("-")[0].lower()


def _rows(labels: Labels, statement: tuple[Any, Any, Any], known: Callable[[str], bool]) -> Iterator[JsonObject | str]:
    subject, predicate, value = statement
    rows: list[JsonObject] = [
        {"subject": names[0], "predicate": _relation(labels, predicate, known), "object": names[1], "language": language}
        for language in LANGUAGES
        if (names := [name for part in (subject, value) if (name := _name(labels, part, language))])[1:]
    ]
    if rows:
        yield from rows
    else:
        shown = " ".join(map(_shown, statement))
        yield f"subject and object have no name in one language ({' or '.join(LANGUAGES)}): {shown[:200]}"


def _shown(part: Any) -> str:
    """As N-Triples have it; also an address with a space or a brace, of which rdflib makes an error instead."""
    return f"<{part}>" if isinstance(part, needed("rdflib").URIRef) else str(part.n3())


def _name(labels: Labels, part: Any, language: str) -> str | None:
    """Of a thing its label, of a literal its text; what has no language is in that of its script."""
    is_literal = hasattr(part, "datatype")
    names = {_language(part): str(part)} if is_literal else labels.get(part, {})
    plain = names.get("", "")
    fits = has_han(plain) == (language == "zh") or is_literal and not has_han(plain)  # codes and numbers fit any language
    return names.get(language) or (plain if plain and fits else None)


def _relation(labels: Labels, predicate: Any, known: Callable[[str], bool]) -> str:
    """Of its names the first for which there is a template."""
    local = re.split(r"[#/:]", str(predicate))[-1]
    names = [*labels.get(predicate, {}).values(), local, _CAMEL.sub("_", local).lower()]
    return next((name for name in names if known(name)), names[-1])

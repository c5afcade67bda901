"""Inserts of one generic name from many makers as one document: the same statements once, and what makers say differently as
conflicts with their sources.

An insert is {generic_name, maker, sections: {heading: text}[, language, source, licence, id]}. Two statements differ where they
are the same but for their numbers, in any section. Where leaving something out is a danger, a statement that some makers
make and others, who have that section, do not is a conflict, too.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from data_tools.corpus.verbalising.english import capital
from megatron_qm.json_types import JsonObject, check_names, object_of, text_of

_KEYS = ("generic_name", "maker", "sections", "language", "source", "licence", "id", "brand_name")
# Sections in the order of the document: its headings in Chinese and English, what files call it, and whether silence matters.
_SECTIONS: tuple[tuple[str, str, tuple[str, ...], bool], ...] = (
    ("成份", "Composition", ("成分", "主要成份", "主要成分", "ingredients", "active ingredient"), False),
    ("性状", "Description", ("appearance",), False),
    ("适应症", "Indications", ("适应证", "功能主治", "indication", "indications and usage"), False),
    ("规格", "Strength", ("strengths", "how supplied"), False),
    ("用法用量", "Dosage and administration", ("用法", "用量", "dosage", "dose"), True),
    ("不良反应", "Adverse reactions", ("副作用", "side effects", "adverse effects"), False),
    ("禁忌", "Contraindications", ("禁忌症", "禁忌证", "contraindication"), True),
    ("注意事项", "Precautions", ("warnings", "warnings and precautions", "警告", "precaution"), True),
    ("孕妇及哺乳期妇女用药", "Pregnancy and lactation", ("pregnancy",), True),
    ("儿童用药", "Paediatric use", ("pediatric use",), True),
    ("老年用药", "Geriatric use", ("老年患者用药",), True),
    ("药物相互作用", "Drug interactions", ("相互作用", "interactions"), True),
    ("药物过量", "Overdosage", ("overdose",), True),
    ("药理毒理", "Pharmacology", ("药理作用", "clinical pharmacology", "mechanism of action"), False),
    ("药代动力学", "Pharmacokinetics", (), False),
    ("贮藏", "Storage", ("储藏", "storage and handling"), False),
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_ENDS = {"zh": re.compile(r"[。；\n]+"), "en": re.compile(r"(?<=\.)\s+(?=[A-Z0-9•-])|;\s+|\n+")}
_LEADING = re.compile(r"^(?:[(（]?\d{1,2}[)）]|\d{1,2}[.．、](?!\d)|[•·*-])\s*")
_CLOSING = " .。；;"


class Insert(NamedTuple):
    generic: str
    maker: str
    language: str
    sections: Mapping[str, str]
    source: str
    licence: str
    place: str  # file:line


@dataclass
class Statement:
    """texts: {the text: makers who write it so}; several texts differ in their numbers alone."""

    texts: dict[str, list[str]] = field(default_factory=dict)


def insert_of(row: Mapping[str, object], place: str) -> Insert:
    """Raises ValueError in words for a user."""
    check_names(row, _KEYS, "an insert")
    sections = object_of(row, "sections")
    texts = {name: text_of(sections, name) for name in sections}
    if not any(text.strip() for text in texts.values()):
        raise ValueError("sections: no text stands in them")
    generic, maker = (text_of(row, key).strip() for key in ("generic_name", "maker"))
    if not generic or not maker:
        raise ValueError("generic_name and maker may not be empty")
    han = any("\u4e00" <= one <= "\u9fff" for text in texts.values() for one in text)
    said = {key: text_of(row, key) for key in ("language", "source", "licence") if row.get(key) is not None}
    language = said.get("language", "zh" if han else "en")
    if language not in _ENDS:
        raise ValueError(f"language = {language!r:.60} is not one of {', '.join(_ENDS)}")
    return Insert(generic, maker, language, texts, said.get("source", ""), said.get("licence", ""), place)


def merged(inserts: Iterable[Insert]) -> Iterator[JsonObject]:
    """A document for each generic name and language, in the order in which they came."""
    groups: dict[tuple[str, str], list[Insert]] = {}
    for insert in inserts:
        groups.setdefault((_folded(insert.generic), insert.language), []).append(insert)
    for group in groups.values():
        yield _document(group)


def _document(inserts: Sequence[Insert]) -> JsonObject:
    first = inserts[0]
    names = _distinct([insert.maker for insert in inserts])
    by_section: dict[str, dict[str, list[str]]] = {}
    for insert, name in zip(inserts, names, strict=True):
        for heading, text in insert.sections.items():
            if text.strip():
                by_section.setdefault(_section(heading, first.language), {}).setdefault(name, []).append(text)
    order = [_heading(section, first.language) for section in _SECTIONS]
    headings = sorted(by_section, key=lambda name: order.index(name) if name in order else len(order))
    parts, conflicts = [first.generic], list[JsonObject]()
    for heading in headings:
        lines, found = _merge_section(heading, by_section[heading], first.language)
        parts.append(f"【{heading}】\n" + "\n".join(lines) if first.language == "zh" else f"{heading}\n" + "\n".join(lines))
        conflicts += found
    places = {name: insert.place for insert, name in zip(inserts, names, strict=True)}
    return {
        "id": f"insert:{first.language}:{_folded(first.generic)}",
        "kind": "material",
        "type": "insert",
        "language": first.language,
        "source": _one_of([insert.source for insert in inserts]),
        "licence": _one_of([insert.licence for insert in inserts]),
        "makers": places,
        "conflicts": [_with_places(one, places) for one in conflicts],
        "text": "\n\n".join(parts),
    }


def _merge_section(heading: str, texts: Mapping[str, Sequence[str]], language: str) -> tuple[list[str], list[JsonObject]]:
    """texts: by maker. Lines of the section, and its conflicts."""
    statements = _statements(texts, language)
    silence = heading in {_heading(section, language) for section in _SECTIONS if section[3]}
    lines, conflicts = [], list[JsonObject]()
    for statement in statements:
        said_by = [maker for makers in statement.texts.values() for maker in makers]
        values = [{"text": text, "makers": makers} for text, makers in statement.texts.items()]
        if len(statement.texts) > 1:
            conflicts.append({"section": heading, "what": "numbers differ", "values": values})
        silent = [maker for maker in texts if maker not in said_by]
        if silent and silence:
            conflicts.append({"section": heading, "what": "not said by all", "values": values, "silent": silent})
        lines += _lines(statement, silent if silence else [], language)
    return lines, conflicts


def _statements(texts: Mapping[str, Sequence[str]], language: str) -> list[Statement]:
    """The same but for numbers are one, unless a maker has several such: two doses of one maker do not differ, they are two."""
    makers: dict[str, dict[str, list[str]]] = {}  # of each statement, by those that differ in numbers only
    written: dict[str, str] = {}  # the first spelling
    for maker, several in texts.items():
        for text in (one for whole in several for one in _sentences(whole, language)):
            key = _folded(text)
            said_by = makers.setdefault(_NUMBER.sub("#", key), {}).setdefault(key, [])
            written.setdefault(key, text)
            if maker not in said_by:
                said_by.append(maker)
    found = []
    for alike in makers.values():
        once = [maker for said_by in alike.values() for maker in said_by]
        groups = [alike] if len(set(once)) == len(once) else [{key: said_by} for key, said_by in alike.items()]
        found += [Statement({written[key]: said_by for key, said_by in group.items()}) for group in groups]
    return found


def _lines(statement: Statement, silent: Sequence[str], language: str) -> list[str]:
    """The statement; with makers where they differ, or where some say nothing."""
    stop = "。" if language == "zh" else "."
    told = [(capital(text) if language == "en" else text, makers) for text, makers in statement.texts.items()]
    told = [(text if text.endswith(("。", ".", "！", "!", "？", "?")) else text + stop, makers) for text, makers in told]
    if len(told) == 1 and not silent:
        return [told[0][0]]
    if language == "zh":
        return [f"{text}（{'、'.join(makers)}）" for text, makers in told]
    return [f"{text} ({', '.join(makers)})" for text, makers in told]


def _sentences(text: str, language: str) -> Iterator[str]:
    for part in _ENDS[language].split(text):
        sentence = " ".join(_LEADING.sub("", part.strip()).split()).strip(_CLOSING)
        if sentence:
            yield sentence


def _folded(text: str) -> str:
    """What is the same statement: widths, capitals and spaces do not matter, and no punctuation but what stands in numbers."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = re.sub(r"(?<!\d)[.,]|[.,](?!\d)|[、;:!?\"'()\[\]“”‘’]", " ", plain.replace("，", " ").replace("。", " "))
    return re.sub(r"\s+", " " if plain.isascii() else "", plain.strip())


def _section(name: str, language: str) -> str:
    plain = _folded(name.strip("【】[] "))
    for section in _SECTIONS:
        if plain in map(_folded, (section[0], section[1], *section[2])):
            return _heading(section, language)
    return name.strip("【】[] ")


def _heading(section: tuple[str, str, tuple[str, ...], bool], language: str) -> str:
    return section[0] if language == "zh" else section[1]


def _distinct(names: Sequence[str]) -> list[str]:
    """A maker with two inserts is told apart by number."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return found


def _with_places(conflict: JsonObject, places: Mapping[str, str]) -> JsonObject:
    values = conflict["values"]
    assert isinstance(values, list)
    told = [{**value, "sources": [places[maker] for maker in value["makers"]]} for value in values]
    silent = conflict.get("silent", [])
    assert isinstance(silent, list)
    return {**conflict, "values": told, "silent": [{"maker": maker, "source": places[maker]} for maker in silent]}


def _one_of(values: Sequence[str]) -> str:
    return "; ".join(dict.fromkeys(filter(None, values)))

"""What deidentify replaced, as a section of the page of a corpus."""

from collections.abc import Mapping
from typing import Any

from megatron_qm.observe.page.table import Row, Share, table

_LANGUAGES = 4  # that have a column
_NONE = "None here: `deidentify.py --samples {}` on the sources writes up to 200, with their original values."
_GUARD = "They lie in {}, with the original values: guard it as you guard the sources."


def phi_section(phi: Mapping[str, Any] | None) -> str:
    """phi: of report.json."""
    if phi is None:
        return ""
    by_language = {language or "not said": of for language, of in phi["by language"].items()}
    tables = [_languages(by_language), _types(by_language), _places(phi["samples"])]
    return f'<section class="tables"><h2>Identifiers that were replaced</h2>{"".join(tables)}</section>'


def _languages(by_language: Mapping[str, Mapping[str, Any]]) -> str:
    rows: list[Row] = []
    for language, of in {"all": _all(by_language), **by_language}.items():
        values = sum(of["values"].values())
        share = of["touched"] / of["documents"] if of["documents"] else None
        text = "< 0.1%" if share is not None and 0 < share < 0.0005 else None
        rows.append([language, f"{of['documents']:,}", f"{of['touched']:,}", Share(share, text), f"{values:,}",
                     _per_thousand(values, of["documents"])])
    titles = ("", "documents", "touched", "share", "values", "per 1,000")
    return table("By language", titles, rows, len(rows), note="Of the documents that are left; values per 1,000 of them.")


def _types(by_language: Mapping[str, Mapping[str, Any]]) -> str:
    """A row for each type; beside all, the languages with the most values."""
    whole = _all(by_language)
    most = sorted(by_language, key=lambda language: -sum(by_language[language]["values"].values()))
    shown = [language for language in most if by_language[language]["values"]][:_LANGUAGES]
    rows: list[Row] = [
        [kind, f"{count:,}", _per_thousand(count, whole["documents"]),
         *(_per_thousand(by_language[language]["values"].get(kind, 0), by_language[language]["documents"]) for language in shown)]
        for kind, count in sorted(whole["values"].items(), key=lambda item: (-item[1], item[0]))
    ]  # fmt: skip
    note = f"Values, and values per 1,000 documents: of all{', and of each language' if shown else ''}."
    return table("By type", ("type", "values", "all", *shown), rows, len(rows), note=note)


def _places(samples: Mapping[str, Any]) -> str:
    found, file = samples["places"], samples["file"]
    rows: list[Row] = [[kind, f"{count:,}"] for kind, count in found.items()] or [["none", "0"]]
    return table("Places to read", ("type", "places"), rows, len(rows), note=(_GUARD if found else _NONE).format(file))


def _all(by_language: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    values: dict[str, int] = {}
    for of in by_language.values():
        for kind, count in of["values"].items():
            values[kind] = values.get(kind, 0) + count
    sums = {name: sum(of[name] for of in by_language.values()) for name in ("documents", "touched")}
    return {**sums, "values": values}


def _per_thousand(count: int, documents: int) -> str:
    value = 1000 * count / documents if documents else 0.0
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

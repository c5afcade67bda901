"""The round trip of triples over all relations: nasty values to documents and back, and what a spoilt document comes to.

    python benchmarks/verbalise.py [--documents 600] [--output benchmarks/results/verbalise.json]

Values are drawn with commas, conjunctions, brackets, numbers, units, quotes, full stops inside, and whole sentences of other
relations. A document that was dropped counts as if none of its facts were found. Each that was kept is then spoilt in one of four
ways, and read again: what is still taken for right is a fault of the check.
"""

import argparse
import os
import platform
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from data_tools.corpus.verbalising.english import article, capital, is_plural
from data_tools.corpus.verbalising.phrases import parts_of, wording
from data_tools.corpus.verbalising.reader import Fact, same
from data_tools.corpus.verbalising.templates import Relation, Templates, read_templates
from data_tools.corpus.verbalising.triples import LANGUAGES, value_of
from data_tools.corpus.verbalising.writing import Writer
from megatron_qm.files import write_json
from megatron_qm.observe.environment import cpu_name

PLAIN = {
    "en": [
        "fever",
        "asthma",
        "gallstones",
        "type 2 diabetes",
        "metformin",
        "Crohn's disease",
        "seizures",
        "mRNA",
        "pH",
        "head and neck cancer",
        "nausea and vomiting",
        "hepatitis B or C",
        "cough",
        "E. coli",
        "S. aureus (MRSA)",
        "children",
        "St. John's wort",
        "an allergy",
        "NSAIDs",
        "beta blocker",
        "the elderly",
        "X-ray",
        "ibuprofen",
        "vitamin B12",
    ],
    "zh": [
        "发热",
        "哮喘",
        "2型糖尿病",
        "二甲双胍",
        "头颈部",
        "恶心和呕吐",
        "饱和脂肪",
        "缓和医疗",
        "咳嗽",
        "乙型或丙型肝炎",
        "手、足、口病",
        "金黄色葡萄球菌(MRSA)",
        "儿童",
        "维生素B12",
        "布洛芬",
        "和解少阳",
        "中药及西药",
        "与药物有关",
        "X线",
        "老年人",
    ],
}
_NASTY: dict[str, list[Callable[[str, str, random.Random], str]]] = {
    "en": [
        lambda a, b, _: f"{a}, {b}",
        lambda a, b, _: f"{a} and {b}",
        lambda a, b, _: f"{a}, and {b}",
        lambda a, b, _: f"{a} or {b}",
        lambda a, b, _: f"{a} ({b})",
        lambda a, b, _: f"{a}; {b}",
        lambda a, b, _: f"“{a}” {b}",
        lambda a, b, _: f"“{a}”",
        lambda a, b, _: f"«{a}» and “{b}”",
        lambda a, b, _: f"{a} (frequency: {b})",
        lambda a, b, _: f'"{a}"',
        lambda a, b, d: f"{d.randint(1, 999)}.5 mg/kg {a}, max. {d.randint(1, 9)},000 mg",
        lambda a, b, _: f"Among {a}, {b}",
        lambda a, b, d: f"{a} < {d.randint(1, 50)} mmol/L [{b}]",
        lambda a, b, _: f"{a}: {b}",
        lambda a, b, _: f"{a}. The {b}",
        lambda a, b, _: f"not {a}",
        lambda a, b, _: f"{a} is not {b}",
        lambda a, b, _: f"{a} e.g. {b}",
        lambda a, b, _: f"in {a}, {b}",
    ],
    "zh": [
        lambda a, b, _: f"{a}，{b}",
        lambda a, b, _: f"{a}和{b}",
        lambda a, b, _: f"{a}、{b}",
        lambda a, b, _: f"{a}或{b}",
        lambda a, b, _: f"{a}（{b}）",
        lambda a, b, _: f"{a}；{b}",
        lambda a, b, _: f"“{a}”{b}",
        lambda a, b, _: f"“{a}”",
        lambda a, b, _: f"『{a}』和“{b}”",
        lambda a, b, _: f"{a}（频率：{b}）",
        lambda a, b, _: f"{a}以及{b}",
        lambda a, b, d: f"{a}一次{d.randint(1, 999)}mg，一日{d.randint(1, 9)}次",
        lambda a, b, _: f"在{a}中，{b}",
        lambda a, b, d: f"{a}＜{d.randint(1, 50)}mmol/L[{b}]",
        lambda a, b, _: f"{a}：{b}",
        lambda a, b, _: f"{a}。{b}",
        lambda a, b, _: f"不是{a}",
        lambda a, b, _: f"{a}不是{b}",
        lambda a, b, _: f"{a}与{b}",
        lambda a, b, _: f"{a}的症状是{b}",
    ],
}
_NAMED = {
    "en": {"population": "children", "guideline": "the 2020 guideline", "frequency": "10%"},
    "zh": {"population": "儿童", "guideline": "2020年指南", "频率": "10%"},
}


def value(language: str, templates: Templates, draw: random.Random) -> str:
    """A third of them plain, the others nasty; one in eight is a whole sentence of some relation."""
    first, second = draw.sample(PLAIN[language], 2)
    if draw.random() < 1 / 3:
        return first
    if draw.random() < 1 / 5:
        relation = draw.choice(templates.relations)
        phrases = relation.phrases(language)
        phrase = draw.choice([*phrases.says, *phrases.denies])
        return value_of(single(phrase, first, second, language).rstrip(".。"), "value")
    return value_of(draw.choice(_NASTY[language])(first, second, draw), "value")


def single(phrase: str, subject: str, value: str, language: str) -> str:
    """One plain sentence."""
    english = language == "en"
    words, slots = wording(
        parts_of(phrase), {"count": False, "o": english and is_plural(value), "s": english and is_plural(subject)}
    )
    values = [subject if slot == "s" else (article(value) if slot.startswith("a ") and english else "") + value for slot in slots]
    text = words[0] + values[0] + words[1] + values[1] + words[2]
    return capital(text) if english else text


def document_facts(language: str, templates: Templates, relations: Sequence[Relation], draw: random.Random) -> list[Fact]:
    """Of one subject: a few relations with one to six objects, some negated, some with qualifiers."""
    subject = value(language, templates, draw)
    found: dict[Fact, None] = {}
    for relation in relations:
        negated = draw.random() < 0.3
        names = draw.sample(sorted(_NAMED[language]), draw.randint(1, 2)) if draw.random() < 0.3 else []
        qualifiers = tuple(
            sorted((name, draw.choice([_NAMED[language][name], value(language, templates, draw)])) for name in names)
        )
        for _ in range(draw.randint(1, 6)):
            fact = Fact(subject, relation.name, value(language, templates, draw), negated, qualifiers)
            if fact._replace(negated=not negated) not in found:
                found[fact] = None
    return list(found)


def all_facts(language: str, templates: Templates, documents: int, draw: random.Random) -> Iterator[list[Fact]]:
    """Each relation as often as any other."""
    waiting: list[Relation] = []
    for _ in range(documents):
        if len(waiting) < 4:
            waiting += draw.sample(templates.relations, len(templates.relations))
        chosen, waiting = waiting[:4], waiting[4:]
        yield document_facts(language, templates, list({one.name: one for one in chosen}.values()), draw)


def spoilt(text: str, facts: Sequence[Fact], language: str, draw: random.Random) -> tuple[str, str] | None:
    """(how, the text with one thing wrong); None where that cannot be done to this one."""
    how = draw.choice(["other value", "sentence gone", "sentence twice", "sentence more"])
    space, stop = ("", "。") if language == "zh" else (" ", ". ")
    if how == "other value":
        old = draw.choice(facts).object
        return (how, text.replace(old, "佝偻病" if language == "zh" else "rickets", 1)) if old in text else None
    if how == "sentence more":
        more = "本病的症状包括不存在的东西。" if language == "zh" else "It was a fine day in spring."
        return how, text + space + more
    place = text.find(stop)
    if place < 0:
        return None
    first, rest = text[: place + 1], text[place + len(stop) :]
    return (how, rest) if how == "sentence gone" else (how, first + space + text)


def measured(language: str, templates: Templates, documents: int, seed: int) -> dict[str, Any]:
    writer, draw = Writer(templates), random.Random(f"{seed}/{language}")
    asked, found, forms, faults, spoils = Counter[str](), Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    kept = first = beside = size = 0
    seconds = 0.0
    for facts in all_facts(language, templates, documents, draw):
        names = [f"{fact.relation}{' not' if fact.negated else ''}" for fact in facts]
        asked.update(names)
        began = time.process_time()
        written = writer.document(facts, language, draw)
        seconds += time.process_time() - began
        forms.update(written.forms)
        first += written.first
        if written.text is None:
            continue
        kept, size = kept + 1, size + len(written.text.encode())
        read = writer.readers[language].document(written.text) or []
        found.update(name for name, fact in zip(names, facts, strict=True) if any(same([fact], [one]) for one in read))
        beside += sum(not any(same([one], [fact]) for fact in facts) for one in read)
        changed = spoilt(written.text, facts, language, draw)
        if changed and changed[1] != written.text:
            spoils[changed[0]] += 1
            again = writer.readers[language].document(changed[1])
            faults[changed[0]] += again is not None and same(again, facts)
    total, sentences = sum(asked.values()), sum(forms.values())
    worst = min(asked, key=lambda name: found[name] / asked[name])
    return {
        "documents": documents,
        "kept": kept,
        "triples": total,
        "found": sum(found.values()),
        "share": round(sum(found.values()) / total, 5),
        "beside": beside,
        "relations": len({name.removesuffix(" not") for name in asked}),
        "negated": {
            "triples": sum(n for name, n in asked.items() if name.endswith(" not")),
            "found": sum(n for name, n in found.items() if name.endswith(" not")),
        },
        "worst relation": {"name": worst, "share": round(found[worst] / asked[worst], 4)},
        "sentences": {"all": sentences, "at the first draw": round(first / sentences, 3), "by form": dict(forms)},
        "spoilt documents taken for right": {how: [faults[how], count] for how, count in spoils.items()},
        "documents a second": round(documents / seconds),
        "kB of text a second": round(size / seconds / 1000),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=600, help="of each language (%(default)s)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/verbalise.json"))
    args = parser.parse_args()
    templates = read_templates()
    write_json(
        args.output,
        {
            "date": date.today().isoformat(),
            "command": f"python benchmarks/verbalise.py {' '.join(sys.argv[1:])}".strip(),
            "python": platform.python_version(),
            "hardware": {"cpu": cpu_name(), "cores": os.cpu_count(), "used": 1},
            "timer": "CPU time of the process, writing and reading back",
            "results": {language: measured(language, templates, args.documents, args.seed) for language in LANGUAGES},
        },
    )


if __name__ == "__main__":
    main()

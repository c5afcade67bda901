"""presidio-analyzer and jionlp on the notes that phi.py measures, run in an environment of their own:

    python3 -m venv OTHERS && OTHERS/bin/pip install presidio-analyzer==2.2.366 jionlp==1.5.31 jieba
    OTHERS/bin/python benchmarks/phi_others.py --zh notes-zh.jsonl --en notes-en.jsonl [--most 300] [--output FILE]

Recall and precision by type, where a span of the type overlaps, and MB/s of CPU time. presidio gets a blank pipeline of spaCy,
as the models that it downloads are not to be had everywhere: its names and places, which a model finds, are missing then, and
what is left are its patterns. jionlp gives phones, numbers and mail; jieba's words marked `nr` are the names.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from itertools import islice
from pathlib import Path

Span = tuple[int, int, str]
# Their types, by ours. What is missing here (URL, IP_ADDRESS, NRP, CRYPTO) has none of ours.
PRESIDIO = {
    "PERSON": "NAME", "LOCATION": "ADDRESS", "ORGANIZATION": "HOSPITAL", "PHONE_NUMBER": "PHONE", "EMAIL_ADDRESS": "EMAIL",
    "DATE_TIME": "DATE", "CREDIT_CARD": "BANK", "IBAN_CODE": "BANK", "US_BANK_NUMBER": "BANK", "US_SSN": "ID",
    "US_PASSPORT": "ID", "US_DRIVER_LICENSE": "ID", "US_ITIN": "ID", "UK_NHS": "ID", "UK_NINO": "ID",
    "US_MBI": "ID", "MEDICAL_LICENSE": "ID",
    "US_NPI": "ID", "UK_PASSPORT": "ID", "UK_POSTCODE": "ADDRESS", "UK_VEHICLE_REGISTRATION": "PLATE",
}  # fmt: skip
TYPES = ("NAME", "ID", "PHONE", "DATE", "MRN", "EMAIL", "PLATE", "BANK", "ADDRESS", "HOSPITAL")


def presidio() -> Callable[[str], list[Span]]:
    import spacy
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    path = Path(tempfile.mkdtemp()) / "blank"  # presidio loads models from folders only
    spacy.blank("en").to_disk(path)
    engine = NlpEngineProvider(nlp_configuration={
        "nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": str(path)}]}).create_engine()  # fmt: skip
    analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])

    def find(text: str) -> list[Span]:
        found = analyzer.analyze(text=text, language="en")
        return [(item.start, item.end, PRESIDIO[item.entity_type]) for item in found if item.entity_type in PRESIDIO]

    return find


def jionlp() -> Callable[[str], list[Span]]:
    import jieba.posseg
    import jionlp as jio

    extract = {"PHONE": jio.extract_phone_number, "EMAIL": jio.extract_email, "ID": jio.extract_id_card,
               "PLATE": jio.extract_motor_vehicle_licence_plate}  # fmt: skip

    def find(text: str) -> list[Span]:
        found = [(*item["offset"], kind) for kind, take in extract.items() for item in take(text, detail=True)]
        place = 0
        for word in jieba.posseg.cut(text):
            if word.flag.startswith("nr"):
                found.append((place, place + len(word.word), "NAME"))
            place += len(word.word)
        return found

    return find


def measured(find: Callable[[str], list[Span]], path: Path, most: int) -> dict[str, object]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    size, seconds = 0, 0.0
    find("a first call reads the lists")
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in islice(file, most)]
    for row in rows:
        gold = [(item["start"], item["end"], item["type"]) for item in row["phi"]]
        began = time.process_time()
        found = find(row["text"])
        seconds += time.process_time() - began
        size += len(row["text"].encode())
        for what, spans, others in (("recall", gold, found), ("precision", found, gold)):
            for start, end, kind in spans:
                counts[kind][f"{what} of"] += 1
                counts[kind][what] += any(k == kind and s < end and start < e for s, e, k in others)
    return {"notes": len(rows), "MB/s": round(size / 1e6 / seconds, 3), "by_type": {kind: _rates(counts[kind]) for kind in TYPES}}


def _rates(count: Counter[str]) -> dict[str, object]:
    return {what: {"hits": count[what], "of": of, "share": round(count[what] / of, 4) if of else None}
            for what in ("recall", "precision") for of in (count[f"{what} of"],)}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zh", type=Path, help="JSON lines with `text` and `phi`")
    parser.add_argument("--en", type=Path)
    parser.add_argument("--most", type=int, default=300, help="notes of each (%(default)s)")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "phi-others.json")
    args = parser.parse_args()
    result: dict[str, object] = {
        "benchmark": "phi-others", "date": date.today().isoformat(), "mapping": PRESIDIO,
        "versions": {name: version(name) for name in ("presidio-analyzer", "spacy", "jionlp", "jieba")},
    }  # fmt: skip
    if args.en:
        result["presidio"] = measured(presidio(), args.en, args.most)
    if args.zh:
        result["jionlp"] = measured(jionlp(), args.zh, args.most)
    args.output.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    json.dump(result, sys.stdout, ensure_ascii=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())

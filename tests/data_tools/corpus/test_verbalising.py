"""Triples to sentences and back: every shipped wording, nasty values, files with bad rows, and a model that lies."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.verbalise import all_facts, spoilt
from data_tools.corpus.verbalising import model as asking
from data_tools.corpus.verbalising.english import article, capital, is_plural
from data_tools.corpus.verbalising.phrases import OBJECTS, Part, parts_of, wording
from data_tools.corpus.verbalising.reader import Fact, Reader, same
from data_tools.corpus.verbalising.templates import Templates, read_templates
from data_tools.corpus.verbalising.values import listed
from data_tools.corpus.verbalising.writing import Writer
from data_tools.verbalise import main
from megatron_qm.errors import UserError

VALUES = {"en": ("zeta disease", ["alpha", "beta", "gamma"]), "zh": ("某某病", ["甲物", "乙物", "丙物"])}


@pytest.fixture(scope="module")
def templates() -> Templates:
    return read_templates()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_wording_is_read_as_its_own_relation(templates: Templates, language: str) -> None:
    """Filled in by hand, with one value and with three: no two relations share a wording."""
    reader = Reader(templates, language)
    subject, names = VALUES[language]
    for relation in templates.relations:
        phrases = relation.phrases(language)
        for negated, phrasings in phrases.parts.items():
            for parts in phrasings:
                for objects in (names[:1], names) if relation.lists else (names[:1],):
                    text = sentence(parts, subject, objects, language)
                    read = reader.document(text)
                    assert read is not None and same(read, [Fact(subject, relation.name, one, negated, ()) for one in objects]), (
                        text
                    )


def test_relations_and_wordings_that_ship(templates: Templates) -> None:
    assert len(templates.relations) >= 24
    for relation in templates.relations:
        for phrases in (relation.en, relation.zh):
            assert phrases and len(set(phrases.says)) >= 6 and len(set(phrases.denies)) >= 2, relation.name


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nasty_values_come_back_and_spoilt_documents_do_not(templates: Templates, language: str) -> None:
    writer, draw = Writer(templates), random.Random(3)
    asked = told = 0
    for facts in all_facts(language, templates, 10, draw):
        written = writer.document(facts, language, draw)
        asked += len(facts)
        if written.text is not None:
            told += len(facts)
            assert all(fact.object.casefold() in written.text.casefold() for fact in facts)
            changed = spoilt(written.text, facts, language, draw)
            again = writer.readers[language].document(changed[1]) if changed and changed[1] != written.text else None
            assert again is None or not same(again, facts), changed
    assert told >= 0.99 * asked


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("Nausea and vomiting can be symptoms of flu.", {("nausea", False), ("vomiting", False)}),
        ("One of the symptoms of flu is nausea and vomiting.", {("nausea and vomiting", False)}),
        (
            "The symptoms of flu include cough, nausea and vomiting, and fever.",
            {("cough", False), ("nausea and vomiting", False), ("fever", False)},
        ),
        (
            "The symptoms of flu do not include rash or itch. Flu may present with “a, b and c”.",
            {("rash", True), ("itch", True), ("a, b and c", False)},
        ),
        (
            "Patients with flu may have E. coli. The condition may present with St. John's fire.",
            {("E. coli", False), ("St. John's fire", False)},
        ),
        ("流感的症状有咳嗽、恶心和呕吐以及发热。", {("咳嗽", False), ("恶心和呕吐", False), ("发热", False)}),
        ("流感的症状之一是恶心和呕吐。本病的症状不包括皮疹或瘙痒。", {("恶心和呕吐", False), ("皮疹", True), ("瘙痒", True)}),
        ("皮疹和瘙痒都不是流感的症状。", {("皮疹", True), ("瘙痒", True)}),
    ],
)
def test_texts_written_by_hand(templates: Templates, text: str, facts: set[tuple[str, bool]]) -> None:
    read = Reader(templates, "zh" if "流" in text else "en").document(text)
    assert read is not None
    assert {(one.object[0].lower() + one.object[1:] if one.object[1] != "." else one.object, one.negated) for one in read} == {
        (value if value[1] == "." else value[0].lower() + value[1:], negated) for value, negated in facts
    }
    assert {one.relation for one in read} == {"symptom"} and len(read) == len(facts)


def test_qualifiers_in_front_and_behind(templates: Templates) -> None:
    read = Reader(templates, "en").document("Among children, asthma can be treated with drug X (frequency: 10%; stage: II).")
    assert read == [
        Fact("asthma", "treatment_drug", "drug X", False, (("frequency", "10%"), ("population", "children"), ("stage", "II")))
    ]
    assert Reader(templates, "en").document("It was a fine day.") is None


ARTICLES = {
    "NSAID": "an ",
    "beta blocker": "a ",
    "ACE inhibitor": "an ",
    "uricosuric": "a ",
    "opioid": "an ",
    "NSAIDs": "",
    "the pill": "",
}


@pytest.mark.parametrize(("name", "said"), ARTICLES.items())
def test_articles(name: str, said: str) -> None:
    assert article(name) == said


@pytest.mark.parametrize("name", ["seizures", "children under 5 years", "gallstones"])
def test_plurals(name: str) -> None:
    assert is_plural(name)


@pytest.mark.parametrize("name", ["diabetes", "sepsis", "inflammation of the joints", "measles"])
def test_singulars(name: str) -> None:
    assert not is_plural(name)


@pytest.mark.parametrize("phrase", ["{s} has.", "{s}{o}.", "{s} is {o}", "{s} [is {o}.", "{s} {x} {o}.", "{s} {s} {o}."])
def test_wordings_that_cannot_be_are_refused(phrase: str) -> None:
    with pytest.raises(ValueError, match="'"):
        parts_of(phrase)


def sentence(parts: tuple[Part, ...], subject: str, objects: list[str], language: str) -> str:
    """One wording filled in, without the writer."""
    many, english = len(objects) > 1, language == "en"
    words, slots = wording(
        parts, {"count": many, "o": many or english and is_plural(objects[0]), "s": english and is_plural(subject)}
    )
    named = [article(one) + one for one in objects] if english and any(slot.startswith("a ") for slot in slots) else objects
    told = {"s": subject, **{slot: listed(named, language, slot.endswith("or"), False, False) for slot in OBJECTS}}
    text = words[0] + told[slots[0]] + words[1] + told[slots[1]] + words[2]
    return capital(text) if english else text


def run(folder: Path, *more: str, files: dict[str, str]) -> int:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    named = {"--output": "out.jsonl", "--report": "report.json", "--rejects": "bad.jsonl"}
    outputs = [word for option, name in named.items() for word in (option, str(folder / name))]
    return main(["--input", *(str(folder / name) for name in files), *outputs, "--seed", "1", "--overwrite", *more])


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


FILES = {
    "a.jsonl": '{"subject": "asthma", "predicate": "symptom", "object": "cough", "source": "s", "licence": "CC0"}\n'
    '{"subject": "asthma"}\n'
    'nothing\n{"subject": "asthma", "predicate": "likes", "object": "tea"}\n'
    '{"subject": "asthma", "predicate": "symptoms", "object": "cough", "negated": true, "source": "s", "licence": "CC0"}\n'
    '{"subject": "asthma", "predicat": "symptom", "object": "x"}\n{"subject": "asthma", "predicate": "symptom", "object": 5}\n',
    "b.csv": 'disease,predicate,object,negated,qualifier:population\nflu,symptom,"fever, high",no,children\n'
    "flu,symptom\nflu,symptom,rash,maybe,\n",
    "c.jsonl": '{"text": "x", "spo_list": [["感冒", "症状", "发热"], ["感冒", "症状"]]}\n',
}


def test_bad_rows_are_told_with_file_and_line(tmp_path: Path) -> None:
    assert run(tmp_path, "--columns", "subject=disease", files={"b.csv": FILES["b.csv"]}) == 0
    assert [(row["line"], str(row["reason"])[:12]) for row in lines(tmp_path / "bad.jsonl")] == [
        (3, "has 2 fields"),
        (4, "negated = 'm"),
    ]
    assert run(tmp_path, files={"a.jsonl": FILES["a.jsonl"], "c.jsonl": FILES["c.jsonl"]}) == 0
    told = [(Path(str(row["file"])).name, row["line"]) for row in lines(tmp_path / "bad.jsonl")]
    assert told == [
        ("a.jsonl", 2),
        ("a.jsonl", 3),
        ("a.jsonl", 4),
        ("a.jsonl", 5),
        ("a.jsonl", 6),
        ("a.jsonl", 7),
        ("c.jsonl", 1),
    ]
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["triples"]["read"] == report["triples"]["told"] + report["triples"]["rejected"] + report["triples"]["repeated"]
    documents = lines(tmp_path / "out.jsonl")
    assert [(row["language"], row["source"], row["licence"]) for row in documents] == [("en", "s", "CC0"), ("zh", "triples", "")]
    assert documents[0]["facts"] == [
        {"subject": "asthma", "predicate": "symptom", "object": "cough", "file": str(tmp_path / "a.jsonl"), "line": 1}
    ]


def test_nothing_that_can_be_told_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, files={"a.jsonl": '{"subject": "a", "predicate": "sympton", "object": "b"}\n'}) == 2
    assert "the nearest that is known is 'symptom'" in capsys.readouterr().err and not (tmp_path / "out.jsonl").exists()
    assert run(tmp_path, files={"b.csv": "x,predicate,object\n1,2,3\n"}) == 2
    assert "has no column 'subject'" in capsys.readouterr().err


def test_the_output_does_not_depend_on_workers_and_changes_with_the_seed(tmp_path: Path) -> None:
    rows = "".join(
        json.dumps({"subject": f"disease {n % 40}", "predicate": "symptom", "object": f"sign {n}"}) + "\n" for n in range(200)
    )
    found = []
    for more in (["--workers", "1"], ["--workers", "2"], ["--seed", "2"]):
        assert run(tmp_path, "--copies", "2", *more, files={"a.jsonl": rows}) == 0
        found.append((tmp_path / "out.jsonl").read_bytes())
    assert found[0] == found[1] != found[2]


def test_rdf_with_labels_cycles_and_faults(tmp_path: Path) -> None:
    pytest.importorskip("rdflib", reason="needs the extra corpus")
    turtle = (
        "@prefix : <http://e.org/> . @prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .\n"
        "@prefix skos: <http://www.w3.org/2004/02/skos/core#> .\n"
        ':a rdfs:label "asthma"@en, "哮喘"@zh-CN ; :hasSymptom :c ; :icd10 "J45" ;'
        ' skos:broader :b ; :hasSymptom :nameless .\n:b skos:broader :a .\n:c skos:prefLabel "cough"@en, "咳嗽"@zh .\n'
    )
    lines_ = '<http://e/a> <http://e/symptom> "fever"@en .\nbad\n'
    lines_ += '<http://e/a> <http://www.w3.org/2000/01/rdf-schema#label> "flu"@en .\n'
    entity = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>'
    assert run(tmp_path, files={"a.ttl": turtle, "b.nt": lines_, "c.ttl": ":broken", "d.rdf": entity}) == 0
    told = [row for document in lines(tmp_path / "out.jsonl") for row in document["facts"]]
    assert {(row["subject"], row["object"]) for row in told} == {
        ("asthma", "cough"),
        ("哮喘", "咳嗽"),
        ("asthma", "J45"),
        ("哮喘", "J45"),
        ("flu", "fever"),
    }
    assert [(Path(str(row["file"])).name, row["line"]) for row in lines(tmp_path / "bad.jsonl")] == [
        ("a.ttl", 0),
        ("b.nt", 2),
        ("c.ttl", 1),
        ("d.rdf", 0),
    ]


@pytest.mark.parametrize("address", ["http://e/a b", "http://e/{a}", "http://e/a|b"])
def test_a_nameless_thing_of_rdf_is_told_by_its_address_whatever_that_holds(tmp_path: Path, address: str) -> None:
    pytest.importorskip("rdflib", reason="needs the extra corpus")
    turtle = f'@prefix : <http://e.org/> .\n<{address}> :symptom "cough"@en .\n'
    assert run(tmp_path, files={"a.ttl": turtle, "b.csv": "subject,predicate,object\nasthma,symptom,cough\n"}) == 0
    (bad,) = lines(tmp_path / "bad.jsonl")
    assert str(bad["reason"]).endswith(f': <{address}> <http://e.org/symptom> "cough"@en')


Answer = Callable[[str], str]


@pytest.fixture
def served() -> Iterator[Callable[[Answer], str]]:
    """Starts an endpoint that answers as a function does: its base."""
    servers: list[ThreadingHTTPServer] = []

    def start(answer: Answer) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][0]["content"]
                body = json.dumps({"choices": [{"message": {"content": answer(asked)}, "finish_reason": "stop"}]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/v1"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


READ = '[{"predicate": "symptom", "object": "cough", "negated": false, "qualifiers": {}}]'


@pytest.mark.parametrize(
    ("written", "read", "outcome"),
    [
        ("Coughing fits aside, cough is what asthma is known for.", READ, "kept"),
        ("Asthma makes people wheeze.", READ, "a value is missing"),
        ("Asthma brings cough in 90% of cases.", READ, "a number that no fact holds"),
        (
            "Asthma brings cough and fever.",
            READ.replace("}]", '}, {"predicate": "symptom", "object": "fever"}]'),
            "read back otherwise",
        ),
        ("Asthma never brings cough.", READ.replace("false", "true"), "read back otherwise"),
        ("Asthma brings cough.", "Sure!", "no list of facts when asked to read back"),
    ],
)
def test_a_model_s_text_is_kept_only_if_it_holds(
    served: Callable[[Answer], str], tmp_path: Path, written: str, read: str, outcome: str
) -> None:
    base = served(lambda prompt: read if prompt.startswith("List every fact") else written)
    row = '{"subject": "asthma", "predicate": "symptom", "object": "cough"}\n'
    assert run(tmp_path, "--model", f"m={base}", files={"a.jsonl": row}) == 0
    (document,) = lines(tmp_path / "out.jsonl")
    assert json.loads((tmp_path / "report.json").read_text())["model"] == {outcome: 1}
    assert (document["text"] == written) == (outcome == "kept") == (document["written_by"] == "m")


def test_a_model_that_cannot_be_asked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, why in (
        ("m", "NAME=BASE is meant"),
        ("m=ftp://x", "NAME=BASE is meant"),
        ("m=http://127.0.0.1:9/v1", "cannot be asked"),
    ):
        with pytest.raises(UserError, match=why):
            asking.model_of(said)
    monkeypatch.setenv(asking.KEY, "a\nb")
    with pytest.raises(UserError, match="line's end"):
        asking.model_of("m=http://127.0.0.1:9/v1")


SNAPSHOT = Path(__file__).with_name("verbalised.txt")
SHOWN = {  # relation: subject and objects in English, in Chinese
    "symptom": ("asthma", ["wheezing", "chest tightness"], "哮喘", ["喘息", "胸闷"]),
    "treatment_drug": ("gallstones", ["ursodeoxycholic acid", "NSAIDs"], "高血压", ["氨氯地平", "缬沙坦"]),
    "complication": ("type 2 diabetes", ["retinopathy", "foot ulcers"], "2型糖尿病", ["视网膜病变", "足部溃疡"]),
    "test": ("pulmonary embolism", ["CT angiography", "D-dimer"], "肺栓塞", ["CT肺动脉造影", "D-二聚体检测"]),
    "department": ("kidney stones", ["urology", "nephrology"], "肾结石", ["泌尿外科", "肾内科"]),
    "icd_code": ("asthma", ["J45"], "哮喘", ["J45"]),
    "risk_factor": ("stroke", ["smoking", "high blood pressure"], "脑卒中", ["吸烟", "高血压"]),
    "transmission": ("measles", ["respiratory droplets", "direct contact"], "麻疹", ["呼吸道飞沫", "直接接触"]),
    "contraindication": (
        "ibuprofen",
        ["active peptic ulcer", "severe heart failure"],
        "布洛芬",
        ["活动性消化性溃疡", "重度心力衰竭"],
    ),
    "drug_class": ("aspirin", ["NSAID", "antiplatelet agent"], "阿司匹林", ["非甾体抗炎药", "抗血小板药"]),
}


def snapshot(templates: Templates) -> str:
    blocks = []
    for name, (english, objects, chinese, others) in SHOWN.items():
        for language, subject, values in (("en", english, objects), ("zh", chinese, others)):
            parts = templates.relation(name, language, False).phrases(language).parts
            told = [
                sentence(one, subject, some, language)
                for negated in (False, True)
                for one in parts[negated]
                for some in ((values[:1], values) if len(values) > 1 else (values,))
            ]
            blocks.append("\n".join([f"# {name}", *told]))
    return "\n\n".join(blocks) + "\n"


def test_sentences_of_ten_relations_are_those_that_were_read(templates: Templates) -> None:
    """verbalised.txt is there for a person to read; a change of wording is written to it by what this test says."""
    made = snapshot(templates)
    assert made == SNAPSHOT.read_text(encoding="utf-8"), f"read these and write them to {SNAPSHOT.name}:\n{made}"

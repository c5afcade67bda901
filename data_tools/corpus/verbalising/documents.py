"""Triples to documents: by subject, source and licence, so that each document has one of each."""

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, NamedTuple

from annotated_types import Ge, Le

from data_tools.corpus.verbalising.reader import Fact
from data_tools.corpus.verbalising.templates import Templates, read_templates
from data_tools.corpus.verbalising.triples import BadTriple, Triple
from data_tools.corpus.verbalising.writing import Writer, Written
from megatron_qm.json_types import JsonObject

NOT_READ_BACK = "not read back"


@dataclass(frozen=True)
class VerbaliseConfig:
    """seed: another one draws other wordings. facts_per_document: at most, of one subject. copies: how often each fact is told,
    in documents of its own wording. templates: YAML in the place of what ships."""

    seed: Annotated[int, Ge(0), Le(1 << 62)]
    facts_per_document: Annotated[int, Ge(1), Le(200)] = 12
    copies: Annotated[int, Ge(1), Le(1000)] = 1
    templates: str | None = None


class Job(NamedTuple):
    """The facts of one document, and the triples that state them."""

    id: str
    language: str
    source: str
    licence: str
    facts: Sequence[Fact]
    triples: Sequence[Triple]


@dataclass
class Outcome:
    """row: the document, None where it was dropped."""

    job: Job
    row: JsonObject | None
    written: Written


@dataclass
class Knowledge:
    """Triples that have been read, in their order by subject; of the same fact the first."""

    templates: Templates
    bad: list[BadTriple] = field(default_factory=list)
    repeated: int = 0
    read: int = 0
    relations: Counter[str] = field(default_factory=Counter)
    _by_subject: dict[tuple[str, str, str, str], dict[Fact, Triple]] = field(default_factory=dict)

    def add(self, found: Iterable[Triple | BadTriple]) -> None:
        for one in found:
            self.read += 1
            if isinstance(one, BadTriple):
                self.bad.append(one)
                continue
            try:
                self._add(one, self._fact(one))
            except ValueError as error:
                self.bad.append(BadTriple(one.file, one.line, str(error)))

    def _fact(self, triple: Triple) -> Fact:
        """With the templates' own names of relations and qualifiers. Raises ValueError where no template tells it."""
        relation = self.templates.relation(triple.predicate, triple.language, triple.negated)
        qualifiers = tuple(sorted((self.templates.qualifier(name), value) for name, value in triple.qualifiers))
        return Fact(triple.subject, relation.name, triple.object, triple.negated, qualifiers)

    def _add(self, triple: Triple, fact: Fact) -> None:
        """Raises ValueError where a fact and its opposite are stated."""
        known = self._by_subject.setdefault((triple.subject, triple.language, triple.source, triple.licence), {})
        other = known.get(fact._replace(negated=not fact.negated))
        if other is not None:
            raise ValueError(f"is the opposite of {other.file}:{other.line}, which is kept")
        if fact in known:
            self.repeated += 1
            return
        known[fact] = triple
        self.relations[fact.relation] += 1

    def jobs(self, config: VerbaliseConfig) -> Iterator[Job]:
        """Facts of one subject are shared out over its documents as a draw has it; another copy is another draw."""
        for key, known in self._by_subject.items():
            subject, language, source, licence = key
            name = hashlib.sha256("\0".join(key).encode()).hexdigest()[:16]
            for copy in range(config.copies):
                facts = list(known)
                random.Random(f"{config.seed}/{name}/{copy}").shuffle(facts)
                for part, start in enumerate(range(0, len(facts), config.facts_per_document)):
                    some = facts[start : start + config.facts_per_document]
                    yield Job(f"{name}-{copy}-{part}", language, source, licence, some, [known[fact] for fact in some])


class WriteJobs:
    """Called with some jobs; goes to other processes without what it has made."""

    def __init__(self, config: VerbaliseConfig) -> None:
        self.config = config
        self._writer: Writer | None = None

    def __getstate__(self) -> dict[str, object]:
        return {"config": self.config, "_writer": None}

    def __call__(self, jobs: Sequence[Job]) -> list[Outcome]:
        self._writer = self._writer or Writer(read_templates(self.config.templates))
        return [self._outcome(self._writer, job) for job in jobs]

    def _outcome(self, writer: Writer, job: Job) -> Outcome:
        written = writer.document(job.facts, job.language, random.Random(f"{self.config.seed}/{job.id}"))
        return Outcome(job, row_of(job, written.text, "templates") if written.text is not None else None, written)


def row_of(job: Job, text: str, by: str) -> JsonObject:
    return {
        "id": f"knowledge:{job.id}",
        "kind": "knowledge",
        "language": job.language,
        "source": job.source or "triples",
        "licence": job.licence,
        "written_by": by,
        "facts": [triple.record() for triple in job.triples],
        "text": text,
    }

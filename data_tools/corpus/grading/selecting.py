"""The documents of one grade."""

from dataclasses import dataclass

from data_tools.corpus.document import Document, Dropped, Step


@dataclass(frozen=True)
class OfGradeConfig:
    grade: str


def of_grade(config: OfGradeConfig) -> Step:
    def step(document: Document) -> Document | Dropped:
        grade = document.known.get("grade")
        return document if grade == config.grade else Dropped("another grade", str(grade))

    return step

"""What launch/slurm/build_corpus.sh submits for a corpus.yaml: jobs one after another, the first of them an array."""

from collections.abc import Sequence
from typing import NamedTuple

from data_tools.corpus.passes import CorpusPass

TASK = "%a"  # as Slurm writes the number of a task


class Job(NamedTuple):
    """tasks: of its array, 0 where it is none. arguments: of build_corpus.py, after those that name the corpus."""

    name: str
    tasks: int
    arguments: str

    def in_words(self) -> str:
        return f"job {self.name}: {f'{self.tasks} tasks' if self.tasks else 'one task'}: {self.arguments}"


def jobs_of(passes: Sequence[CorpusPass], tasks: int, until: str | None) -> list[Job]:
    """The first pass in slices; a job for each stage over the whole, which makes what stands between it and the one before, too;
    and what is left, with the table, the dataset and the report."""
    to_the_end = f"--tasks {tasks}" + (f" --until {until}" if until else "")
    slices = Job(passes[0].name, tasks, f"{to_the_end} --task {TASK}")
    wholes = [Job(item.name, 0, f"--tasks {tasks} --until {item.name}") for item in passes if item.whole]
    return [slices, *wholes, Job("publish", 0, to_the_end)]

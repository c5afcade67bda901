"""A corpus from its sources to tokens, stage by stage; what is there already, and made of the same, is not made again."""

import json
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from data_tools.corpus.config import Asked
from data_tools.corpus.counts import StepCounts
from data_tools.corpus.covering import COVERAGE, MISSING, check_coverage, write_coverage
from data_tools.corpus.grading.rules import read_rules
from data_tools.corpus.grading.selecting import OfGradeConfig, of_grade
from data_tools.corpus.jobs import jobs_of
from data_tools.corpus.manifest import MANIFEST, manifest_of, read_manifest, refuse_differences, shards_of
from data_tools.corpus.order import check_order
from data_tools.corpus.passes import TOKENS, CorpusPass, check_stage, identity_of, passes_of, shard_inputs, source_inputs
from data_tools.corpus.places import check_no_pattern, locked
from data_tools.corpus.reading import ReadAs
from data_tools.corpus.report import sample_record, stage_record
from data_tools.corpus.shards import Shard
from data_tools.corpus.slices import SLICES, Sliced
from data_tools.corpus.stage import LONGEST_INSIDE, Stage, WholeWork
from data_tools.corpus.stage_run import JOURNAL, StageRun, check_found
from data_tools.corpus.steps import READ, Pass
from data_tools.corpus.table import TABLE, counts_by_field, write_table
from data_tools.corpus.tokens import WHOLE, make_tokens, write_recipe
from data_tools.stopping import StopRequest
from megatron_qm.errors import UserError
from megatron_qm.files import fsync_tree, make_folder, obstacles_named, publish, remove_tree, sha256, write_json, write_text

log = logging.getLogger(__name__)

_PLAN = "plan.json"
_MOST_TASKS = 64  # where nobody says how many
_BEGINNING = ".beginning"  # held by the one task that makes the folder in which all work
_PASSING = re.compile(r"\.[0-9]+\.(tmp|deleting)$")


@dataclass(frozen=True)
class Options:
    """until: the last stage that is made. redo: it and all that follow are made again. tasks: slices that the first pass is made
    in; None: it is made in one run."""

    until: str | None = None
    redo: str | None = None
    workers: int = 1
    tasks: int | None = None


class Building:
    """One run of `build_corpus.py`, which holds its output alone."""

    def __init__(self, asked: Asked, options: Options, stop: StopRequest) -> None:
        """Raises UserError for sources that cannot be read and for stages that are none."""
        self._asked, self._options, self._stop = asked, options, stop
        self.sources = source_inputs(asked.config.sources)
        self.passes = passes_of(asked, options.until)
        check_stage(options.redo, [*(stage.name for stage, _ in asked.stages), TOKENS], "--redo")
        self._output = Path(asked.config.output)
        check_no_pattern(self._output, f"output = {self._output}")
        self._refuse_own_output()
        if options.tasks and options.tasks > len(self.sources):
            raise UserError(f"--tasks {options.tasks}: the sources have {len(self.sources)} files, and a task reads whole ones: "
                            "ask for that many at most, or cut the files")
        check_order(asked)
        for stage, config in asked.stages:
            stage.check(config)
        if asked.config.coverage:
            check_coverage(asked.config.coverage)

    def run(self) -> list[tuple[CorpusPass, dict[str, Any]]]:
        """Make what is missing; returns the passes with their manifests. Raises UserError and Interrupted; what was done is
        kept."""
        with _locked(self._output):
            (self._output / _BEGINNING).unlink(missing_ok=True)
            _sweep(self._output)
            done: list[tuple[CorpusPass, dict[str, Any]]] = []
            redo = False
            for corpus_pass in self.passes:
                redo = redo or self._is_redone(corpus_pass)
                before = done[-1] if done else None
                done.append((corpus_pass, self._made(corpus_pass, before, redo)))
            resolved = yaml.safe_dump(self._asked.plain(), sort_keys=False, allow_unicode=True)
            write_text(self._output / "config.resolved.yaml", resolved)
            last, manifest = done[-1]
            if last.folder.name == "corpus":
                write_table(last.folder, manifest, self._output / TABLE)
                self._look_for_points(last.folder, manifest)
                if self._asked.config.preprocess and self._options.until in (None, TOKENS):
                    self._make_tokens(last, manifest, redo or self._options.redo == TOKENS)
            return done

    def _look_for_points(self, folder: Path, manifest: dict[str, Any]) -> None:
        if config := self._asked.config.coverage:
            shards = [folder / shard["name"] for shard in manifest["shards"] if shard["documents"]]
            digests = [shard["sha256"] for shard in manifest["shards"]]
            write_coverage(config, shards, digests, self._output, self._options.workers, self._stop)

    def run_task(self, index: int) -> None:
        """Make one slice of the first pass, while others make theirs; `run` joins them."""
        item, identity = self.passes[0], self.passes[0].identity(self._asked, self._identities(None))
        with _locked(self._output, shared=True):
            if item.folder.exists():
                refuse_differences(item.folder, read_manifest(item.folder)["made_by"], identity, item.name)
                log.info("%s: is there", item.folder)
                return
            with locked(self._output / _BEGINNING):
                folder = _begun(item, identity)
            with self._sliced(folder, self._work(item, self.sources)).run(index) as run:
                run.write(self._options.workers)
            documents = run.state.counts[-1].kept
            log.info("%s: task %d of %d: %s documents", item.folder, index, self._options.tasks, f"{documents:,}")

    def _sliced(self, folder: Path, work: Pass) -> Sliced:
        return Sliced(folder, work, self._asked.config, self._options.tasks or 1, self._stop)

    def _make_tokens(self, last: CorpusPass, manifest: dict[str, Any], again: bool) -> None:
        config, workers = self._asked.config, self._options.workers
        asked = config.preprocess
        if asked is None or asked.training is None:
            make_tokens(config, WHOLE, last.folder, manifest, self._output / TABLE, workers, again, self._stop)
            return
        weights = read_rules(asked.rules).weights(asked.training)
        tokens = {}
        for grade in [grade for grade in counts_by_field(self._output / TABLE)["grade"] if weights.get(grade)]:
            stage = Stage(TOKENS, OfGradeConfig, maker=of_grade)  # by that name it is redone
            of = CorpusPass(self._output / "grades" / grade, [(stage, OfGradeConfig(grade))])
            found = self._made(of, (last, manifest), again)
            table = of.folder.with_suffix(".parquet")
            write_table(of.folder, found, table)
            tokens[grade] = make_tokens(config, grade, of.folder, found, table, workers, again, self._stop)
        if not tokens:
            raise UserError(f"preprocess: no document has a grade that weighs anything in {asked.training}; is there a stage "
                            "named grade?")
        write_recipe(config, tokens, weights)

    def plan(self) -> str:
        """What would be read and made, in words. The launcher of clusters reads the first line, and those of jobs."""
        lines = [yaml.safe_dump({"output": self._asked.config.output}, allow_unicode=True, width=1 << 20)]
        for source in self._asked.config.sources:
            files = [item.input for item in self.sources if item.name == source.name]
            size = sum(item.size for item in files)
            lines.append(f"source {source.name}: {len(files)} files, {size:,} bytes; {source.licence}, {source.kind}")
        before: dict[str, Any] | None = None
        for number, item in enumerate(self.passes):
            names = ", ".join(stage.name for stage, _ in item.stages) or READ
            known = None if number and before is None else self._state(item, before)
            lines.append(f"pass {number + 1}: {names} -> {item.folder}: {known or 'to be made'}")
            before = read_manifest(item.folder) if (item.folder / MANIFEST).exists() else None
        if self._asked.config.preprocess and self._options.until in (None, TOKENS):
            lines.append(f"preprocess with {self._asked.config.preprocess.tokenizer} -> {self._output / 'dataset'}")
        if coverage := self._asked.config.coverage:
            lines.append(f"points of {coverage.points} -> {self._output / COVERAGE}, {self._output / MISSING}")
        jobs = jobs_of(self.passes, self._options.tasks or min(len(self.sources), _MOST_TASKS), self._options.until)
        lines.append("on a cluster, launch/slurm/build_corpus.sh submits, each after the one before:")
        lines += [job.in_words() for job in jobs]
        return "\n".join(lines)

    def _state(self, item: CorpusPass, before: dict[str, Any] | None) -> str | None:
        identity = item.identity(self._asked, self._identities(before))
        try:
            if (item.folder / MANIFEST).exists():
                refuse_differences(item.folder, read_manifest(item.folder)["made_by"], identity, item.name)
                return "is there"
        except UserError as error:
            return str(error)
        return "begun" if _partial(item.folder).exists() else None

    def _is_redone(self, item: CorpusPass) -> bool:
        names = [stage.name for stage, _ in item.stages] or [READ]
        return self._options.redo in names or (self._options.redo == READ and item is self.passes[0])

    def _identities(self, before: dict[str, Any] | None) -> list[dict[str, Any]]:
        if before is None:
            return [identity_of(read_as) for read_as in self.sources]
        return [{key: shard[key] for key in ("name", "size", "sha256")} for shard in before["shards"]]

    def _made(self, item: CorpusPass, before: tuple[CorpusPass, dict[str, Any]] | None, redo: bool) -> dict[str, Any]:
        """The manifest of a pass, which is done now. before: the pass that it reads, None where that are the sources."""
        identity = item.identity(self._asked, self._identities(before[1] if before else None))
        if redo:
            remove_tree(item.folder)
            remove_tree(_partial(item.folder))
        if item.folder.exists():
            manifest = read_manifest(item.folder)
            refuse_differences(item.folder, manifest["made_by"], identity, item.name)
            shards_of(item.folder, manifest, whole=False, stage=item.name)
            _tidy(item.folder)
            log.info("%s: is there, %s documents", item.folder, f"{manifest['documents']:,}")
            return manifest
        folder = _begun(item, identity)
        paths = shards_of(before[0].folder, before[1], whole=True, stage=before[0].name) if before else []
        if item.whole:
            manifest = self._through_whole(item, folder, identity, paths)
        else:
            manifest = self._through_steps(item, folder, identity, shard_inputs(paths) if before else self.sources)
        if not manifest["documents"]:
            raise UserError(f"{item.folder}: no document is left: {_why_none(manifest)}. Mend the config or the input, then "
                            f"--redo {item.name}")
        if before and manifest["steps"][0]["documents"]["in"] != before[1]["documents"]:
            raise UserError(f"{folder}: {manifest['steps'][0]['documents']['in']:,} documents came in of the "
                            f"{before[1]['documents']:,} that {before[0].folder} holds; --redo {before[0].name}")
        _publish(folder, item.folder, manifest)
        log.info("%s: %s documents", item.folder, f"{manifest['documents']:,}")
        return manifest

    def _through_steps(
        self, item: CorpusPass, folder: Path, identity: dict[str, Any], inputs: Sequence[ReadAs]
    ) -> dict[str, Any]:
        first, work = item is self.passes[0], self._work(item, inputs)
        names = [READ, *(step.name for step in work.steps)]
        log.info("%s: %s", item.folder, ", ".join(names))
        if first and self._options.tasks:
            state = self._sliced(folder, work).joined(self._options.workers)
        else:
            with StageRun(folder, work, self._asked.config, self._stop) as run:
                run.write(self._options.workers)
                state = run.state
        if first:
            check_found(state.found, inputs)
        files = [read_as.input for read_as in inputs]
        steps = [stage_record(name, counts, [sample_record(sample, files) for sample in samples])
                 for name, counts, samples in zip(names, state.counts, state.samples, strict=True)]
        return manifest_of(identity, state.shards, steps if first or len(steps) == 1 else steps[1:], state.seconds)

    def _work(self, item: CorpusPass, inputs: Sequence[ReadAs]) -> Pass:
        config = self._asked.config
        longest = config.max_document_bytes if item is self.passes[0] else LONGEST_INSIDE
        return Pass(inputs, item.steps(), longest, config.seed)

    def _through_whole(self, item: CorpusPass, folder: Path, identity: dict[str, Any], paths: Sequence[Path]) -> dict[str, Any]:
        stage, config = item.stages[0]
        assert stage.whole is not None
        log.info("%s: %s", item.folder, stage.name)
        output, own = folder / f"00000{self._asked.config.suffix}", folder / "work"
        own.mkdir(exist_ok=True)
        began, cpu = time.monotonic(), _cpu_seconds()
        work = WholeWork(paths, output, own, self._options.workers, self._stop, self._asked.config.seed)
        found = stage.whole(config, work)
        shutil.rmtree(own)
        counts: StepCounts = found.counts
        counts.seconds = _cpu_seconds() - cpu
        shard = Shard(output.name, counts.kept, 0, output.stat().st_size, sha256(output))
        steps = [stage_record(stage.name, counts, list(found.samples)) | {"more": found.more}]
        return manifest_of(identity, [shard], steps, time.monotonic() - began)

    def _refuse_own_output(self) -> None:
        output = self._output.resolve()
        for read_as in self.sources:
            if read_as.input.path.resolve().is_relative_to(output):
                raise UserError(f"{read_as.input.path}: lies in the output {self._output}, which is written; name another output")


def _cpu_seconds() -> float:
    """Of this process and of the workers that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _why_none(manifest: dict[str, Any]) -> str:
    steps = manifest["steps"]
    return "; ".join(f"{step['name']} dropped {count:,} {reason}" for step in steps
                     for reason, count in step["documents"]["dropped"].items()) or "all lines were rejected"  # fmt: skip


def _partial(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.partial")


def _begun(item: CorpusPass, identity: dict[str, Any]) -> Path:
    """The folder that the pass is made in, with what an earlier run of the same work left. Raises UserError for other work."""
    folder = _partial(item.folder)
    plan = folder / _PLAN
    if plan.exists():
        refuse_differences(folder, json.loads(plan.read_bytes()), identity, item.name)
        return folder
    remove_tree(folder)
    folder.mkdir(parents=True)
    write_json(plan, identity)
    return folder


def _publish(partial: Path, folder: Path, manifest: dict[str, Any]) -> None:
    """All is on the disk before the folder gets its name; what only an unfinished one needs goes afterwards."""
    write_json(partial / MANIFEST, manifest)
    fsync_tree(partial)
    publish(partial, folder)
    _tidy(folder)


def _tidy(folder: Path) -> None:
    for name in (JOURNAL, _PLAN):
        (folder / name).unlink(missing_ok=True)
    remove_tree(folder / SLICES)


def _sweep(output: Path) -> None:
    """Take away what killed runs had begun to write or to delete under a passing name (megatron_qm/files.py)."""
    for path in [path for path in output.rglob(".*") if _PASSING.search(path.name)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@contextmanager
def _locked(output: Path, shared: bool = False) -> Iterator[None]:
    """shared: with others who make slices. Raises UserError where another run writes there."""
    make_folder(output, said=f"output = {output}")
    with obstacles_named(output / ".lock", f"output = {output}"):
        (output / ".lock").touch()
    with locked(output / ".lock", f"{output}: another run is writing this corpus; wait or stop it", shared):
        yield

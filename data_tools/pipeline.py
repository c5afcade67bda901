"""The street from raw files to an indexed dataset: read blocks, encode them, append, commit, publish."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from data_tools.job import Job, make_job
from data_tools.options import Options
from data_tools.plan import changes, changes_since
from data_tools.records import Manifest
from data_tools.run import Run
from data_tools.sources.inputs import Input, find_inputs
from data_tools.sources.parquet import check_parquet
from data_tools.stopping import StopRequest
from data_tools.tokenizer import read_tokenizer_file
from data_tools.verify import verify
from data_tools.workspace import Workspace, locked_workspace, read_manifest
from megatron_qm.errors import UserError

log = logging.getLogger(__name__)


def preprocess(options: Options, stop: StopRequest) -> None:
    """Write, continue or verify the dataset that `options` ask for.

    Raises UserError for what the user can mend and Interrupted when `stop` was requested; finished work is kept.
    """
    inputs = find_inputs(options.input, options.format, options.text_documents)
    if not any(item.size for item in inputs):
        raise UserError(f"--input {inputs[0].path}: all inputs are empty")
    for item in inputs:
        if item.kind == "parquet":
            check_parquet(item, options.text_key)
    _refuse_own_output(options, inputs)
    _refuse_rejects_among_others(options)
    tokenizer_file = read_tokenizer_file(options.tokenizer)
    with locked_workspace(options.output_prefix) as workspace:
        if workspace.published():  # a run was killed after its last rename
            workspace.remove()
        workspace.check_targets(options.rejects)
        workspace.refuse_foreign_manifest()
        there = read_manifest(workspace.final("json"))
        only_verify = options.verify and there is not None and not options.overwrite and not workspace.begun()
        if not options.resume and not options.overwrite and not only_verify:
            _refuse_earlier_work(workspace)
        job = make_job(options, inputs, tokenizer_file)
        if there is not None and not workspace.begun() and not options.overwrite:
            _check_finished(workspace, there, job, "--verify" if only_verify else "--resume")
        else:
            _write(workspace, job, stop)
    if options.verify:
        verify(job, stop)


def _write(workspace: Workspace, job: Job, stop: StopRequest) -> None:
    replace = job.options.overwrite
    if workspace.begun() and job.options.resume:
        before = workspace.read_plan()
        if "merge" in before:
            raise UserError(f"--resume: {workspace.folder} was begun by merge; finish that, or start with --overwrite")
        _refuse_changes(f"--resume: {workspace.folder} was begun otherwise", changes(before, job.plan))
        replace = before["replace"]
        workspace.refuse_existing_rejects(job.options.rejects, replace)
    else:
        workspace.refuse_existing_rejects(job.options.rejects, replace)
        if not replace:
            workspace.refuse_existing()
        workspace.begin(job.plan)
    if not workspace.ready():
        with Run(workspace, job, stop) as run:
            run.write_all_batches()
            run.complete()
    workspace.publish(job.options.rejects, replace)
    workspace.remove()


def _check_finished(workspace: Workspace, manifest: Manifest, job: Job, flag: str) -> None:
    message = f"{flag}: {workspace.final('bin')} is finished, but was made otherwise"
    _refuse_changes(message, changes_since(manifest, job.plan))
    log.info("%s is complete: %s documents, %s tokens", workspace.prefix, manifest["documents"], manifest["tokens"])


def _refuse_changes(message: str, found: list[str]) -> None:
    if found:
        more = f" (and {len(found) - 5} more changes)" if len(found) > 5 else ""
        raise UserError(f"{message}: {'; '.join(found[:5])}{more}. Say what was said then, or start with --overwrite")


def _refuse_earlier_work(workspace: Workspace) -> None:
    if workspace.begun():
        raise UserError(
            f"{workspace.folder}: an unfinished run lies here; --resume continues it, --overwrite throws it away"
        )
    workspace.refuse_existing()


def _refuse_own_output(options: Options, inputs: Sequence[Input]) -> None:
    written = _written(options)
    if options.rejects:
        written[os.path.realpath(options.rejects)] = f"--rejects {options.rejects}"
    for item in inputs:
        option = written.get(os.path.realpath(item.path))
        if option:
            raise UserError(f"--input {item.path}: is a file that {option} writes; name another place to write to")


def _refuse_rejects_among_others(options: Options) -> None:
    """Raise UserError for a list of rejects where the dataset goes, or the tokenizer is."""
    if not options.rejects:
        return
    place = Path(os.path.realpath(options.rejects))
    option = _written(options, ("bin", "idx", "json")).get(str(place))
    if option:
        raise UserError(f"--rejects {options.rejects}: is a file that {option} writes; name another")
    for folder, option in ((f"{options.output_prefix}.partial", "--output-prefix"), (options.tokenizer, "--tokenizer")):
        if place.is_relative_to(os.path.realpath(folder)):
            raise UserError(f"--rejects {options.rejects}: lies in {folder} of {option}; name a file elsewhere")


def _written(options: Options, kinds: Sequence[str] = ("bin", "idx", "json", "rejects")) -> dict[str, str]:
    """{a file that --output-prefix writes, without links: the option}."""
    return {os.path.realpath(f"{options.output_prefix}.{kind}"): f"--output-prefix {options.output_prefix}" for kind in kinds}

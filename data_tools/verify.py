"""Reading a finished dataset back: checksums, index, and every token against the inputs tokenised again."""

import logging

import numpy as np

from data_tools.job import Job
from data_tools.sources.blocks import Position
from data_tools.stopping import StopRequest
from megatron_qm.data.indexed import IndexedDataset
from megatron_qm.errors import UserError

log = logging.getLogger(__name__)

# Chooses other documents for the comparison with HF tokenizers than the run that wrote them did.
_SAMPLE_SEED = 1


def verify(job: Job, stop: StopRequest) -> None:
    """Compare the dataset of a job with its manifest and its inputs.

    Raises UserError at the first difference, and Interrupted.
    """
    prefix = job.options.output_prefix
    dataset = IndexedDataset.open(prefix, verify=True)
    token = document = 0
    for batch in job.batches(Position(0, 0, 0), _SAMPLE_SEED):
        stop.check(f"stopped; {document:,} documents of {prefix} were verified")
        path = job.inputs[batch.input].path
        if token + len(batch.tokens) > dataset.tokens or document + len(batch.lengths) > dataset.documents:
            raise UserError(f"{prefix}.bin: ends at document {dataset.documents}, before the documents of {path} do")
        lengths = dataset.index.lengths[document : document + len(batch.lengths)]
        if not np.array_equal(lengths, batch.lengths):
            at = document + int(np.argmax(lengths != batch.lengths))
            raise UserError(f"{prefix}.idx: document {at}, of {path}, has another length than its text gives now")
        stored = dataset.read(token, len(batch.tokens))
        if not np.array_equal(stored, batch.tokens):
            at = token + int(np.argmax(stored != batch.tokens))
            raise UserError(
                f"{prefix}.bin: token {at}, in document {dataset.document_at(at)} of {path}, is {stored[at - token]} "
                f"where its text gives {batch.tokens[at - token]} now"
            )
        token, document = token + len(batch.tokens), document + len(batch.lengths)
    if (token, document) != (dataset.tokens, dataset.documents):
        raise UserError(
            f"{prefix}.bin: holds {dataset.documents} documents and {dataset.tokens} tokens where the inputs give "
            f"{document} and {token}"
        )
    log.info("%s: checksums, index and all %s tokens verified", prefix, f"{token:,}")

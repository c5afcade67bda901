"""What a step did, as JSON."""

from collections.abc import Sequence
from typing import Any

from data_tools.corpus.counts import StepCounts
from data_tools.corpus.samples import Sample
from data_tools.corpus.steps import StepOf
from data_tools.sources.inputs import Input
from megatron_qm.config.load import to_plain

FORMAT = "megatron-qm corpus step 1"


def step_report(
    step: StepOf, inputs: Sequence[Input], counts: Sequence[StepCounts], samples: Sequence[Sample], seconds: float
) -> dict[str, object]:
    """Of a command. counts: of reading and of the step. seconds: on the clock, beside which those of CPU time stand."""
    read, of_step = counts
    whole = StepCounts(**{**vars(of_step), "documents": read.documents, "rejected": read.rejected})
    return {
        "format": FORMAT,
        "step": step.name,
        "config": to_plain(step.config),
        "inputs": [{"path": str(item.path), "size": item.size, "fingerprint": item.fingerprint} for item in inputs],
        **whole.to_flow(),
        "seconds": round(seconds, 3),
        "cpu_seconds": {"read": round(read.seconds, 3), step.name: round(of_step.seconds, 3)},
        "MB/s": rate(read.bytes, seconds),
        "MB/s of CPU time": rate(of_step.bytes, of_step.seconds),
        "samples": [sample_record(item, inputs) for item in samples],
    }


def stage_record(name: str, counts: StepCounts, samples: Sequence[dict[str, object]]) -> dict[str, Any]:
    """Of a step in the manifest of its stage."""
    return {
        "name": name,
        **counts.to_flow(),
        "cpu_seconds": round(counts.seconds, 3),
        "MB/s of CPU time": rate(counts.bytes, counts.seconds),
        "samples": list(samples),
    }


def sample_record(sample: Sample, inputs: Sequence[Input]) -> dict[str, object]:
    """Lines count from 1."""
    return {"file": str(inputs[sample.input].path), "line": sample.line + 1, "id": sample.id, "reason": sample.reason,
            "detail": sample.detail, "text": sample.text}  # fmt: skip


def rate(size: int, seconds: float) -> float | None:
    """Millions of bytes a second."""
    return round(size / seconds / 1e6, 2) if seconds > 0 else None

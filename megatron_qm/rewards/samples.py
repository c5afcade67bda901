"""What is judged, and one verdict on it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from megatron_qm.rewards.outcome import Outcome, Unscored, outcome_of
from megatron_qm.rewards.registry import Verifier, Verifiers, load

OUT_OF_MEMORY = "memory: the verifier ran out of memory"


@dataclass(frozen=True)
class Sample:
    """verifier: what `registry.load` takes. Where data has named it, the sample goes through `admitted` first."""

    verifier: Verifier
    prompt: str
    response: str
    reference: object
    metadata: Mapping[str, object]


def admitted(sample: Sample, verifiers: Verifiers) -> Sample:
    """A sample that data asks for. Raises ValueError for a verifier that is not among `verifiers`."""
    verifier, metadata = verifiers.admit(sample.verifier, sample.metadata)
    return replace(sample, verifier=verifier, metadata=metadata)


def judge(sample: Sample) -> Outcome:
    """One verdict in this process; whatever the verifier raises or returns, it is an Outcome."""
    try:
        return outcome_of(load(sample.verifier)(sample.prompt, sample.response, sample.reference, sample.metadata))
    except KeyboardInterrupt:
        raise
    except MemoryError:
        return Unscored(OUT_OF_MEMORY)
    except BaseException as error:  # noqa: BLE001  a verifier may be anybody's, and ask to exit
        return Unscored(f"exception: {type(error).__name__}: {in_words(error)}")


def in_words(error: BaseException) -> str:
    try:
        return str(error)[:500]
    except Exception:  # noqa: BLE001  its text is made by anybody's code, too
        return "(it cannot say why)"

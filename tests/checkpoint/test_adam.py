"""Each part of `adam.loadable`, left out, breaks the resume of Megatron's distributed optimizer with torch's AdamW."""

from pathlib import Path

import pytest

from megatron_qm.checkpoint import adam, distributed
from tests.checkpoint.tiny_run import job, tiny_run

FAILURES = {
    "initial_states": AssertionError,  # Megatron looks for one common step among no states
    "step_in_states": KeyError,
    "separate_steps": None,  # silent: see the test
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """A checkpoint after two steps, and the losses of the next two."""
    directory = tmp_path_factory.mktemp("adam")
    with job(), tiny_run() as run:
        run.train(2)
        run.save(run.store(directory))
        return directory / "step-00000002" / "weights", run.train(2)


def resume(weights: Path, parts: tuple[str, ...]) -> list[float]:
    with job(), tiny_run(seed=7) as run, distributed.quiet():
        distributed.load_training_state(
            weights, distributed.stored_names(weights), run.chunks, run.optimizer, adam_parts=parts
        )
        run.step = 2
        return run.train(2)


def test_every_part_has_a_failure() -> None:
    assert tuple(FAILURES) == adam.PARTS


def test_with_all_parts_resume_is_exact(saved: tuple[Path, list[float]]) -> None:
    weights, losses = saved
    assert resume(weights, adam.PARTS) == losses


@pytest.mark.parametrize("left_out", [part for part, failure in FAILURES.items() if failure])
def test_without_a_part_loading_fails(saved: tuple[Path, list[float]], left_out: str) -> None:
    with pytest.raises(FAILURES[left_out]):
        resume(saved[0], tuple(part for part in adam.PARTS if part != left_out))


def test_without_separate_steps_training_silently_goes_another_way(saved: tuple[Path, list[float]]) -> None:
    weights, losses = saved
    resumed = resume(weights, tuple(part for part in adam.PARTS if part != "separate_steps"))
    assert resumed[0] == losses[0]  # what was loaded is right
    assert abs(resumed[1] - losses[1]) > 1e-4  # the first update after it is not


def test_initial_states_change_no_weight() -> None:
    with job(), tiny_run() as run:
        before = [parameter.clone() for chunk in run.chunks for parameter in chunk.parameters()]
        for part in adam.parts_of(run.optimizer):
            adam.give_initial_states(part.optimizer)
        after = [parameter for chunk in run.chunks for parameter in chunk.parameters()]
        assert all(bool((a == b).all()) for a, b in zip(before, after, strict=True))
        assert adam.adam_step(run.optimizer) == 0

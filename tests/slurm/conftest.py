"""One Slurm cluster, one dataset and one undisturbed job for all tests here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.slurm.cluster import Cluster, install, why_not
from tests.slurm.runs import Faults, Training


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    install()
    reason = why_not()
    if reason is not None:
        pytest.skip(f"no Slurm here: {reason}")
    with Cluster(tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture(scope="session")
def training(cluster: Cluster, recipe: Path) -> Training:
    return Training(cluster, recipe)


@pytest.fixture(scope="session")
def undisturbed_job(training: Training, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's folder of a job that nothing disturbs: what all others must end as."""
    output = tmp_path_factory.mktemp("job") / "run"
    job = training.submit(output)
    ended = training.cluster.wait(job)
    assert ended["JobState"] == "COMPLETED", training.log(output)
    return output


@pytest.fixture(scope="session")
def faults() -> Iterator[Faults]:
    table = Faults()
    yield table
    table.write()

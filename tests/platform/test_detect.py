"""Who is a rank: told by the environment alone."""

import pytest

from megatron_qm.platform.detect import rank_variables

SLURM = {"SLURM_PROCID": "0", "SLURM_NTASKS": "4", "SLURM_LOCALID": "0"}  # the shell of an sbatch script has these as well
NAMES = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SLURM_STEP_ID", *SLURM)


@pytest.mark.parametrize(("environment", "first"), [
    ({}, None),
    (SLURM, None),
    (SLURM | {"SLURM_STEP_ID": "0"}, "SLURM_PROCID"),
    (SLURM | {"SLURM_STEP_ID": "0", "RANK": "1", "WORLD_SIZE": "2"}, "RANK"),
    ({"RANK": "1"}, None),  # a variable of something else: torchrun sets both
])
def test_the_variables_of_a_rank(environment: dict, first: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = rank_variables()
    assert (found and found[0]) == first

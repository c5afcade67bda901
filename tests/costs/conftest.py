"""One start of two ranks serves all tests that measure what Megatron builds."""

import pytest

from tests.costs.megatron_builds import Megatron, measure_all


@pytest.fixture(scope="session")
def megatron() -> Megatron:
    return measure_all()

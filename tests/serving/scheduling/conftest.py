from collections.abc import Iterator

import pytest
from scheduling_loop import RunningLoop


@pytest.fixture
def running() -> Iterator[RunningLoop]:
    with RunningLoop() as running:
        yield running

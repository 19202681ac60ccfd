"""A pretend GPU for the tests of training."""

import pytest
from tools.pretend_gpu import PretendGpu

from empirics.training import captured


@pytest.fixture
def gpu():
    with PretendGpu() as entered:
        yield entered
    captured._failed.clear()  # a capture that one test spoils says nothing to the next

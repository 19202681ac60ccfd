import pytest
from tools.needed import give_up

from empirics.kernels.kernel import Unavailable, load


@pytest.fixture(scope="session")
def kernel():
    found = load()
    if isinstance(found, Unavailable):
        give_up(found.reason)
    return found

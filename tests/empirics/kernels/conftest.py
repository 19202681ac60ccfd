import pytest
from tools.needed import give_up

from empirics.kernels.kernel import Missing, load


@pytest.fixture(scope="session")
def kernel():
    found = load()
    if isinstance(found, Missing):
        give_up(found.reason)
    return found

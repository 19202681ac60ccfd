import pytest
from reference.tools import give_up

from empirics.training.engines.sparse_kernel import Missing, load


@pytest.fixture(scope="session")
def kernel():
    found = load()
    if isinstance(found, Missing):
        give_up(found.reason)
    return found

"""What the tests of records share."""

import pytest
from tools.fitted import equal_curves_fitted_once


@pytest.fixture(scope="module", autouse=True)
def equal_curves_are_fitted_once():
    with equal_curves_fitted_once():
        yield

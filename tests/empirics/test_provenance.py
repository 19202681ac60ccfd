import platform

import numpy as np
import torch

from empirics.provenance import provenance


def test_what_results_depend_on():
    found = provenance()
    assert found["versions"]["python"] == platform.python_version()
    assert found["versions"]["torch"] == torch.__version__
    assert found["versions"]["numpy"] == np.__version__
    assert {"kstar", "scipy"} <= set(found["versions"])
    assert found["processor"]
    assert found["commit"] is None or set(found["commit"].removesuffix("-dirty")) <= set("0123456789abcdef")

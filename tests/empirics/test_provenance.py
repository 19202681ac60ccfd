import os
import platform
import subprocess
import sys

import numpy as np
import torch

from empirics.provenance import provenance, vector_instructions


def test_what_results_depend_on():
    found = provenance()
    assert found["versions"]["python"] == platform.python_version()
    assert found["versions"]["torch"] == torch.__version__
    assert found["versions"]["numpy"] == np.__version__
    assert {"kstar", "scipy"} <= set(found["versions"])
    assert found["processor"]
    assert found["commit"] is None or set(found["commit"].removesuffix("-dirty")) <= set("0123456789abcdef")


def test_vector_instructions_are_those_that_torch_takes():
    code = "from empirics.provenance import vector_instructions; print(vector_instructions())"
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": "default"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "DEFAULT\n"
    assert vector_instructions() == torch.backends.cpu.get_cpu_capability()

"""theory is light: what its import must not load."""

import subprocess
import sys

import theory


def test_import_loads_neither_torch_nor_what_only_fits_need():
    code = "import sys, theory; print([m for m in ('torch', 'scipy', 'matplotlib', 'empirics') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_public_names_exist():
    assert all(hasattr(theory, name) for name in theory.__all__)
    assert theory.__all__ == sorted(theory.__all__, key=lambda name: (not name.isupper(), name[0].islower(), name))

"""`import kstar`: nothing is loaded before it is used, and every public name is where it is said to be."""

import ast
import subprocess
import sys
from importlib import import_module

import pytest
from tools.checkout import ROOT

import kstar

SOURCE = ast.parse((ROOT / "kstar" / "__init__.py").read_text(encoding="utf-8"))


def test_public_names_are_all_there_and_documented():
    assert dir(kstar) == sorted(kstar.__all__)
    for name in set(kstar.__all__) - {"__version__"}:
        assert getattr(kstar, name).__doc__
        assert getattr(kstar, name) is getattr(import_module(kstar._HOMES[name]), name)


def test_type_checkers_see_the_same_names():
    (seen,) = [node for node in SOURCE.body if isinstance(node, ast.If)]
    homes = {alias.name: node.module for node in seen.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert homes == kstar._HOMES


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'fits'"):
        _ = kstar.fits


def test_a_fit_and_a_report_load_neither_torch_nor_pandas_nor_pyplot(tmp_path):
    (tmp_path / "logs.csv").write_text("batch_size,steps\n16,5210\n32,2688\n64,1452\n128,810\n")
    code = (
        "import sys, kstar; kstar.read('logs.csv').fits[0].batch_size_for(0.5)\n"
        "kstar.measure; kstar.evaluate\nprint(*{'torch', 'pandas', 'matplotlib', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert (done.stdout, done.stderr) == ("\n", "")

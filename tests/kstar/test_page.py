"""README.md and docs/python.md: what they show of Python is what happens."""

import doctest
import shutil

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from tools.checkout import ROOT


@pytest.mark.parametrize(("name", "least"), [("README.md", 4), ("docs/python.md", 11)])
def test_a_page_shows_what_happens(tmp_path, monkeypatch, name, least):
    shutil.copytree(ROOT / "evidence" / "digits", tmp_path / "evidence" / "digits")
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    with mpl.rc_context({"backend": "agg"}):
        found = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS)
    plt.close("all")
    assert (found.failed, found.attempted >= least) == (0, True)

"""docs/python.md: what it shows is what happens."""

import doctest
import shutil

import matplotlib as mpl
import matplotlib.pyplot as plt
from tools.checkout import ROOT


def test_the_page_shows_what_happens(tmp_path, monkeypatch):
    shutil.copytree(ROOT / "evidence" / "digits", tmp_path / "evidence" / "digits")
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "python.md"
    page.write_text((ROOT / "docs" / "python.md").read_text(encoding="utf-8"), encoding="utf-8")
    with mpl.rc_context({"backend": "agg"}):
        found = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS)
    plt.close("all")
    assert (found.failed, found.attempted > 10) == (0, True)

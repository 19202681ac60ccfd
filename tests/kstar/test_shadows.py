"""A user's own `theory/` or `verification.py` beside them: kstar finds its own, or one line says what hides what."""

import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec

import pytest
from tools.checkout import PACKAGES, ROOT

from kstar.shadows import look_here_last, what_is_shadowed

LOGS = "batch_size,steps\n16,5210\n32,2688\n64,1452\n128,810\n"
FIT = "import kstar; print(kstar.fit([1, 2, 4], [9, 6, 4.5]).c1)"


def run(folder, *words, installed=True):
    """Run Python there, the packages found after what lies beside the user, as installed ones are, or by the finder."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT) if installed else "", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def beside(tmp_path):
    """A folder of a user's."""
    (tmp_path / "logs.csv").write_text(LOGS)
    return tmp_path


def hide(folder, package, kind):
    """Put something of the user's beside them; return what Python takes for the package."""
    if kind == "file":
        (folder / f"{package}.py").write_text("")
        return folder / f"{package}.py"
    (folder / package).mkdir()
    if kind == "package":
        (folder / package / "__init__.py").write_text("")
    return folder / package


@pytest.mark.parametrize("installed", [True, False])
def test_the_command_finds_its_own(beside, installed):
    for package, kind in zip(PACKAGES, ("package", "folder", "file", "package"), strict=True):
        hide(beside, package, kind)
    done = run(beside, "-m", "kstar", "report", "logs.csv", "--draws", "0", installed=installed)
    assert (done.returncode, done.stderr) == (0, "")
    assert "B_crit" in done.stdout


@pytest.mark.parametrize("kind", ["folder", "package", "file"])
@pytest.mark.parametrize("words", [("-m", "verification.report", "logs.csv", "--draws", "0"), ("-c", FIT)])
def test_what_cannot_work_says_what_hides_what(beside, kind, words):
    hidden = hide(beside, "theory", kind)
    done = run(beside, *words)
    if kind == "folder":  # without code in it a folder hides nothing
        assert (done.returncode, done.stderr) == (0, "")
        return
    told = done.stderr.splitlines()
    said = f"{hidden} hides kstar's own package theory: rename or move it"
    if words[0] == "-m":
        assert (done.returncode, told) == (2, [f"error: {said}, or use the command `kstar`, which finds its own"])
    else:
        assert told[-1] == f"ImportError: {said}"


def test_a_module_of_the_user_is_still_found_and_last(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for before in (["", str(ROOT), str(tmp_path)], ["", "/elsewhere"]):
        monkeypatch.setattr(sys, "path", before)
        look_here_last()
        assert sys.path[-2:] == [str(ROOT), str(tmp_path)]
        assert "" not in sys.path


def test_a_folder_without_code_hides_a_package_that_is_not_on_the_path(tmp_path, monkeypatch):
    spec = ModuleSpec("theory", None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path / "theory")]
    monkeypatch.setitem(sys.modules, "theory", module_from_spec(spec))
    assert what_is_shadowed() == f"{tmp_path / 'theory'} hides kstar's own package theory: rename or move it"


def test_where_everything_is_found_nothing_is_said():
    assert what_is_shadowed() == ""

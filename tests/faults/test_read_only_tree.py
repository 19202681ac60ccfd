"""A checkout with its evidence on read-only media: runs, figures and the page go elsewhere, verdicts are printed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tools import guarded_module
from tools.fault_places import read_only_view
from tools.needed import give_up

from empirics.kernels.kernel import Unavailable, load

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["mounted", "guarded"])
def run_module(request, tmp_path):
    """Run a module in a checkout that cannot be changed: mounted read-only, or every change made to fail."""

    def run(tree, first, words, cwd=None):
        environment = os.environ | {"PYTHONPATH": str(tree), "HOME": str(tree), "OMP_NUM_THREADS": "1"}
        environment |= {"MPLCONFIGDIR": str(tmp_path)}
        command = [sys.executable, *first, *map(str, words)]
        return subprocess.run(command, cwd=cwd or tree, env=environment, capture_output=True, text=True, check=False)

    if request.param == "guarded":
        yield lambda module, *words, **where: run(ROOT, [guarded_module.__file__, ROOT, module], words, **where)
        return
    (tmp_path / "tree").mkdir()
    with read_only_view(ROOT, tmp_path / "tree") as tree:
        yield lambda module, *words, **where: run(tree, ["-m", module], words, **where)


def test_verdicts_figures_and_the_page_come_from_a_read_only_tree(run_module, tmp_path):
    report = run_module("verification.report", "evidence/digits", "--draws", "0", "--json", tmp_path / "verdicts.json")
    assert (report.returncode, report.stderr) == (0, "")
    assert "every curve follows" in report.stdout
    assert (tmp_path / "verdicts.json").read_text().startswith("{")
    drawn = run_module("paper_figures", "evidence/digits", "--figure", "1", "--to", tmp_path / "figures")
    assert (drawn.returncode, drawn.stderr) == (0, "")
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == ["figure_01.png", "figure_01.svg"]
    page = run_module("paper_figures.report", "evidence/digits", "--to", tmp_path / "page.html")
    assert (page.returncode, page.stderr) == (0, "")
    assert (tmp_path / "page.html").read_text().startswith("<!DOCTYPE html>")
    for module, *words in (
        ("paper_figures", "--figure", "1"),
        ("verification.report", "--draws", "0", "--save"),
    ):
        refused = run_module(module, "evidence/digits", *words)
        assert refused.returncode == 2
        assert refused.stderr.count("\n") == 1
        assert "Read-only file system" in refused.stderr


@pytest.mark.parametrize("engine", ["torch", "sparse"])
def test_a_run_is_measured_from_a_read_only_tree_and_home(run_module, tmp_path, engine):
    if engine == "sparse" and isinstance(found := load(), Unavailable):
        give_up(found.reason)
    words = (
        *("--sparsity", "90", "--batch-sizes", "64", "--trials", "2", "--goal-error", "0.5", "--max-steps", "200"),
        *("--examples", "64", "--hessian-points", "0", "--engine", engine, "--out", "run"),
    )
    done = run_module("empirics.measure", *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run/constants.csv").is_file()

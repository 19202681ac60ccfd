"""Wheel and sdist: built in isolation, whole, and used where there is no checkout."""

import csv
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import time
import venv
import zipfile
from pathlib import Path

import pytest
from tools.checkout import PACKAGES, ROOT, copy_checkout
from tools.needed import give_up, need
from tools.once import once

from empirics.kernels.build import HEADERS, SOURCE, builds
from kstar import __version__

MEASURE = (
    *("--sparsity", "0", "90", "--batch-sizes", "16", "64", "256", "--trials", "3", "--goal-error", "0.3"),
    *("--max-steps", "200", "--examples", "64", "--hessian-points", "0", "--jobs", "1"),
)
SMALL = (
    *("--sparsity", "90", "--batch-sizes", "64", "--trials", "2", "--goal-error", "0.5", "--max-steps", "200"),
    *("--no-constants", "--jobs", "1"),
)
KERNEL = {f"empirics/kernels/{path.name}" for path in (SOURCE, *HEADERS)}
PIP = ("-m", "pip", "install", "--quiet", "--ignore-installed", "--no-deps", "--no-index")
# Modules with a command of their own.
MODULES = (
    *("theory.noisy_quadratic", "theory.worst_case", "empirics.constants", "empirics.datasets", "empirics.exchange"),
    *("empirics.logs", "verification.findings", "paper_figures.report"),
)
# Where a module comes from, how its distribution was installed, and what lies beside it.
PROBE = """
import importlib, importlib.metadata, json, sys
files = {name: importlib.import_module(name).__file__ for name in sys.argv[1:]}
origin = json.loads(importlib.metadata.distribution("kstar-scaling").read_text("direct_url.json"))
names = sorted(one.metadata["Name"] for one in importlib.metadata.distributions())
print(json.dumps({"files": files, "path": sys.path, "origin": origin, "names": names}))
"""

pytestmark = pytest.mark.slow


def finished(*command, cwd, **environment):
    """Run a command as a user would, with nothing of this environment in its way; return how it ended."""
    outer = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    outer |= {"OMP_NUM_THREADS": "1", "PIP_CONSTRAINT": str(ROOT / "constraints.txt")}
    command = [*map(str, command)]
    return subprocess.run(command, cwd=cwd, env=outer | environment, capture_output=True, text=True, check=False)


def run(*command, cwd, **environment):
    """Run a command that succeeds; return what it prints."""
    done = finished(*command, cwd=cwd, **environment)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def or_skip(*command, cwd):
    """Run what needs a package registry; without one it fails where CI is set and skips elsewhere."""
    try:
        return run(*command, cwd=cwd)
    except AssertionError as error:
        unreachable = ("No matching distribution", "Connection", "Temporary failure", "Could not find a version")
        if not any(words in str(error) for words in unreachable):
            raise
        give_up(f"no package registry can be reached: {error}")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with the sdist and the wheel made from it."""

    def build(folder):
        source = copy_checkout(tmp_path_factory.mktemp("source") / "kstar")
        or_skip(sys.executable, "-m", "build", "--outdir", folder, source, cwd=folder)

    return once(tmp_path_factory, "distribution", build)


def test_the_wheel_holds_the_packages_and_what_they_read(built):
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {name.partition("/")[0] for name in names if not name.partition("/")[0].endswith(".dist-info")}
    assert tops == {*PACKAGES, "kstar"}
    for package in PACKAGES:
        wanted = {path.relative_to(ROOT).as_posix() for path in (ROOT / package).rglob("*.py")}
        assert wanted <= names
        assert f"{package}/py.typed" in names
    assert {f"paper_figures/report/report{end}" for end in (".css", ".js", ".html.j2")} <= names
    assert names >= KERNEL
    need("g++", package="g++")
    suffix = sysconfig.get_config_var("EXT_SUFFIX")
    assert {f"empirics/kernels/_sparse_{name}{suffix}" for name in builds()} <= names


def test_the_sdist_holds_what_the_wheel_is_made_of(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "kstar/ending.py", "theory/derive.py"} <= names
    assert {"setup.py", *KERNEL} <= names


def install(wheel, folder):
    """Install a wheel, as its constraints have it, in a new environment; return where its commands lie.

    Nothing of the running environment serves the new one, which has an editable install of this very checkout: every
    package comes from the registry, so that what the wheel does not ask for is not there.
    """
    venv.create(folder, with_pip=True)
    or_skip(folder / "bin/python", "-m", "pip", "install", "--quiet", "torch==2.13.0", wheel, cwd=folder)
    return folder / "bin"


FRONT_DOOR = """
import json, sys
import kstar
import matplotlib
matplotlib.use("agg")

def make_workload():
    from my_workload import make_workload
    return make_workload()

if __name__ == "__main__":
    loaded = sorted({"torch", "pandas"} & set(sys.modules))
    fit = kstar.fit([16, 32, 64, 128, 256, 512], [5210, 2688, 1452, 810, 501, 352])
    known = [str(one) for one in (fit.c1, fit.c2, fit.critical_batch_size)]
    advice = str(fit.batch_size_for(efficiency=0.5))
    labels = [line.get_label() for line in fit.plot().lines]
    small = {"trials": 2, "batch_sizes": [16, 64, 256], "max_steps": 60, "goal_error": 0.5, "progress": False}
    run = kstar.measure(workload="digits", sparsity=[0, 90], out="run", examples=64, hessian_points=0, jobs=2, **small)
    report, figure = str(run.report()), run.draw("ratio")
    own = kstar.measure(workload=make_workload, sparsity=0, out="own", constants=False, jobs=2, **small)
    theirs = kstar.evaluate("tuned", batch_sizes=[16, 256], L=1.76, Delta=4.68, beta=107, epsilon=0.1)
    print(json.dumps({
        "version": kstar.__version__, "loaded": loaded, "known": known, "advice": advice, "labels": labels,
        "points": len(run.curves), "constants": len(run.constants), "axes": len(figure.axes), "report": report,
        "again": repr(kstar.read("run")), "logs": repr(kstar.read("logs.csv").fits), "own": len(own.curves),
        "steps": theirs.steps.tolist(), "critical": kstar.critical_batch_size(51_200, 200),
    }))
"""


def borrowing(folder):
    """Make an environment that borrows what it lacks, pip too, from the running one; return where its commands lie."""
    venv.create(folder)
    (site,) = folder.glob("lib/python*/site-packages")
    places = [entry for entry in sys.path if entry.endswith("site-packages")]
    (site / "borrowed.pth").write_text("\n".join(places))
    return folder / "bin"


@pytest.fixture(scope="module")
def borrowed(built, tmp_path_factory):
    """Where the commands of an environment lie that has the wheel, and borrows what it needs from the running one."""
    (wheel,) = built.glob("*.whl")
    bin_folder = borrowing(tmp_path_factory.mktemp("borrowed") / "venv")
    run(bin_folder / "python", *PIP, wheel, cwd=bin_folder)
    return bin_folder


@pytest.fixture
def elsewhere(tmp_path):
    """A folder of a user's, away from the checkout."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "logs.csv").write_text("batch_size,steps\n16,5210\n32,2688\n64,1452\n128,810\n256,501\n512,352\n")
    shutil.copy(ROOT / "examples" / "own_model.py", folder / "my_workload.py")
    return folder


def test_the_lines_of_the_front_door_run_away_from_the_checkout(borrowed, elsewhere):
    (elsewhere / "lines.py").write_text(FRONT_DOOR)
    told = json.loads(run(borrowed / "python", "lines.py", cwd=elsewhere))
    known = ["79900 [78600, 81300]", "193 [176, 210]", "414 [375, 460]"]
    advice = "batch size 414 [375, 460], steps 386\nIntervals are between batch sizes only, not between seeds."
    assert (told["version"], told["loaded"]) == (__version__, [])
    assert (told["known"], told["advice"]) == (known, advice)
    assert {"fit", "critical batch size"} <= set(told["labels"])
    assert (told["points"], told["again"]) == (6, f"Run(run: curves 2, points 6, constants {told['constants']})")
    assert (told["axes"], told["own"]) == (1, 3)
    assert "C1" in told["report"]
    assert f"c1 {known[0]}" in told["logs"]
    assert (told["steps"], told["critical"]) == ([pytest.approx(5590.728), pytest.approx(426.6405)], 256.0)


def test_things_of_a_user_called_like_our_packages_hide_nothing(borrowed, elsewhere):
    for package in ("theory", "paper_figures"):
        (elsewhere / package).mkdir()
        (elsewhere / package / "__init__.py").write_text("")
    (elsewhere / "empirics").mkdir()
    (elsewhere / "verification.py").write_text("")
    for command in ([borrowed / "kstar"], [borrowed / "python", "-m", "kstar"]):
        assert "B_crit" in run(*command, "report", "logs.csv", "--draws", "0", cwd=elsewhere)
        assert "c1" in run(*command, "derive", "--case", "sparsity", cwd=elsewhere)
    planned = ("measure", "--workload", "my_workload:make_workload", "--sparsity", "0", "--plan")
    assert "my_workload:make_workload" in run(borrowed / "kstar", *planned, cwd=elsewhere)


@pytest.mark.parametrize("compiler", [None, "g++", "clang++"])
def test_the_sparse_engine_comes_with_any_compiler_and_torch_trains_without(compiler, tmp_path):
    """PATH leads to one compiler or to none; nothing is written but the environment, then nothing but the run."""
    tools, home, elsewhere = (tmp_path / name for name in ("tools", "home", "elsewhere"))
    for folder in (tools, home, elsewhere):
        folder.mkdir()
    named = {} if compiler else {"CC": "no-compiler", "CXX": "no-compiler"}  # Python may know a compiler by its path
    if compiler:
        need(compiler, package="g++ clang")
        for name in (compiler, "as", "ld"):
            (tools / name).symlink_to(shutil.which(name))
    python = borrowing(tmp_path / "venv") / "python"
    source = copy_checkout(tmp_path / "source")
    start = time.monotonic()
    run(python, *PIP, "--no-build-isolation", source, cwd=home, PATH=str(tools), HOME=str(home), **named)
    assert compiler or time.monotonic() - start < 30
    shutil.rmtree(home)
    home.mkdir()

    def measure(*words):
        environment = {"PATH": str(tools), "HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
        done = finished(python, "-m", "empirics.measure", *SMALL, *words, cwd=elsewhere, **environment)
        return done.returncode, done.stderr.splitlines()

    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path != elsewhere}
    code, told = measure("--out", "run")
    assert code == 0, told
    advice = "install g++ (11 or newer) or clang (12 or newer), then this package again"
    assert [advice in line for line in told if line.startswith("notice: ")] == ([] if compiler else [True])
    (session,) = json.loads((elsewhere / "run/provenance.json").read_text())["sessions"]
    assert session["engine"] == ("sparse" if compiler else "torch")
    code, told = measure("--out", "sparse", "--engine", "sparse")
    if compiler:
        assert code == 0, told
        assert (elsewhere / "sparse/curves.csv").read_bytes() == (elsewhere / "run/curves.csv").read_bytes()
    else:
        assert code == 2
        (line,) = told
        assert line.startswith("error: --engine sparse: ")
        assert advice in line
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if elsewhere not in {path, *path.parents}}
    assert after == before


def test_a_wheel_alone_measures_judges_and_draws(built, tmp_path):
    """All in one, since the environment takes a minute and a half to install."""
    (wheel,) = built.glob("*.whl")
    bin_folder = install(wheel, tmp_path / "clean")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def kstar(*words):
        return run(bin_folder / "kstar", *words, cwd=elsewhere)

    def module(*words):
        return run(bin_folder / "python", "-m", *words, cwd=elsewhere)

    check_where_it_comes_from(bin_folder, elsewhere)
    derivation = kstar("derive", "--case", "sparsity")
    assert "c1" in derivation
    assert module("theory.derive", "--case", "sparsity") == derivation

    kstar("measure", *MEASURE, "--out", "run")
    curves = (elsewhere / "run/curves.csv").read_bytes()
    assert [row["status"] for row in csv.DictReader(curves.decode().splitlines())] == ["reached"] * 6
    module("empirics.measure", *MEASURE, "--out", "run")
    assert (elsewhere / "run/curves.csv").read_bytes() == curves
    sessions = json.loads((elsewhere / "run/provenance.json").read_text())["sessions"]
    assert [session["versions"]["kstar"] for session in sessions] == [__version__, __version__]

    report = kstar("report", "run", "--draws", "0", "--save")
    verdicts = (elsewhere / "run/verdicts.json").read_bytes()
    assert {claim["id"] for claim in json.loads(verdicts)["claims"]} >= {"C1", "C18"}
    assert module("verification.report", "run", "--draws", "0", "--save") == report
    assert (elsewhere / "run/verdicts.json").read_bytes() == verdicts

    kstar("figures", "run", "--figure", "1")
    module("paper_figures", "run", "--figure", "1", "--to", "again")
    for name in ("figure_01.png", "figure_01.svg"):
        assert (elsewhere / "again" / name).read_bytes() == (elsewhere / "run/figures" / name).read_bytes()
    module("paper_figures.report", "run")
    assert "<style>" in (elsewhere / "report.html").read_text()
    for name in MODULES:
        assert f"python -m {name}" in module(name, "--help")

    assert sorted(path.name for path in elsewhere.iterdir()) == ["again", "report.html", "run"]
    assert sorted(path.name for path in (elsewhere / "run").iterdir()) == [
        *("constants.csv", "curves.csv", "figures", "provenance.json", "study.sqlite", "verdicts.json"),
    ]


def check_where_it_comes_from(bin_folder, elsewhere):
    """Check that the packages are the wheel's, that nothing leads to the checkout, and that no test tool is there."""
    found = json.loads(run(bin_folder / "python", "-c", PROBE, "kstar", *PACKAGES, cwd=elsewhere))
    (site,) = bin_folder.parent.glob("lib/python*/site-packages")
    assert all(Path(file).is_relative_to(site) for file in found["files"].values())
    assert not [path for path in found["path"] if Path(path).is_relative_to(ROOT)]
    assert "archive_info" in found["origin"]
    assert not {"pytest", "hypothesis", "ray", "selenium", "sphinx"} & {name.lower() for name in found["names"]}
    run(bin_folder / "python", "-m", "pip", "check", cwd=elsewhere)

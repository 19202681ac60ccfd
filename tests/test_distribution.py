"""Wheel and sdist: built in isolation, whole, and used where there is no checkout."""

import csv
import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
from tools.checkout import PACKAGES, ROOT, copy_checkout
from tools.needed import give_up
from tools.once import once

from kstar import __version__

MEASURE = (
    *("--sparsity", "0", "90", "--batch-sizes", "16", "64", "256", "--trials", "3", "--goal-error", "0.3"),
    *("--max-steps", "200", "--examples", "64", "--hessian-points", "0", "--jobs", "1"),
)
# The modules with a command of their own that `kstar` has no name for.
MODULES = (
    *("theory.noisy_quadratic", "theory.worst_case", "empirics.constants", "empirics.datasets", "empirics.exchange"),
    *("verification.findings", "verification.record", "paper_figures.report"),
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


def run(*command, cwd):
    """Run a command as a user would, with nothing of this environment in its way."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    environment |= {"OMP_NUM_THREADS": "1", "PIP_CONSTRAINT": str(ROOT / "constraints.txt")}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
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
    assert {f"paper_figures/report{end}" for end in (".css", ".js", ".html.j2")} <= names


def test_the_sdist_holds_what_the_wheel_is_made_of(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "kstar/ending.py", "theory/derive.py"} <= names


def install(wheel, folder):
    """Install a wheel, as its constraints have it, in a new environment; return where its commands lie.

    Nothing of the running environment serves the new one, which has an editable install of this very checkout: every
    package comes from the registry, so that what the wheel does not ask for is not there.
    """
    venv.create(folder, with_pip=True)
    or_skip(folder / "bin/python", "-m", "pip", "install", "--quiet", "torch==2.13.0", wheel, cwd=folder)
    return folder / "bin"


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

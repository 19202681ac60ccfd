"""Options and fixtures of `pytest verification/`: the claims on kept runs and on the user's own.

    pytest verification/ [--study DIR]...
    pytest "$(python -c 'import verification; print(*verification.__path__)')" --study DIR    # installed: no kept runs

A claim that the data reject is a finding: it is printed at the end and fails nothing.
"""

import os
from functools import cache
from pathlib import Path

import hypothesis
import pytest

from verification.claims.analysis import Analysis, analyse
from verification.claims.judge import Claim
from verification.inference.curve_tests import DRAWS
from verification.records.records import read_records
from verification.report.tables import claim_lines

# The same examples in every run, and no time limit on a shared machine: a failure means the code, not the day.
hypothesis.settings.register_profile("kstar", deadline=None, derandomize=True)
hypothesis.settings.load_profile("kstar")

EVIDENCE = Path(__file__).resolve().parent.parent / "evidence"
REQUIRED = EVIDENCE / "digits"

FINDINGS = pytest.StashKey[dict[str, tuple[Claim, ...]]]()


def pytest_addoption(parser):
    """Add --study."""
    parser.addoption(
        "--study", action="append", default=[], metavar="DIR", help="also test the claims on this run folder"
    )


def pytest_configure(config):
    """Refuse a --study that is no run before anything is collected."""
    config.stash[FINDINGS] = {}
    for study in config.getoption("--study"):
        try:
            if not Path(study).is_dir():
                raise ValueError(f"{study} is no run folder: there is no such folder")
            read_records(study)
        except ValueError as error:
            raise pytest.UsageError(f"--study: {error}") from None


def pytest_generate_tests(metafunc):
    """Run every test that takes a run on each kept run and on each --study; `make test` leaves out the slow ones."""
    if "run" in metafunc.fixturenames:
        kept = {folder.parent for folder in EVIDENCE.glob("*/curves.csv")}
        if (EVIDENCE.parent / "pyproject.toml").exists():  # no installed package: there, only --study is tested
            kept.add(REQUIRED)
        studies = [Path(study).resolve() for study in metafunc.config.getoption("--study")]
        slow = kept - {REQUIRED}
        runs = [
            pytest.param(run, id=os.path.relpath(run), marks=[pytest.mark.slow] if run in slow else [])
            for run in [*sorted(kept), *studies]
        ]
        metafunc.parametrize("run", runs, scope="session")  # all tests of a run after another: it is analysed once


@cache
def _analysis(run: Path) -> Analysis:
    return analyse(read_records(run), DRAWS)


@pytest.fixture
def analysis(run):
    """Everything the layer says about a run."""
    if not run.exists():
        pytest.fail(f"the kept run {run} is missing: measure it with `make measure` and keep it there")
    return _analysis(run)


@pytest.fixture
def findings(request):
    """Run folder to claims, printed when all tests are done."""
    return request.config.stash[FINDINGS]


def pytest_terminal_summary(terminalreporter, config):
    """Print what was found about each claim."""
    for name, claims in config.stash[FINDINGS].items():
        terminalreporter.section(f"claims on {name}")
        for line in claim_lines(claims):
            terminalreporter.write_line(line)

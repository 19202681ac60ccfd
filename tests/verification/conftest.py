"""Runs that several test files look at."""

import shutil

import pytest
from tools.fitted import equal_curves_are_fitted_once

from empirics.measure import main

__all__ = ["equal_curves_are_fitted_once"]


@pytest.fixture(scope="session")
def measured_run(tmp_path_factory):
    """A small run on digits, measured by the program itself."""
    folder = tmp_path_factory.mktemp("measured") / "run"
    options = ["--sparsity", "0", "90", "--batch-sizes", "16", "64", "256", "--trials", "4", "--goal-error", "0.3"]
    assert main([*options, "--max-steps", "200", "--examples", "64", "--jobs", "1", "--out", str(folder)]) == 0
    return folder


@pytest.fixture
def stored_run(measured_run, tmp_path):
    """A copy of that run, to be spoilt."""
    return shutil.copytree(measured_run, tmp_path / "run")


@pytest.fixture(scope="session")
def unhurried_run(tmp_path_factory):
    """A small run whose trials all train to their budget."""
    folder = tmp_path_factory.mktemp("unhurried") / "run"
    options = ["--sparsity", "0", "90", "--batch-sizes", "16", "64", "256", "--trials", "6", "--goal-error", "0.3"]
    options += ["--max-steps", "120", "--stop", "never", "--no-constants", "--jobs", "1"]
    assert main([*options, "--out", str(folder)]) == 0
    return folder

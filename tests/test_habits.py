"""What a contributor's tools are told agrees with the project."""

import re
import subprocess
import tomllib

from tools.checkout import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOW = (ROOT / ".github/workflows/check.yml").read_text()


def test_make_help_lists_every_target():
    (declared,) = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    listed = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[1] for line in listed.splitlines()} == set(declared.split())


def test_the_workflow_starts_with_the_oldest_python_allowed():
    oldest = PROJECT["requires-python"].removeprefix(">=")
    assert f'python: ["{oldest}", ' in WORKFLOW
    assert f'python-version: "{oldest}"' in WORKFLOW


def test_every_requirement_has_a_lowest_version():
    extras = [line for name, lines in PROJECT["optional-dependencies"].items() if name != "dev" for line in lines]
    assert [line for line in [*PROJECT["dependencies"], *extras] if ">=" not in line] == []

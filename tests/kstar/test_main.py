"""`kstar COMMAND`: thin, and light for who asks for little."""

import re
import tomllib
from pathlib import Path

import pytest

import kstar
from kstar.__main__ import COMMANDS, main

ROOT = Path(kstar.__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize("words", [[], ["-h"], ["--help"]])
def test_help_names_every_command(capsys, words):
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert all(f"\n  {name} " in printed for name in COMMANDS)


def test_the_version_has_one_source(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"kstar {kstar.__version__}\n"
    assert re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1] == kstar.__version__
    assert f"\n## [{kstar.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_an_unknown_command_is_refused_in_one_line(capsys):
    assert main(["derives"]) == 2
    assert capsys.readouterr().err == (
        "error: no command 'derives'; use one of derive, evaluate, measure, constants, account, report, fit, "
        "batch-size, page, figures, import, exchange, datasets (see kstar --help)\n"
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_calls_itself_by_the_name_it_was_called_by(capsys, name):
    with pytest.raises(SystemExit) as left:
        main([name, "--help"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: kstar {name} ")


@pytest.mark.parametrize("name", COMMANDS)
def test_exit_codes_are_the_commands_own(capsys, name):
    with pytest.raises(SystemExit) as left:
        main([name, "--no-such-option"])
    assert left.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_entry_point_is_declared():
    assert PROJECT["scripts"] == {"kstar": "kstar.__main__:main"}

"""How commands end: one line and an exit code, whatever stops them, and whatever they print to."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tools.checkout import PACKAGES, ROOT

from empirics.command_ending import run_command
from kstar.ending import command, say

REQUESTS = (signal.SIGINT, signal.SIGTERM)
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no device that is full")


@pytest.fixture(autouse=True)
def _begun_in_the_foreground():
    """A job in the background begins with Ctrl-C ignored, and so would these tests."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


def request_end(request):
    os.kill(os.getpid(), request)
    return 0


def answers():
    return [signal.getsignal(request) for request in REQUESTS]


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_to_end_is_one_line(request_, capsys):
    before = answers()
    assert command(request_end)(request_) == 130
    assert capsys.readouterr() == ("", "error: interrupted\n")
    assert answers() == before


@pytest.mark.parametrize("then", [lambda: 0, lambda: say("done"), lambda: 1 / 0], ids=["silent", "speaks", "fails"])
def test_an_interruption_that_something_swallowed_still_ends_the_command(then, capsys):
    def main():
        try:
            request_end(signal.SIGINT)
        except KeyboardInterrupt:
            then()
        return 0

    assert command(main)() == 130
    assert capsys.readouterr() == ("", "error: interrupted\n")


def test_a_request_that_was_to_be_ignored_is_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert command(request_end)(signal.SIGINT) == 0


def test_one_command_within_another_says_it_once(capsys):
    assert command(command(request_end))(signal.SIGINT) == 130
    assert capsys.readouterr().err == "error: interrupted\n"


def test_what_the_system_refuses_is_one_line_and_a_fault_of_ours_is_shown(capsys):
    def fail(error):
        raise error

    assert command(fail)(PermissionError(13, "Permission denied", "a\nb")) == 2
    assert capsys.readouterr().err == "error: [Errno 13] Permission denied: 'a\\nb'\n"
    with pytest.raises(ZeroDivisionError):
        command(fail)(ZeroDivisionError())


@pytest.mark.parametrize(
    ("error", "told"),
    [(OSError(), "OSError"), (ConnectionResetError(), "ConnectionResetError"), (TimeoutError(" \n"), "TimeoutError")],
)
def test_what_the_system_refuses_without_a_word_is_told_by_its_name(error, told, capsys):
    def fail():
        raise error

    assert command(fail)() == 2
    assert capsys.readouterr().err == f"error: {told}\n"
    assert run_command(fail) == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: {told}; finished work is kept")
    assert message.count("\n") == 1


@needs_full
@pytest.mark.parametrize("write", [say, lambda text: print(text, end="")], ids=["say", "print"])
def test_a_full_output_device_is_one_line(write, capsys, monkeypatch):
    with FULL.open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert command(lambda: write("text") and 0)() == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "standard output" in error
    assert "No space left on device" in error


def test_a_reader_that_has_gone_is_no_error(capsys, monkeypatch):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        monkeypatch.setattr("sys.stdout", pipe)
        assert command(lambda: int(say("text") or print("more") is not None))() == 0
    assert capsys.readouterr().err == ""


def test_a_character_that_cannot_be_printed_is_printed_as_its_number(tmp_path, monkeypatch):
    with (tmp_path / "out").open("w", encoding="ascii") as out:
        monkeypatch.setattr("sys.stdout", out)
        assert command(lambda: 0 if say("\u0394 \udcff") else 1)() == 0
    assert (tmp_path / "out").read_text() == "\\u0394 \\udcff\n"


def test_every_command_ends_so():
    """Each module that Python runs by `-m`."""
    found = []
    for path in [path for package in ("kstar", *PACKAGES) for path in sorted((ROOT / package).rglob("*.py"))]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if "__name__ == '__main__'" in ast.unparse(tree):
            (main,) = (one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == "main")
            assert [ast.unparse(one) for one in main.decorator_list] == ["command"], path
            calls = [ast.unparse(one) for one in ast.walk(tree) if isinstance(one, ast.Call)]
            unheard = [call for call in calls if call.startswith("print(") and "file=sys.stderr" not in call]
            assert path == ROOT / "kstar" / "ending.py" or not unheard, path
            found.append(path.stem)
    assert len(found) > 10


@pytest.mark.parametrize("module", ["theory.derive", "empirics.measure", "verification.report", "paper_figures"])
@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_to_end_while_modules_are_imported_is_one_line(module, request_, tmp_path):
    """What all import, numpy, is one that ends the process before it is there."""
    fake = f"import os, time\nos.kill(os.getpid(), {int(request_)})\ntime.sleep(30)\n"
    (tmp_path / "numpy.py").write_text(fake)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    command = [sys.executable, "-m", module]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"error: interrupted\n")


def test_a_package_of_ones_own_that_imports_ours_answers_as_it_did(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "__init__.py").write_text("import theory\n")
    (tmp_path / "mine" / "__main__.py").write_text("import signal; print(signal.getsignal(signal.SIGINT).__name__)\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-m", "mine"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "default_int_handler\n"

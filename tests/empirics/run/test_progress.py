import pytest

from empirics.records import Study
from empirics.run.progress import Display
from empirics.training.tasks import StudyTask

TASK = StudyTask(Study(90.0, 0, 128), ())


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


def test_away_from_a_terminal_there_is_a_line_a_stage_and_a_line_a_study(capsys):
    with Display() as display, display.stage("studies", 2):
        display.watch(TASK, 100)
        display.done(TASK, "S=90 B=128: K* = 12")
        display.done(TASK, "")
    out, err = capsys.readouterr()
    first, second, *rest = err.splitlines()
    assert out == ""
    assert first == "studies: 2"
    assert second.endswith(" s  [1/2]  S=90 B=128: K* = 12")
    assert rest in ([], [""])


def test_a_long_line_stays_one_line(capsys):
    line = "S=90 B=128: goal not reached in 100000 steps (best at the end 0.246), 12345.6 s [bold]" + "x" * 80
    with Display() as display, display.stage("studies", 1):
        display.done(TASK, line)
    assert line in capsys.readouterr().err


def test_an_empty_stage_says_nothing(capsys):
    with Display() as display, display.stage("reruns", 0):
        pass
    assert capsys.readouterr().err.strip() == ""

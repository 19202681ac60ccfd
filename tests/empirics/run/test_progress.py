"""What a person sees while a run measures: on a terminal, and in a pipe."""

import contextlib
import os
import re

import pytest

from empirics.records import Study, StudyRecord, TrialRecord
from empirics.run.curve_plot import HEIGHT, curve_plot
from empirics.run.progress import HEARTBEAT, Display
from empirics.run.time_left import TimeLeft
from empirics.training.tasks import StudyTask

TASK = StudyTask(Study(90.0, 0, 128), ())


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)


class Clock:
    """Time that a test moves."""

    now = 0.0

    def __call__(self):
        return self.now


def study(batch_size, steps, sparsity=0.0):
    """A study whose one trial met the goal at a step, or never."""
    trial = TrialRecord(0, {}, "complete" if steps else "incomplete", steps or 100)
    return (StudyRecord(Study(sparsity, 0, batch_size), 0.1, (trial,), 100, 2, None if steps else 0.5, 1.0),)


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


def test_in_a_pipe_a_line_tells_now_and_then_where_the_run_is(capsys):
    clock, other = Clock(), StudyTask(Study(0.0, 0, 16), ())
    sizes = {TASK.label: (1.0, 0.0), other.label: (1.0, 0.0)}
    with Display(clock=clock) as display, display.stage("studies", 2, TimeLeft(sizes, later=0.0)):
        for clock.now in (1.0, HEARTBEAT - 1.0, HEARTBEAT, HEARTBEAT + 1.0):
            display.watch(TASK, int(clock.now))
        display.done(TASK, "S=90 B=128: K* = 12")
        display.watch(other, 5)
        clock.now += HEARTBEAT - 1.0
        display.watch(other, 6)
        clock.now += 1.0
        display.watch(other, 7)
    lines = capsys.readouterr().err.split("\n")
    assert lines[1] == f"   60.0 s  [0/2]  {TASK.label} at 60"
    assert lines[3] == f"  121.0 s  [1/2]  {other.label} at 7; about 0 s left for the whole run"
    assert lines[4:] in ([""], ["", ""])


def test_quiet_is_quiet(capsys):
    clock = Clock()
    with Display(show=False, clock=clock) as display, display.stage("studies", 1):
        clock.now = 2.0 * HEARTBEAT
        display.watch(TASK, 3)
        display.say("a notice")
        display.done(TASK, "S=90 B=128: K* = 12")
    assert capsys.readouterr() == ("", "")


def on_a_terminal(monkeypatch, lines, studies):
    """Return what a terminal of some lines was sent, without its control codes."""
    for name, value in {"TERM": "xterm", "COLUMNS": "100", "LINES": str(lines)}.items():
        monkeypatch.setenv(name, value)
    ours, theirs = os.openpty()
    clock = Clock()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr("sys.stderr", terminal)
        left = TimeLeft({TASK.label: (1.0, 0.0), "another": (3.0, 0.0)}, later=10.0)
        with Display(clock=clock) as display, display.stage("studies", 2, left):
            for one in studies:
                display.studied(one)
            clock.now = 20.0
            display.done(TASK, "S=90 B=128: K* = 12")
            display._bars.refresh()
        monkeypatch.undo()
    sent = b""
    with contextlib.suppress(OSError):  # how a terminal says that nobody writes any more
        while part := os.read(ours, 4096):
            sent += part
    os.close(ours)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", sent.decode()).replace("\r", "")


def test_a_terminal_shows_studies_done_the_curve_so_far_and_the_time_left(monkeypatch):
    seen = on_a_terminal(monkeypatch, 40, [study(16, 64), study(256, 8), study(16, 128, 90.0), study(64, None)])
    assert "S=90 B=128: K* = 12" in seen
    assert curve_plot([(0.0, 16, 64), (0.0, 256, 8), (90.0, 16, 128)], 60) in seen
    assert "\nabout 70 s left for the whole run\n" in seen  # 20 s of work 1, of 4; then 10 s
    assert re.search(r"studies .* 1/2", seen)


@pytest.mark.parametrize(("lines", "studies"), [(16, [study(16, 64), study(256, 8)]), (40, [study(16, 64)])])
def test_no_plot_where_there_is_no_room_or_no_curve(monkeypatch, lines, studies):
    seen = on_a_terminal(monkeypatch, lines, studies)
    assert "batch size" not in seen
    assert "left for the whole run" in seen


@pytest.mark.parametrize("width", [1, 3, 30, 60])
def test_a_plot_keeps_its_size_and_shows_every_point_that_nothing_hides(width):
    points = [(sparsity, 2**k, 1000 // 2**k + 7) for k in range(9) for sparsity in (0.0, 50.0, 90.0)]
    lines = curve_plot(points, width).splitlines()
    assert len(lines) == HEIGHT + 3
    assert max(map(len, lines[:HEIGHT])) <= width + len("1007 |")
    marks = {(x, y): mark for y, line in enumerate(lines[:HEIGHT]) for x, mark in enumerate(line[6:]) if mark != " "}
    assert set(marks.values()) <= {"+"}  # the last sparsity hides the others, which need as many steps
    assert (0, 0) in marks
    assert curve_plot([(0.0, 16, 5), (0.0, 64, 5)], 20).count("o") == 3  # two points, and the legend
    assert curve_plot([], 20) == curve_plot([(0.0, 16, 5)], 20) == ""


def test_the_time_left_follows_from_steps_and_examples_of_what_is_done():
    """0.5 s a step and 0.25 s an example: two units tell both, and the third is known."""
    clock = TimeLeft({"a": (10, 20), "b": (20, 200), "c": (40, 40), "d": (4, 4)}, jobs=2, later=7.0)
    clock.watch("a", 0.0)
    clock.watch("b", 0.0)
    assert clock.left(5.0) is None
    clock.finish("a", 10.0)
    clock.watch("c", 10.0)
    clock.finish("b", 60.0)
    clock.watch("d", 60.0)
    assert clock.left(60.0) == pytest.approx((20.0 + 3.0) / 2 + 7.0)  # c is 20 s late
    clock.finish("c", 61.0)
    assert TimeLeft({"a": (1, 1)}, later=None, taken={"a": 1.0}).left(0.0) is None

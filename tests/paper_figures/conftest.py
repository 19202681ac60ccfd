"""Runs that several figures are drawn from, and what all tests of figures ask of one."""

from pathlib import Path

import matplotlib as mpl
import pytest
from samples.report_runs import write_drawn, write_judged
from samples.searched_runs import judged_run, searched_records
from samples.verification_runs import DIGITS_TRUTHS
from tools.fitted import equal_curves_are_fitted_once
from tools.once import once

from paper_figures.catalogue import FIGURES
from paper_figures.drawing.style import RC

__all__ = ["equal_curves_are_fitted_once"]


class Panels:
    """The panels of a figure that was laid out for real, and what is in them."""

    def __init__(self, figure):
        with mpl.rc_context(dict(RC)):
            figure.draw_without_rendering()
        self.figure = figure
        self.axes = [axes for axes in figure.axes if axes.get_visible()]

    def titled(self, title):
        """Return the one panel whose title begins so."""
        (found,) = [axes for axes in self.axes if axes.get_title().startswith(title)]
        return found

    @property
    def caption(self):
        """The words below all panels, as one line."""
        return " ".join(self.figure.told)

    @property
    def missing(self):
        """What was not measured, as one text."""
        return "\n".join(self.figure.missing)


def data(axes, label):
    """Return (x, y) of the one line or row of bars with a label."""
    lines = [one for one in axes.lines if one.get_label() == label]
    bars = [one.lines[0] for one in axes.containers if one.get_label() == label]
    (found,) = [*lines, *bars]
    return found.get_xdata().tolist() if hasattr(found.get_xdata(), "tolist") else list(found.get_xdata()), list(
        found.get_ydata()
    )


@pytest.fixture
def panels():
    """Draw a figure and return its `Panels`."""
    return Panels


@pytest.fixture(scope="module")
def shown():
    """Return the panels of a figure of some runs, drawn once and not to be changed."""
    known = {}

    def panels_of(figure, runs):
        key = (figure, *map(id, runs))
        if key not in known:
            known[key] = runs, Panels(FIGURES[figure].draw(runs))  # the runs stay, or another may have their id
        return known[key][1]

    return panels_of


@pytest.fixture
def drawn_data():
    """Return what `data` returns."""
    return data


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory):
    """The folder of a run of four sparsities, with verdicts, provenance and a figure; not to be changed."""
    made = once(tmp_path_factory, "drawn", lambda folder: write_drawn(folder / "digits", budget=500, seed=1))
    return made / "digits"


@pytest.fixture(scope="session")
def dense_run(tmp_path_factory):
    """The folder of a run of one sparsity, with verdicts and provenance; not to be changed."""
    made = once(tmp_path_factory, "dense", lambda folder: write_judged(folder / "dense", truths=DIGITS_TRUTHS[:1]))
    return made / "dense"


@pytest.fixture(scope="session")
def sgd():
    """One run of SGD whose losers went on, with verdicts."""
    return judged_run(searched_records())


@pytest.fixture(scope="session")
def momentum():
    """Two workloads in one folder: momentum and Nesterov, with verdicts."""
    names = ("digits/small-cnn/momentum", "digits/small-cnn/nesterov")
    return judged_run(searched_records(names), folder=Path("momentum"))


@pytest.fixture(scope="session")
def raced():
    """One run of SGD that raced."""
    return judged_run(searched_records(stop="race"))

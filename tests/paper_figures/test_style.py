"""Colours that everyone can tell apart, and labels that are whole powers of two."""

from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from paper_figures.drawing.sheet import Block, Sheet, page
from paper_figures.drawing.style import PAPER_SPARSITIES, blank, decade_axis, log2_axis, looks, plain, power_of_two

# Linear RGB under full colour blindness of one cone type (Machado, Oliveira and Fernandes 2009, severity 1).
VISION = {
    "normal": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def lab(colour, vision):
    """CIELAB of a colour as seen with one kind of vision."""
    rgb = np.array(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(VISION[vision] @ linear, 0.0, 1.0)
    xyz = (
        np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
        @ seen
        / np.array([0.9505, 1.0, 1.089])
    )
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("vision", VISION)
def test_the_papers_sparsities_differ_for_every_kind_of_vision(vision):
    """A difference of 2.3 is just noticeable (CIE 1976); black and white are 100 apart."""
    for one, other in combinations([colour for colour, _ in PAPER_SPARSITIES.values()], 2):
        assert np.linalg.norm(lab(one, vision) - lab(other, vision)) > 40.0


@pytest.mark.parametrize("name", [r"$\frac{1$", r"x $a$ b $", r"\$a$", "a\x07b\x1b[31m", "--> & <b>", "a\ud800b"])
def test_what_a_file_says_is_no_formula_and_breaks_no_picture(name, tmp_path):
    figure, _ = page(Sheet(6.0), (6.0, 2.0), [Block(plain(name))], [f"$B$ of {plain(name)}: $K$"])
    figure.savefig(tmp_path / "a.svg")
    assert ElementTree.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")
    assert plain("two\nlines") == "two\nlines"


def test_colours_stand_out_from_white():
    """Contrast of 3:1, what WCAG 2.1 asks of graphics; luminance is the Y of CIELAB."""
    for colour, _ in PAPER_SPARSITIES.values():
        luminance = ((lab(colour, "normal")[0] + 16) / 116) ** 3
        assert 1.05 / (luminance + 0.05) > 3.0


def test_the_papers_sparsities_always_look_the_same():
    assert looks([0.0, 90.0])[90.0] == looks([0.0, 50.0, 70.0, 90.0, 95.0])[90.0]


def test_other_sparsities_get_looks_of_their_own():
    chosen = looks([0.0, 80.0, 95.0, 98.0, 90.0])
    assert len({colour for colour, _ in chosen.values()}) == len({marker for _, marker in chosen.values()}) == 5


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.8, 300, ["1", "4", "16", "64", "256"]),
        (5, 70, ["8", "16", "32", "64"]),
        (0.1, 3, ["1/8", "1/4", "1/2", "1", "2"]),
    ],
)
def test_labels_are_powers_of_two_and_few(low, high, labels):
    axes = Figure().subplots()
    log2_axis(axes.yaxis, low, high)
    ticks = [power_of_two(tick) for tick in axes.get_yticks()]
    assert ticks == labels
    assert axes.get_yscale() == "log"
    assert axes.get_ylim() == (low, high)


@pytest.mark.parametrize(
    ("low", "high", "most", "labels"),
    [
        (0.8, 12, 8, ["1", "2", "5", "10"]),
        (0.008, 2.1, 8, ["0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "2"]),
        (0.008, 2.1, 4, ["0.01", "0.1", "1"]),
        (4.12, 4.42, 4, ["4.2", "4.3", "4.4"]),
    ],
)
def test_decades_have_plain_labels_and_few(low, high, most, labels):
    axes = Figure().subplots()
    decade_axis(axes.yaxis, low, high, most)
    formatter = axes.yaxis.get_major_formatter()
    assert [formatter(tick) for tick in axes.get_yticks()] == labels
    assert axes.get_ylim() == (low, high)


def test_a_formula_is_never_broken_between_lines():
    figure, _ = page(Sheet(2.0), (2.0, 2.0), [Block("of")], ["word " * 4 + "$K = c_1/B + c_2$ and so on"])
    (caption,) = figure.subfigs[-1].texts
    assert "$K = c_1/B + c_2$" in caption.get_text()
    assert len(caption.get_text().splitlines()) > 1


def test_notes_are_broken_to_fit_a_panel():
    axes = Figure().subplots()
    blank(axes, "a short line\n" + "word " * 60)
    axes.figure.draw_without_rendering()
    assert axes.texts[0].get_window_extent().width < axes.get_window_extent().width

"""What the file of a figure holds."""

import io

import numpy as np
from PIL import Image

from paper_figures.catalogue import drawn
from paper_figures.drawing.sheet import Sheet, page
from paper_figures.drawing.style import MAKER


def images(**style):
    """Return a figure of many colours as our PNG, and as matplotlib alone writes it."""
    figure, _ = page(Sheet(style=style), (4.0, 2.0), [], ["told"])
    figure.add_subplot().scatter(*np.linspace([0, 0], [1, 1], 500).T, c=np.linspace(0, 1, 500), alpha=0.5)
    plain = io.BytesIO()
    figure.savefig(plain, format="png", transparent=style.get("savefig.transparent", False), dpi=160)
    return Image.open(io.BytesIO(drawn(figure, "png"))), Image.open(plain)


def test_a_png_has_few_colours_and_looks_the_same():
    ours, plain = images()
    assert ours.mode == "P"
    assert (ours.info["Software"], round(ours.info["dpi"][0])) == (MAKER, 160)
    before, after = (np.asarray(image.convert("RGB")).astype(float) for image in (plain, ours))
    assert len(np.unique(before.reshape(-1, 3), axis=0)) > 256
    assert np.abs(before - after).mean() < 1.0
    assert np.abs(before - after).max() < 80.0


def test_a_transparent_png_stays_transparent():
    ours, _ = images(**{"savefig.transparent": True})
    assert ours.mode == "RGBA"
    assert ours.getextrema()[3][0] == 0

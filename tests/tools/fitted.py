"""Curves that many tests look at and few test: equal ones are fitted once a process."""

import contextlib
from dataclasses import replace

import pytest

from verification.claims import analysis
from verification.fits import curves

_fit_curves = analysis.fit_curves
_known = {}


def _fitted_once(curves):
    """Return what `fit_curves` returns; of curves it depends on nothing but their points."""
    key = repr([curve.points for curve in curves])
    if key not in _known:
        _known[key] = _fit_curves(curves)
    return tuple(replace(one, curve=curve) for one, curve in zip(_known[key], curves, strict=True))


@pytest.fixture(scope="module", autouse=True)
def equal_curves_are_fitted_once():
    """Let every analysis take the fits of curves that were fitted before, in the tests below a conftest with this."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analysis, "fit_curves", _fitted_once)
        patch.setattr(curves, "fit_curves", _fitted_once)  # where `fit_curve` finds it
        yield


@contextlib.contextmanager
def fitted_anew():
    """Fit within this block what was fitted before, and keep none of it."""
    known = dict(_known)
    _known.clear()
    yield
    _known.clear()
    _known.update(known)

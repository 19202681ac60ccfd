r"""Tests of one curve: whether the paper's law holds, how it fails, and which rival fits better.

alpha = 1, h = 1      likelihood ratio in laws P and S, made when they are fitted
lack of fit           with replicates: what they have in common beyond the law, against the scatter between them
reset, rainbow,       without: is K/K_fit, a constant if E = B K = c1 + c2 B is a line, bent in the share of c1/B in
Harvey-Collier        K_fit, worse at its ends, or drifting? Their power at 14 points is low
monotone, convex      K falls with B (isotonic regression), E is convex in B (chords); p from draws of the hyperbola
rivals                likelihood ratio against X, PW, I, Q, p from the same draws; Vuong's z on the points
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from verification.fits.curves import CANDIDATES, CurveTest, FittedCurve, FittedLaw, Rival
from verification.fits.distributions import normal_beyond
from verification.fits.fit import FEWEST_BATCH_SIZES
from verification.fits.likelihood import Array, Observations, point_terms, sigma_floor
from verification.inference.bootstrap import design_of, draw, fit_draws
from verification.inference.straight_line import Tested, harvey_collier, rainbow, reset

DRAWS = 1000
# The ratio to a rival needs no small p-value: so many draws tell 5%.
RIVAL_DRAWS = 250
# Laws with as many constants as law H.
RIVALS = tuple(law.id for law in CANDIDATES.values() if law.shape is None and law.id != "H")
# With fewer draws that can be fitted there is no p-value from draws.
FEWEST_DRAWS = 19
# Below this scatter of log K curves are exact and tests of scatter have nothing to say.
NO_SCATTER = 1e-5
# Half of a normal sample lies within so many standard deviations.
_NORMAL_QUARTILE = 0.6745
# Of all draws together, each 8 bytes in some ten arrays: their number goes with the cube of that of batch sizes.
_CHORDS_AT_ONCE = 1_000_000


def with_tests(fitted: FittedCurve, draws: int = DRAWS) -> FittedCurve:
    """Return a fitted curve with its tests.

    Args:
        fitted: The curve.
        draws: Curves drawn from the hyperbola; 0 leaves out what needs them.

    Returns:
        The same curve.
    """
    hyperbola = fitted.hyperbola
    if hyperbola is None:
        return fitted
    law, data = hyperbola.law, fitted.aligned
    tests = dict(linearity(fitted, hyperbola))
    rivals = {name: _against(data, hyperbola, fitted.laws[name], None) for name in RIVALS}
    if draws == 0:
        return replace(fitted, tests=tests, rivals=rivals)
    drawn = _drawn(fitted, hyperbola, draws)
    if len(drawn.log_lower) < FEWEST_DRAWS:
        return replace(fitted, tests=tests, rivals=rivals)
    tests |= _counted(fitted, drawn)
    few = drawn.rows(np.arange(min(RIVAL_DRAWS, len(drawn.log_lower))))
    null = fit_draws(law, few, 2).log_likelihood
    for name in RIVALS:
        other = fit_draws(CANDIDATES[name], few, 2)
        rivals[name] = _against(data, hyperbola, fitted.laws[name], 2.0 * (other.log_likelihood - null))
    return replace(fitted, tests=tests, rivals=rivals)


def shape_by_draws(fitted: FittedCurve) -> dict[str, CurveTest]:
    """Return whether K falls and E is convex, as `with_tests` has it; drawn anew where it was done without draws.

    Args:
        fitted: A curve with its tests.

    Returns:
        Name (monotone, convex) to test; empty where nothing was fitted or too few draws could be.
    """
    done = {key: fitted.tests[key] for key in ("monotone", "convex") if key in fitted.tests}
    if done or fitted.hyperbola is None:
        return done
    drawn = _drawn(fitted, fitted.hyperbola, DRAWS)
    return _counted(fitted, drawn) if len(drawn.log_lower) >= FEWEST_DRAWS else {}


def _drawn(fitted: FittedCurve, hyperbola: FittedLaw, draws: int) -> Observations:
    """Return draws of the hyperbola; one whose studies spent their budgets may leave too little to fit and is none."""
    data, misfit = fitted.aligned, fitted.misfit("H")
    shared = 0.0 if misfit is None else math.sqrt(max(misfit.shared, 0.0))
    log_steps = hyperbola.law.log_steps(data.log_batch_size, np.asarray(hyperbola.theta))
    drawn = draw(design_of(data), log_steps, hyperbola.fit.sigma, draws, shared)
    return drawn.rows(np.flatnonzero((_by_batch_size(drawn)[1] > 0.0).sum(axis=-1) >= FEWEST_BATCH_SIZES))


def _counted(fitted: FittedCurve, drawn: Observations) -> dict[str, CurveTest]:
    """Return the tests that only count draws and fit none."""
    return {
        "monotone": _by_count("isotonic regression", rises, fitted, drawn),
        "convex": _by_count("largest rise above a chord", bulges, fitted, drawn),
    }


def linearity(fitted: FittedCurve, hyperbola: FittedLaw) -> Mapping[str, CurveTest]:
    """Return the lack of fit where batch sizes were repeated, else tests of E = c1 + c2 B being a line.

    With s = c1/(B K_fit), the share of the first term, K/K_fit is the constant 1 and a line in s within the law: lack
    of fit shows as a bend. Points that reached the goal count.

    Args:
        fitted: A curve.
        hyperbola: Law H on it.

    Returns:
        Name to test.
    """
    data = fitted.aligned
    use = data.bounded
    x, y = data.log_batch_size[use], data.log_middle[use]
    log_fit = hyperbola.law.log_steps(x, np.asarray(hyperbola.theta))
    ratio, share = np.exp(y - log_fit), np.exp(hyperbola.theta[0] - x - log_fit)
    if not x.size or hyperbola.fit.sigma < NO_SCATTER or float(np.ptp(share)) < 1e-3:
        return {"lack_of_fit": CurveTest(None, None, "no scatter, or one term of the law alone")}
    if len(x) > len(np.unique(x)) > 2:
        found = fitted.misfit("H", whole=True)
        if found is None:
            return {"lack_of_fit": _told(None, "lack of fit on replicates")}
        method = f"lack of fit, F({found.between}, {found.within}) on replicates"
        return {"lack_of_fit": CurveTest(found.statistic, found.p, method)}
    if len(x) < 6:
        return {"lack_of_fit": CurveTest(None, None, "needs replicates, or 6 batch sizes that reached the goal")}
    return _diagnostics(ratio, share, float(sigma_floor(data)))


def _diagnostics(ratio: Array, share: Array, floor: float) -> dict[str, CurveTest]:
    """Return the tests of a straight line, points in the order of the share."""
    order = np.argsort(share)
    tests = {
        "reset": (reset, "RESET in the share of c1/B"),
        "rainbow": (rainbow, "rainbow, the middle half against all"),
        "harvey_collier": (harvey_collier, "Harvey-Collier, recursive residuals"),
    }
    x, y = share[order], ratio[order]
    return {name: _told(test(x, y, floor), method) for name, (test, method) in tests.items()}


def _told(found: Tested, method: str) -> CurveTest:
    """Return a test, or that it has no scatter to go by: none beyond what the evaluation grid makes by itself."""
    if found is None:
        return CurveTest(None, None, f"{method}: no scatter left beyond that of the evaluation grid")
    return CurveTest(*found, method)


def rises(data: Observations, sigma: Array) -> Array:
    """Return how far each curve is from falling throughout: squares about isotonic regression, over sigma squared.

    Args:
        data: Shape (m, n).
        sigma: Shape (m,).

    Returns:
        Shape (m,), >= 0.
    """
    y, weight = _by_batch_size(data)
    found = np.zeros(len(y))
    for i, (values, w) in enumerate(zip(y, weight, strict=True)):
        use = w > 0.0
        fall = isotonic_regression(values[use], weights=w[use], increasing=False).x
        found[i] = (w[use] * (values[use] - fall) ** 2).sum() / sigma[i] ** 2
    return found


def bulges(data: Observations, sigma: Array) -> Array:
    """Return how far examples-to-result E = B K rises above a chord between two batch sizes, in standard errors.

    Args:
        data: Shape (m, n).
        sigma: Shape (m,).

    Returns:
        Shape (m,), the largest over all triples of batch sizes; 0 where there are none.
    """
    y, weight = _by_batch_size(data)
    log_size = np.unique(np.broadcast_to(data.log_batch_size, data.log_lower.shape)[0])
    size = np.exp(log_size)
    triples = np.array(list(combinations(range(len(size)), 3))).reshape(-1, 3)
    log_examples = np.where(weight > 0.0, y + log_size, -np.inf)
    largest = np.max(log_examples, axis=1, initial=-np.inf, keepdims=True)  # no test depends on their scale
    examples = np.where(weight > 0.0, np.exp(log_examples - np.where(np.isfinite(largest), largest, 0.0)), np.nan)
    highest, at_once = np.zeros(len(y)), max(1, _CHORDS_AT_ONCE // max(1, len(triples)))
    for row in range(0, len(y), at_once):
        highest[row : row + at_once] = _highest_above(examples[row : row + at_once], size, triples)
    return highest / sigma


def _highest_above(examples: Array, size: Array, triples: NDArray[np.intp]) -> Array:
    """Return how far examples rise above chords, in errors of their logarithm; shape (m,)."""
    i, j, k = triples.T
    at_j = examples[:, j]
    low, high = (size[k] - size[j]) / (size[k] - size[i]), (size[j] - size[i]) / (size[k] - size[i])
    first, last = low * examples[:, i], high * examples[:, k]
    above = (at_j - first - last) / np.sqrt(at_j**2 + first**2 + last**2)
    highest: Array = np.max(np.where(np.isnan(above), 0.0, above), axis=1, initial=0.0)
    return highest


def _by_batch_size(data: Observations) -> tuple[Array, Array]:
    """Return mean log K and the number of points at each batch size, shapes (m, sizes); only what reached counts."""
    x = np.broadcast_to(data.log_batch_size, data.log_lower.shape)
    sizes = np.unique(x[0])
    use = data.bounded
    y = np.where(use, data.log_middle, 0.0)
    at = x[0][:, None] == sizes
    weight = use @ at.astype(np.float64)
    return (y @ at) / np.maximum(weight, 1.0), weight


def local_scatter(data: Observations) -> Array:
    """Return the noise of log K from neighbours: how far points lie off the line through the two beside them.

    The median over points, so that neither a bent curve nor a wild point counts as noise, as they would in the scatter
    about a law.

    Args:
        data: Shape (m, n).

    Returns:
        Shape (m,), > 0.
    """
    y, weight = _by_batch_size(data)
    x = np.unique(np.broadcast_to(data.log_batch_size, data.log_lower.shape)[0])
    share = (x[2:] - x[1:-1]) / (x[2:] - x[:-2])
    off = y[:, 1:-1] - share * y[:, :-2] - (1.0 - share) * y[:, 2:]
    off = np.abs(off) / np.sqrt(1.0 + share**2 + (1.0 - share) ** 2)
    known = (weight[:, 1:-1] > 0.0) & (weight[:, :-2] > 0.0) & (weight[:, 2:] > 0.0)
    ordered = np.sort(np.where(known, off, np.inf), axis=1)
    middle = np.maximum(known.sum(axis=1) - 1, 0) // 2
    found = ordered[np.arange(len(ordered)), middle] / _NORMAL_QUARTILE
    return np.maximum(np.where(np.isfinite(found), found, 0.0), sigma_floor(data))


def _by_count(
    method: str, statistic: Callable[[Observations, Array], Array], fitted: FittedCurve, drawn: Observations
) -> CurveTest:
    """Return a test whose p-value is the share of draws with as large a statistic."""
    one = Observations(*(array[None, :] for array in fitted.aligned.arrays))
    if fitted.hyperbola is None or fitted.hyperbola.fit.sigma < NO_SCATTER or one.log_lower.shape[1] < 3:
        return CurveTest(None, None, "no scatter")
    observed = float(statistic(one, local_scatter(one))[0])
    beyond = int((statistic(drawn, local_scatter(drawn)) >= observed - 1e-12).sum())
    draws = len(drawn.log_lower)
    return CurveTest(observed, (beyond + 1.0) / (draws + 1.0), f"{method}, {draws} draws")


def _against(data: Observations, hyperbola: FittedLaw, rival: FittedLaw, drawn: Array | None) -> Rival:
    """Compare a rival with law H."""
    ratio = 2.0 * (rival.fit.log_likelihood - hyperbola.fit.log_likelihood)
    p = None if drawn is None else (int((drawn >= ratio).sum()) + 1.0) / (len(drawn) + 1.0)
    ours, theirs = (
        point_terms(
            data, law.law.log_steps(data.log_batch_size, np.asarray(law.theta)), np.log(law.fit.sigma)
        ).log_likelihood
        for law in (hyperbola, rival)
    )
    gain = theirs - ours
    spread = float(gain.std())
    if not spread > 1e-9:
        return Rival(log_ratio=ratio, p=p, vuong_z=None, vuong_p=None)
    z = float(gain.sum()) / (math.sqrt(len(gain)) * spread)
    return Rival(log_ratio=ratio, p=p, vuong_z=z, vuong_p=float(normal_beyond(z)))

"""Profile likelihood: intervals of linear contrasts of a law's fit coordinates.

An interval ends where the deviance reaches the limit that the errors of the fit set (`verification.fits.errors`). The
chi-square limit is too narrow by a fifth at ten points. All ends of a fit's intervals are found at once.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from verification.fits.errors import Errors, errors_of
from verification.fits.fit import OPEN, Fit, Interval, Problem, lift_of
from verification.fits.likelihood import Array, sigma_floor, stacked
from verification.fits.newton import maximise

Excess = Callable[[NDArray[np.intp], Array], Array]
# The name of a contrast, and a level.
Named = tuple[str, float]

# An end further than a factor e^20 from the estimate is open; an estimate that ran off lies e^40 away itself.
FARTHEST_END = 20.0
FARTHEST_END_OF_RUNAWAY = 80.0
# A start that would have to move by more than e^5 to meet a constraint is none.
FARTHEST_START = 5.0
# Ends are found to one in a million.
END_TOLERANCE = 1e-6


def deviance_at(problem: Problem, fit: Fit, contrast: Sequence[float], value: float) -> float:
    """Return twice the log-likelihood that is lost by fixing a linear contrast of theta.

    Args:
        problem: Law, data and starts.
        fit: Its fit.
        contrast: Shape (p,), a: the quantity is a . theta.
        value: What a . theta is fixed at.

    Returns:
        The deviance, >= 0.
    """
    return float(deviances_at([problem], [fit], contrast, value)[0])


def deviances_at(problems: Sequence[Problem], fits: Sequence[Fit], contrast: Sequence[float], value: float) -> Array:
    """Return for fits of one law what `deviance_at` returns for each, shape (fits,)."""
    rows = np.arange(len(fits))
    profile = _Profile(problems, fits, rows, np.tile(np.asarray(contrast, dtype=np.float64), (len(fits), 1)))
    return np.maximum(profile.deviances(rows, np.full(len(fits), value)), 0.0)


def profile_interval(
    problem: Problem, fit: Fit, contrast: Sequence[float], level: float = 0.95, errors: Errors | None = None
) -> Interval:
    """Return the profile-likelihood interval of exp(contrast . theta); see `profile_intervals`."""
    known = None if errors is None else [errors]
    return profile_intervals([problem], [fit], {"": contrast}, [("", level)], known)[0]["", level]


def profile_intervals(
    problems: Sequence[Problem],
    fits: Sequence[Fit],
    contrasts: Mapping[str, Sequence[float]],
    wanted: Sequence[Named],
    errors: Sequence[Errors] | None = None,
) -> list[dict[Named, Interval]]:
    """Return the profile-likelihood intervals of exp(contrast . theta) for fits of one law.

    Where the deviance stays below its limit, the end is open.

    Args:
        problems: All of the same law and number of starts.
        fits: Their fits.
        contrasts: Name to a contrast of shape (p,), for instance (1, -1) for c1/c2.
        wanted: Names of contrasts with the coverage of each interval, in (0, 1).
        errors: Of each fit, where the fits are not of single curves.

    Returns:
        For each fit what was wanted to its interval, in natural units; all ends open where there are too few points
        for any.
    """
    known = [errors_of(*one) for one in zip(problems, fits, strict=True)] if errors is None else errors
    found = [dict.fromkeys(wanted, OPEN) for _ in fits]
    limits = [
        (i, (name, level), scale.limit(fit.n, level))
        for i, (fit, one) in enumerate(zip(fits, known, strict=True))
        for name, level in wanted
        if (scale := one.of(contrasts[name])) is not None
    ]
    if not limits:
        return found
    rows = np.repeat([i for i, _, _ in limits], 2)
    a = np.repeat(np.array([contrasts[name] for _, (name, _), _ in limits], dtype=np.float64), 2, axis=0)
    roots = np.sqrt(np.repeat([limit for _, _, limit in limits], 2))
    ends = _ends(_Profile(problems, fits, rows, a), np.tile([-1.0, 1.0], len(limits)), roots)
    for k, (i, named, _) in enumerate(limits):
        found[i][named] = Interval(ends[2 * k], ends[2 * k + 1])
    return found


class _Profile:
    """Deviances along targets: contrasts a, shape (t, p), of the fits `rows`; each remembers its last optimum."""

    def __init__(self, problems: Sequence[Problem], fits: Sequence[Fit], rows: NDArray[np.intp], a: Array) -> None:
        self.law, self.rows, self.a = problems[0].law, rows, a
        self.data = stacked([problem.data for problem in problems])
        self.starts = np.stack([problem.starts for problem in problems], axis=1)[:, rows]
        self.hat = np.array([fits[i].theta for i in rows])
        self.value = np.array([fits[i].log_likelihood for i in rows])
        self.sigma = np.array([fits[i].sigma for i in rows])
        untraced = ~np.array([fits[i].traced for i in rows]) & (a != 0.0)
        self.traced = ~untraced.any(axis=1)
        # What the data hold no trace of moves alone where it can: the rest of the optimum stays where it was.
        along = np.where(self.traced[:, None] | untraced, a, 0.0)
        self.along = along / (along * a).sum(axis=1)[:, None]
        self.centre = (a * self.hat).sum(axis=1)
        # An orthonormal basis, shape (p, p - 1), of the directions that leave a . theta alone.
        self.basis = np.stack([np.linalg.svd(row[None, :])[2][1:].T for row in a])
        # c1 and c2 times a factor are K times that factor, in every law that has them.
        self.lift = lift_of(self.law, a.shape[1])
        self.warm = self.hat.copy()
        self.floor = sigma_floor(self.data)

    def deviances(self, targets: NDArray[np.intp], values: Array) -> Array:
        """Return the deviances of some targets with a . theta fixed at the values."""
        a, along, hat, rows = self.a[targets], self.along[targets], self.hat[targets], self.rows[targets]
        origins = np.concatenate([hat[None], self.warm[targets][None], self.starts[:, targets]])
        gap = values - np.einsum("stp,tp->st", origins, a)
        near = np.abs(gap) < FARTHEST_START
        near[:2] = True
        # Starts too far away are left out, by target: what remains is a ragged list of climbs.
        gone = ~near
        starts = self._levelled(targets, origins + gap[..., None] * along)[near]
        climb, target = np.nonzero(near)
        rising = maximise(
            self.law, self.data.rows(rows[target]), starts, self.floor[rows[target]], self.basis[targets][target]
        )
        heights = np.where(gone, -np.inf, 0.0)
        heights[climb, target] = rising.log_likelihood
        best = np.argmax(heights, axis=0)
        thetas = np.empty_like(origins)
        thetas[climb, target] = rising.theta
        everyone = np.arange(len(targets))
        self.warm[targets] = thetas[best, everyone]
        deviance: Array = 2.0 * (self.value[targets] - heights[best, everyone])
        return deviance

    def _levelled(self, targets: NDArray[np.intp], starts: Array) -> Array:
        """Return starts, shape (s, t, p), with the level of K that suits the points, where that leaves a . theta alone.

        A shape that is moved far takes K with it: law S doubles K at the knee with every unit of h.
        """
        data, free = self.data.rows(self.rows[targets]), self.a[targets] @ self.lift == 0.0
        if not (free.any() and self.lift.any()):
            return starts
        steps = self.law.log_steps(data.log_batch_size, starts)
        use = data.reached & np.isfinite(steps)
        gap = np.subtract(data.log_middle, steps, where=use, out=np.zeros_like(steps)).sum(axis=-1)
        gap /= np.maximum(use.sum(axis=-1), 1)
        levelled: Array = starts + np.where(free, gap, 0.0)[..., None] * self.lift
        return levelled


def _ends(profile: _Profile, directions: Array, roots: Array) -> list[float | None]:
    """Return where each deviance crosses the limit, None where it never does.

    Solved for the root of the deviance, which is nearly linear in the distance from the estimate: the bracket is
    widened by the slope so far, then closed by the Illinois rule. A value once found stays, so the bracket holds
    also where a law fits in two ways.
    """
    farthest = np.where(profile.traced, FARTHEST_END, FARTHEST_END_OF_RUNAWAY)
    inner, at_inner = np.zeros(len(directions)), -roots
    outer, at_outer = np.minimum(0.5, profile.sigma), np.full(len(directions), -np.inf)

    def excess(targets: NDArray[np.intp], distance: Array) -> Array:
        values = profile.centre[targets] + directions[targets] * distance
        root: Array = np.sqrt(np.maximum(profile.deviances(targets, values), 0.0)) - roots[targets]
        return root

    live = np.arange(len(directions))
    while live.size:
        at_outer[live] = excess(live, outer[live])
        live = live[(at_outer[live] < 0.0) & (outer[live] < farthest[live])]
        slope = np.maximum((at_outer[live] + roots[live]) / outer[live], 1e-300)
        inner[live], at_inner[live] = outer[live], at_outer[live]
        ahead = 1.1 * roots[live] / slope
        longest = np.minimum(np.minimum(4.0 * outer[live], outer[live] + FARTHEST_START), farthest[live])
        outer[live] = np.minimum(np.maximum(ahead, 1.3 * outer[live]), longest)
    closed = np.flatnonzero(at_outer >= 0.0)
    _close(excess, closed, inner, at_inner, outer, at_outer)
    ends: list[float | None] = [None] * len(directions)
    for i in closed:
        ends[i] = math.exp(profile.centre[i] + directions[i] * outer[i])
    return ends


def _close(
    excess: Excess, targets: NDArray[np.intp], inner: Array, at_inner: Array, outer: Array, at_outer: Array
) -> None:
    """Shrink every bracket to `END_TOLERANCE`, in place; outer ends where the crossing is."""
    live = targets[outer[targets] - inner[targets] > END_TOLERANCE]
    last = np.zeros(len(outer))
    for _ in range(60):
        if not live.size:
            return
        low, high, f_low, f_high = inner[live], outer[live], at_inner[live], at_outer[live]
        margin = 0.1 * END_TOLERANCE
        guess = np.clip(low - f_low * (high - low) / (f_high - f_low), low + margin, high - margin)
        value = excess(live, guess)
        below = value < 0.0
        side = np.where(below, -1.0, 1.0)
        # Illinois: an end that stays twice in a row counts half, or the other would creep.
        again = side == last[live]
        at_outer[live] = np.where(below, np.where(again, 0.5 * f_high, f_high), value)
        at_inner[live] = np.where(below, value, np.where(again, 0.5 * f_low, f_low))
        inner[live], outer[live] = np.where(below, guess, low), np.where(below, high, guess)
        last[live] = side
        done = (np.abs(value) < 1e-7) | (outer[live] - inner[live] <= END_TOLERANCE)
        outer[live] = np.where(np.abs(value) < 1e-7, guess, outer[live])
        live = live[~done]

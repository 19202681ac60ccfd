r"""The error of a fitted law: by how much it moves when a unit is left out.

Leaving out unit u moves theta by :math:`-(H - H_u)^{-1} s_u`, s_u and H_u the unit's part of gradient and curvature: a
jackknife in one step, exact for a linear law. With replicates as units there are R - 1 degrees of freedom. What one
search shares over the replicates of a batch size is added, by the lack of fit, and the noise of single studies counts
once (`verification/fits/variances.py`). With batch sizes as units the error is no smaller than the scatter about the
law makes it.

Profile likelihood keeps its shape and its open ends. Only the deviance at which an interval ends follows the error:
:math:`n \log(1 + F_{1,\nu} f/n)`, f the variance over that of the curvature, nu its degrees of freedom. For independent
points of equal noise f is n/(n - p) and nu is n - p, which is exact for a linear law with normal errors.

Reference:
    Mancl and DeRouen 2001, "A covariance estimator for GEE with improved small-sample properties".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from verification.fits.distributions import t_beyond, t_quantile
from verification.fits.fit import Fit, Problem, lift_of
from verification.fits.likelihood import Array, point_terms, sigma_floor
from verification.fits.misfit import Misfit, lack_of_fit
from verification.fits.units import Index
from verification.fits.variances import Source, total

# A constant that moves by a factor e^100 is not known without the unit left out.
_FARTHEST_PULL = 100.0


@dataclass(frozen=True)
class Scale:
    """How deviances about a fit are read.

    Attributes:
        factor: Variance of the quantity over that by the curvature, > 0.
        freedom: Degrees of freedom of Student's t, > 0.
        error: Standard error of the quantity, >= 0.
    """

    factor: float
    freedom: float
    error: float

    def limit(self, n: int, level: float) -> float:
        """Return the deviance at which an interval ends.

        Args:
            n: Points known from both sides.
            level: Coverage, in (0, 1).

        Example:
            >>> round(Scale(1.0, 1e9, 1.0).limit(10**7, 0.95), 3)  # the chi-square's, for many points
            3.841
        """
        return n * math.log1p(float(t_quantile(0.5 + level / 2.0, self.freedom)) ** 2 * self.factor / n)

    def t(self, deviance: float, n: int) -> float:
        """Return the value of Student's t, >= 0, that a deviance stands for."""
        return math.sqrt(n * math.expm1(max(deviance, 0.0) / n) / self.factor)

    def p(self, deviance: float, n: int) -> float:
        """Return the probability of a deviance at least as large, two-sided.

        Example:
            >>> scale = Scale(9 / 7, 7, 1.0)
            >>> round(scale.p(scale.limit(9, 0.95), 9), 9)
            0.05
        """
        return float(t_beyond(self.t(deviance, n), self.freedom))


@dataclass(frozen=True)
class Term:
    """One source of error; the covariance of theta is the product of its rows with themselves.

    Attributes:
        rows: Shape (units, p).
        freedom: Degrees of freedom, > 0.
        least: Rows of the least covariance that is believed, shape (k, p).
        noise: Rows of the covariance that the noise of single studies makes of it, shape (m, p).
        replicates: The replicates that the rows are about, empty for other units.
    """

    rows: Array
    freedom: float
    least: Array
    noise: Array
    replicates: tuple[int, ...] = ()

    def source(self, contrast: Array) -> Source:
        """Return what the term shows of contrast . theta."""
        shown, least, noise = (float(np.square(one @ contrast).sum()) for one in (self.rows, self.least, self.noise))
        return Source(max(shown, least), self.freedom, noise)

    def mapped(self, to: Array) -> "Term":
        """Return the term in other coordinates, of which `to`, shape (q, p), is the derivative."""
        return replace(self, rows=self.rows @ to.T, least=self.least @ to.T, noise=self.noise @ to.T)


@dataclass(frozen=True)
class Errors:
    """The errors of a fit.

    Attributes:
        model: Covariance of theta by the curvature, shape (p, p); of traced coordinates alone.
        terms: Independent sources of error; none where there are too few points for any.
        traced: Shape (p,), whether the data hold a trace of each coordinate.
        noise: The noise of single studies, by the scatter between replicates; none without them.
    """

    model: Array
    terms: tuple[Term, ...]
    traced: tuple[bool, ...]
    noise: tuple[Term, ...] = ()

    def of(self, contrast: Sequence[float]) -> Scale | None:
        """Return how deviances of contrast . theta are read, None where nothing tells.

        A coordinate without a trace has no error of its own. What ends its interval on the other side is read by the
        largest scale there is.
        """
        known = np.flatnonzero(self.traced)
        if not self.terms or not known.size:
            return None
        a = np.asarray(contrast, dtype=np.float64)
        if np.all(np.asarray(self.traced)[a != 0.0]):
            return self._scale(a)
        rows = np.concatenate([part for term in (*self.terms, *self.noise) for part in (term.rows, term.least)])
        rows = rows[:, known]
        directions = np.linalg.eig(np.linalg.solve(self.model[np.ix_(known, known)], rows.T @ rows))[1].real
        everywhere = np.zeros((len(known), len(a)))
        everywhere[:, known] = directions.T
        return max(map(self._scale, everywhere), key=lambda scale: scale.factor)

    def mapped(self, to: Array) -> "Errors":
        """Return the errors in other coordinates, of which `to`, shape (q, p), is the derivative; all are traced."""
        terms, noise = (tuple(term.mapped(to) for term in part) for part in (self.terms, self.noise))
        return Errors(to @ self.model @ to.T, terms, (True,) * len(to), noise)

    def _scale(self, a: Array) -> Scale:
        """Return the scale of a contrast of traced coordinates."""
        variance, freedom = total(*([term.source(a) for term in part] for part in (self.terms, self.noise)))
        return Scale(variance / float(a @ self.model @ a), freedom, math.sqrt(variance))


def errors_of(problem: Problem, fit: Fit) -> Errors:
    """Return the errors of a fit of one curve.

    Args:
        problem: What was fitted, with its units.
        fit: The fit.

    Returns:
        The errors; without terms where there are as few points as constants.
    """
    data, units, p = problem.data, problem.units, len(fit.theta)
    expanded = _expanded(problem, fit) if fit.n - units.lost > p else None
    if expanded is None:
        return Errors(np.zeros((p, p)), (), fit.traced)
    slopes, bent, jacobian, model = expanded
    root: Array = np.linalg.cholesky(model).T.astype(np.float64)
    by_size = _by_unit(np.unique(data.log_batch_size, return_inverse=True)[1].ravel())
    whole = _by_unit(units.index) if units.replicates else by_size
    parts = np.einsum("un,ni,nj->uij", whole, bent, jacobian)
    curvature = bent.T @ jacobian
    pull = -np.stack([_solved(curvature - part, slope) for part, slope in zip(parts, whole @ slopes, strict=True)])
    none = np.zeros((1, len(model)))
    if not units.replicates:
        freedom = fit.n - p
        terms: list[Term] = [Term(_spread(pull), freedom, root * math.sqrt(fit.n / freedom), none)]
        noise: list[Term] = []
    else:
        traced = np.flatnonzero(fit.traced)
        pull -= np.outer(units.offset / units.lost, lift_of(problem.law, p)[traced])
        least = root * (float(sigma_floor(data)) / fit.sigma)
        search, noise = _of_cells(misfit_of(problem, fit), np.unique(data.log_batch_size), by_size @ bent @ model)
        single = noise[0].rows if noise else none
        terms = [Term(_spread(pull), units.lost, least, single, units.replicates), *search]
    found = Errors(model, tuple(terms), (True,) * len(model), tuple(noise)).mapped(np.eye(p)[:, list(fit.traced)])
    return replace(found, traced=fit.traced)


def _of_cells(misfit: Misfit | None, sizes: Array, moves: Array) -> tuple[list[Term], list[Term]]:
    """Return what a search adds, and the noise of single studies; nothing where they are not known apart.

    Args:
        misfit: Of the law.
        sizes: Log batch sizes, shape (n,).
        moves: How theta moves with log K of a batch size, shape (n, p).
    """
    if misfit is None:
        return [], []
    means = misfit.of_means(sizes, misfit.points / misfit.sizes)
    search, single = (np.sqrt(variance)[:, None] * moves for variance in means)
    none = np.zeros((1, moves.shape[1]))
    return [Term(search, misfit.between, none, single)], [Term(single, misfit.within, none, none)]


def beside(problem: Problem, fit: Fit, first: Errors, second: Errors) -> Errors:
    """Return the errors of two curves fitted jointly; replicates that both have are compared in pairs.

    Args:
        problem: Both curves, each with constants of its own.
        fit: Their fit.
        first: Errors of the first curve alone.
        second: Of the second.
    """
    expanded = _expanded(problem, fit) if first.terms and second.terms else None
    if expanded is None:
        return Errors(np.zeros((1, 1)), (), fit.traced)
    p, q = len(first.traced), len(second.traced)
    left, right = (side.mapped(to) for side, to in ((first, np.eye(p + q)[:, :p]), (second, np.eye(p + q)[:, p:])))
    terms = [*left.terms, *right.terms]
    if (a := left.terms[0]).replicates and a.replicates == (b := right.terms[0]).replicates:
        least, noise = np.concatenate([a.least, b.least]), np.concatenate([a.noise, b.noise])
        both = Term(a.rows + b.rows, a.freedom, least, noise, a.replicates)
        terms = [both, *left.terms[1:], *right.terms[1:]]
    to = np.eye(p + q)[:, list(fit.traced)]
    return Errors(to @ expanded[-1] @ to.T, tuple(terms), fit.traced, (*left.noise, *right.noise))


def _expanded(problem: Problem, fit: Fit) -> tuple[Array, Array, Array, Array] | None:
    """Return slope and curvature of each point, derivatives, all (n, traced), and the covariance by the curvature.

    None where the points do not tell the traced constants apart.
    """
    if not any(fit.traced):
        return None
    theta, x = np.asarray(fit.theta), problem.data.log_batch_size
    jacobian = problem.law.log_steps_jacobian(x, theta)[:, list(fit.traced)]
    points = point_terms(problem.data, problem.law.log_steps(x, theta), np.log(fit.sigma))
    bent = points.curvature_mm[:, None] * jacobian
    curvature = bent.T @ jacobian
    if not np.all(np.isfinite(curvature)) or np.linalg.matrix_rank(curvature, hermitian=True) < len(curvature):
        return None
    model: Array = np.linalg.inv(curvature).astype(np.float64)
    return points.by_m[:, None] * jacobian, bent, jacobian, model


def misfit_of(problem: Problem, fit: Fit, *, whole: bool = False) -> Misfit | None:
    """Return the lack of fit of a law on the replicates of a curve; None without replicates or freedom for it.

    Where points were repeated and no replicate is a unit, all are taken as independent.

    Args:
        problem: What was fitted.
        fit: The fit.
        whole: Leave out batch sizes at which a replicate is known from one side; the others are the fast or slow.
    """
    data, law, theta = problem.data, problem.law, np.asarray(fit.theta)
    index = problem.units.index if problem.units.replicates else np.zeros(len(data.log_lower), dtype=np.intp)
    use = np.flatnonzero((data.whole if whole else data.bounded) & (index >= 0))
    if not use.size:
        return None
    x = data.log_batch_size[use]
    residual = data.log_middle[use] - law.log_steps(x, theta)
    found = lack_of_fit(law.log_steps_jacobian(x, theta), residual, x, index[use])
    return None if found is None or found.noise <= float(sigma_floor(data)) else found


def _by_unit(index: Index) -> Array:
    """Return which points belong to each unit, shape (units, n)."""
    members: Array = (index == np.arange(index.max() + 1)[:, None]).astype(np.float64)
    return members


def _solved(curvature: Array, slope: Array) -> Array:
    """Return curvature^-1 slope; where the unit left out alone tells a constant, an enormous step."""
    ridge = 1e-12 * np.diag(np.maximum(np.diag(curvature), 1e-300))
    step: Array = np.linalg.solve(curvature + ridge, slope).astype(np.float64)
    return np.clip(step, -_FARTHEST_PULL, _FARTHEST_PULL)


def _spread(pull: Array) -> Array:
    """Return the rows whose products with themselves are the jackknife's covariance."""
    units = len(pull)
    rows: Array = (pull - pull.mean(axis=0)) * math.sqrt((units - 1) / units)
    return rows

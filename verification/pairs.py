r"""Sparse against dense: the ratios of c1, c2 and the critical batch size, with intervals.

Both curves are fitted jointly, each with its own c1 and c2, with one sigma: they come from one workload, one
protocol and the same seeds. A ratio is a linear contrast of the four logarithms, profiled like any other. Errors of
the two curves at one batch size are taken as independent; they share seeds and search points, so in truth they go
together and the intervals are, if anything, too wide.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from theory import HYPERBOLA
from verification.curves import FittedCurve, estimate
from verification.fit import Fit, Interval, Problem, fit_law
from verification.likelihood import Array, joined
from verification.newton import StepLaw
from verification.predictions import Prediction, predict
from verification.profile import profile_intervals
from verification.records import Constant

# theta = (log c1, log c2) of the dense, then of the sparse network.
RATIOS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "c1": (-1.0, 0.0, 1.0, 0.0),
        "c2": (0.0, -1.0, 0.0, 1.0),
        "b_crit": (-1.0, 1.0, 1.0, -1.0),
    }
)


@dataclass(frozen=True)
class JointLaw:
    """One law on two curves, each with its own parameters: the first points are the first curve's.

    Attributes:
        law: The law of either curve.
        n_first: Number of points of the first curve.
        p: Parameters of the law.
    """

    law: StepLaw
    n_first: int
    p: int

    def log_steps(self, log_batch_size: ArrayLike, theta: ArrayLike) -> Array:
        """Return log K of both curves, shape (..., n), for theta (..., 2 p)."""
        return np.concatenate([self.law.log_steps(x, t) for x, t in self._parts(log_batch_size, theta)], axis=-1)

    def log_steps_jacobian(self, log_batch_size: ArrayLike, theta: ArrayLike) -> Array:
        """Return the derivatives, shape (..., n, 2 p), block diagonal."""
        first, second = (self.law.log_steps_jacobian(x, t) for x, t in self._parts(log_batch_size, theta))
        return np.concatenate(
            [
                np.concatenate([first, np.zeros_like(first)], axis=-1),
                np.concatenate([np.zeros_like(second), second], axis=-1),
            ],
            axis=-2,
        )

    def _parts(self, log_batch_size: ArrayLike, theta: ArrayLike) -> tuple[tuple[Array, Array], ...]:
        """Split points and parameters between the curves."""
        x, t = np.asarray(log_batch_size, dtype=np.float64), np.asarray(theta, dtype=np.float64)
        k, p = self.n_first, self.p
        return (x[..., :k], t[..., :p]), (x[..., k:], t[..., p:])


@dataclass(frozen=True)
class Pair:
    """A sparse curve against the dense one of its workload and goal.

    Attributes:
        dense: The curve at sparsity 0.
        sparse: The other.
        problem: What was fitted jointly, the dense curve's points first; None when either curve has no fit.
        fit: The joint fit; None likewise.
        ratios: Quantity (c1, c2, b_crit) to ratio; None where the data hold no trace of it.
        intervals: Quantity to its 95% profile-likelihood interval.
        prediction: The predicted ratio of c1, or why there is none.
        reason: Why there is no fit, else None.
    """

    dense: FittedCurve
    sparse: FittedCurve
    problem: Problem | None
    fit: Fit | None
    ratios: Mapping[str, float | None]
    intervals: Mapping[str, Interval]
    prediction: Prediction | str
    reason: str | None

    @property
    def direction_disagrees(self) -> bool:
        """Whether fitted and predicted ratio of c1 lie on different sides of 1."""
        fitted = self.ratios.get("c1")
        if fitted is None or isinstance(self.prediction, str):
            return False
        return (fitted - 1.0) * (self.prediction.c1_ratio - 1.0) < 0.0


def compare(dense: FittedCurve, sparse: FittedCurve, constants: tuple[Constant, ...]) -> Pair:
    """Compare a sparse curve with the dense one.

    Args:
        dense: Curve at sparsity 0.
        sparse: Curve of the same workload and goal.
        constants: Measured constants, for the prediction.

    Returns:
        The pair; without a fit it says why.
    """
    prediction = predict(constants, sparse.curve.workload, sparse.curve.sparsity)
    for name, fitted in (("dense", dense), ("sparse", sparse)):
        if fitted.reason is not None:
            return Pair(dense, sparse, None, None, {}, {}, prediction, f"{name}: {fitted.reason}")
    start = np.array([*dense.laws["H"].fit.theta, *sparse.laws["H"].fit.theta])
    joint = JointLaw(HYPERBOLA, len(dense.curve.points), 2)
    problem = Problem(joint, joined(dense.data, sparse.data), start[None, :])
    fit = fit_law(problem)
    ratios = {name: estimate(fit, contrast) for name, contrast in RATIOS.items()}
    intervals = profile_intervals([problem], [fit], RATIOS)[0]
    return Pair(dense, sparse, problem, fit, ratios, intervals, prediction, None)


def compare_all(curves: tuple[FittedCurve, ...], constants: tuple[Constant, ...]) -> tuple[Pair, ...]:
    """Compare each sparse curve with the dense one of its workload and goal.

    Args:
        curves: Fitted curves.
        constants: Measured constants.

    Returns:
        One pair per sparse curve that has a dense partner, in the order of the curves.
    """
    dense = {fitted.curve.group: fitted for fitted in curves if fitted.curve.sparsity == 0.0}
    return tuple(
        compare(dense[fitted.curve.group], fitted, constants)
        for fitted in curves
        if fitted.curve.sparsity > 0.0 and fitted.curve.group in dense
    )

r"""K*(B), or K_rate(B), of a pruned network predicted from one flow and one best rate, beside what was measured.

With c and the dense network's curve as they are,

.. math:: K_s^*(B) = K_d^*(B)\,\frac{T_s}{T_d}\,\frac{\eta_d}{\eta_s}.

T is the time to one training loss, 40% of the first, so that nothing need be known of where the sparse network's goal
lies. The rates are those of one batch size.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from verification.account.splits import paired, ratio
from verification.missing import Missing
from verification.prediction.prediction import Predicted
from verification.records.curves import Curve
from verification.records.trials import SmoothnessRun


@dataclass(frozen=True, kw_only=True)
class PredictedPoint:
    """The steps at one batch size.

    Attributes:
        batch_size: B.
        predicted: Steps, the geometric mean over replicates.
        measured: Likewise.
        ratio: Measured over predicted.
    """

    batch_size: int
    predicted: float
    measured: float
    ratio: Predicted


@dataclass(frozen=True, kw_only=True)
class PredictedSteps:
    """The curve of one sparsity, predicted.

    Attributes:
        sparsity: Percent of weights pruned.
        batch_size: At which both networks' rates were taken.
        quantity: Which steps, `K*` or `K_rate`, as the curves have them.
        factor: By which the dense curve is multiplied.
        points: One a batch size at which both networks reached the goal.
    """

    sparsity: float
    batch_size: int
    quantity: str
    factor: Predicted
    points: tuple[PredictedPoint, ...]


def predicted_steps(
    runs: Sequence[SmoothnessRun], curves: Sequence[Curve], sparsity: float
) -> PredictedSteps | Missing:
    """Predict the curve of a sparsity from the dense one's.

    Args:
        runs: The runs that were followed.
        curves: Of one workload and goal.
        sparsity: Percent, > 0.

    Returns:
        The prediction, or why there is none, one clause.
    """
    pairs = paired(runs, sparsity)
    if isinstance(pairs, Missing):
        return pairs
    factors = {
        pair.replicate: (pair.sparse.common_time / pair.sparse.eta, pair.dense.common_time / pair.dense.eta)
        for pair in pairs
        if pair.sparse.common_time and pair.dense.common_time
    }
    if not factors:
        return Missing("no flow came down to 40% of the first loss")
    measured = {curve.sparsity: _reached(curve) for curve in curves if curve.sparsity in {0.0, sparsity}}
    if measured.keys() != {0.0, sparsity}:
        return Missing(f"no curves of {sparsity:g}% and of the dense network")
    points = []
    for batch_size in sorted({size for size, _ in measured[sparsity]}):
        both = [
            (measured[sparsity][batch_size, replicate], measured[0.0][batch_size, replicate] * one / other)
            for replicate, (one, other) in factors.items()
            if (batch_size, replicate) in measured[sparsity] and (batch_size, replicate) in measured[0.0]
        ]
        if both:
            real, expected = np.exp(np.log(both).mean(axis=0)).tolist()
            points.append(PredictedPoint(batch_size=batch_size, predicted=expected, measured=real, ratio=ratio(both)))
    if not points:
        return Missing(f"no batch size at which {sparsity:g}% and the dense network reached the goal")
    factor = ratio(list(factors.values()))
    return PredictedSteps(
        sparsity=sparsity,
        batch_size=pairs[0].batch_size,
        quantity=curves[0].quantity,
        factor=factor,
        points=tuple(points),
    )


def _reached(curve: Curve) -> dict[tuple[int, int], float]:
    """Return the steps by batch size and replicate."""
    return {(one.batch_size, one.replicate): one.upper for one in curve.points if one.upper}

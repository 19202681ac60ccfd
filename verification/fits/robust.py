"""The paper's law fitted by Cauchy's loss on log K, which tolerates outliers."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

from verification.fits.fit import Fit
from verification.fits.likelihood import Array, Observations, sigma_floor
from verification.fits.newton import StepLaw

# The median absolute deviation of a normal sample, in standard deviations.
_MAD = 0.6745


@dataclass(frozen=True, kw_only=True)
class RobustFit:
    """Constants of law H by Cauchy loss.

    Attributes:
        c1: Steps x examples.
        c2: Steps.
        scale: Of the residuals of log K, from their median; > 0.
        farthest: The largest residual, in scales.
    """

    c1: float
    c2: float
    scale: float
    farthest: float


def robust_fit(law: StepLaw, data: Observations, fit: Fit) -> RobustFit:
    """Fit law H with Cauchy loss to the middles of the measured intervals; a bound counts on its own side alone.

    A first pass by absolute residuals finds their median and with it the loss's scale. Cauchy's loss and not a softer
    one: at nine points a wild end point still moves a soft L1 fit beyond the interval in one case of ten.

    Args:
        law: Law H.
        data: Shape (n,).
        fit: Its maximum likelihood fit, one of the starts.

    Returns:
        The robust fit.
    """
    y, x, floor = data.log_middle, data.log_batch_size, float(sigma_floor(data))

    def gap(theta: Array) -> Array:
        residual = y - law.log_steps(x, theta)
        open_below = np.where(data.bounded, residual, np.minimum(residual, 0.0))
        return np.where(data.reached, open_below, np.maximum(residual, 0.0))

    # The knee at each batch size, the law through the median of what that leaves.
    starts = [np.asarray(fit.theta)]
    for knee in np.unique(x):
        shape = law.log_steps(x, np.array([knee, 0.0]))
        shift = float(np.median((y - shape)[data.reached]))
        starts.append(np.array([knee + shift, shift]))
    first = min(starts, key=lambda theta: float(np.abs(gap(theta)).sum()))
    rough = least_squares(gap, first, loss="soft_l1", f_scale=max(floor, 1e-3)).x
    scale = max(float(np.median(np.abs(gap(rough)))) / _MAD, floor)
    candidates = [least_squares(gap, start, loss="cauchy", f_scale=scale) for start in (rough, first)]
    theta = min(candidates, key=lambda found: float(found.cost)).x
    c1, c2 = np.exp(np.clip(theta, -700.0, 700.0))
    return RobustFit(c1=float(c1), c2=float(c2), scale=scale, farthest=float(np.abs(gap(theta)).max()) / scale)

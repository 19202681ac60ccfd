"""Curves drawn from a fitted law and measured as the real one was.

A draw multiplies the law by noise of the fitted sigma, and by noise that the replicates of a batch size share. It reads
the result on the same evaluation grid, up to the same budget. All draws of a law are fitted in one iteration.
"""

from dataclasses import dataclass

import numpy as np

from theory import Law
from verification.fits.fit import fit_starts
from verification.fits.likelihood import Array, Observations, sigma_floor
from verification.fits.newton import Optimum
from verification.fits.starts import grid_starts

_SEED = 20_210_503


@dataclass(frozen=True)
class Design:
    """How a curve was measured.

    Attributes:
        log_batch_size: Shape (n,).
        width: Steps between evaluations around each point, shape (n,); 0 where counts are exact.
        budget: Steps after which a study gives up, shape (n,); infinite where nothing tells of one.
    """

    log_batch_size: Array
    width: Array
    budget: Array


def design_of(data: Observations) -> Design:
    """Return the design of a measured curve; where points spent a budget, the largest is that of all others.

    Args:
        data: Shape (n,).

    Returns:
        The design.
    """
    lower, upper = np.exp(data.log_lower), np.exp(data.log_upper)
    width = np.where(data.reached & ~data.exact, upper - lower, 0.0)
    usual = float(np.median(width[data.reached])) if data.reached.any() else 0.0
    largest = lower[~data.reached].max() if not data.reached.all() else np.inf
    return Design(
        data.log_batch_size,
        np.where(data.reached, width, usual),
        np.where(data.reached, np.maximum(largest, np.where(data.reached, upper, 0.0)), lower),
    )


def draw(
    design: Design, log_steps: Array, sigma: float, draws: int, shared: float = 0.0, seed: int = _SEED
) -> Observations:
    """Draw curves about a law and measure them.

    Args:
        design: How they are measured, n points.
        log_steps: The law at the points, shape (n,).
        sigma: Noise of log K, > 0.
        draws: m, number of curves.
        shared: Noise of log K that all points of a batch size share, >= 0.
        seed: Of the generator.

    Returns:
        Shape (m, n).
    """
    rng = np.random.default_rng(seed)
    noise = sigma * rng.standard_normal((draws, len(log_steps)))
    if shared:
        sizes, cell = np.unique(design.log_batch_size, return_inverse=True)
        noise += shared * rng.standard_normal((draws, len(sizes)))[:, cell.ravel()]
    steps = np.exp(np.minimum(log_steps + noise, 600.0))
    grid = np.where(design.width > 0.0, design.width, 1.0)
    upper = np.where(design.width > 0.0, np.ceil(steps / grid) * grid, steps)
    reached = upper <= design.budget
    lower = np.where(reached, upper - design.width, design.budget)
    with np.errstate(divide="ignore"):
        return Observations(
            np.broadcast_to(design.log_batch_size, upper.shape),
            np.log(lower),
            np.where(reached, np.log(upper), np.inf),
        )


def fit_draws(law: Law, data: Observations, p: int, extra: Array | None = None) -> Optimum:
    """Fit a law to every draw.

    Args:
        law: The law, p mean parameters.
        data: Shape (m, n).
        p: 2 or 3.
        extra: Shape (s, m, p), starts besides the best of the grid.

    Returns:
        The m optima.
    """
    starts = grid_starts(law, data, p, keep=1)
    if extra is not None:
        starts = np.concatenate([starts, extra])
    return fit_starts(law, data, starts, sigma_floor(data))

r"""Constants from measurements along a run: means and maxima over named windows of steps.

Each quantity is an array of shape (1 + G,): its value on all examples, then without each of G groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from empirics.probes.gradient_noise import GradientNoise, fit_second_moment
from empirics.probes.sample import Replicates
from empirics.probes.smoothness import StepMeasurement


@dataclass(frozen=True)
class Point:
    """What was measured at one step of a run.

    Args:
        step: The step k, from 1.
        regular: Whether it is one of every so many; only the goal's may be another.
        along: L and the losses.
        noise: Variance and square of the gradient at w_k.
        hessian_top: Top eigenvalue of the Hessian at w_k, None where it was not taken.
    """

    step: int
    regular: bool
    along: StepMeasurement
    noise: GradientNoise
    hessian_top: float | None = None


def constants_of(
    points: Sequence[Point], goal_step: int | None, batch_size: int, *, whole_run: bool
) -> dict[str, Replicates]:
    """Return the constants that a run's measurements hold.

    Averages up to K* are over the regular points 1, 1 + every, ... <= K*; they are left out where the run reached no
    goal, and L_mean_budget where the run was not asked to go on.

    Args:
        points: The measurements, ascending.
        goal_step: K*, None where there is none.
        batch_size: Of the run, for M and M_G.
        whole_run: Whether the run was followed over a budget of its own.

    Returns:
        Quantity -> values, shape (1 + G,).
    """
    if not points:
        return {}
    first = points[0]
    found = {"Delta": 2 * first.along.before, "beta": first.noise.variance}
    regular = [point for point in points if point.regular]
    if whole_run and (smoothness := _smoothness(regular)):
        found["L_mean_budget"] = np.mean(smoothness, axis=0)
    if goal_step is None:
        return found
    up_to_goal = [point for point in regular if point.step <= goal_step]
    if smoothness := _smoothness(up_to_goal):
        found |= {"L_mean": np.mean(smoothness, axis=0), "L_max": np.max(smoothness, axis=0)}
    if smoothness := _smoothness([point for point in points if point.step == goal_step]):
        (found["L_at_goal"],) = smoothness
    tops = [point.hessian_top for point in up_to_goal if point.hessian_top is not None]
    if tops:
        found["hessian_top"] = np.full_like(found["Delta"], np.mean(tops))
    return found | _noise_constants(up_to_goal, batch_size)


def _smoothness(points: Sequence[Point]) -> list[Replicates]:
    """Return L at the points that moved."""
    return [point.along.smoothness for point in points if point.along.smoothness is not None]


def _noise_constants(points: Sequence[Point], batch_size: int) -> dict[str, Replicates]:
    """Return what variance and square of the gradient along a run say."""
    variance = np.stack([point.noise.variance for point in points])
    square = np.stack([point.noise.gradient_square for point in points])
    found = {"epsilon": square.mean(axis=0), "beta_mean": variance.mean(axis=0)}
    if (found["epsilon"] > 0).all():
        found["noise_scale"] = found["beta_mean"] / found["epsilon"]
    if len(points) >= 2:
        fits = [fit_second_moment(*columns) for columns in zip(variance.T, square.T, strict=True)]
        found["beta_V"] = np.array([fit.slope for fit in fits])
        found["M"], found["M_G"] = np.array([fit.of_batch(batch_size) for fit in fits]).T
    return found

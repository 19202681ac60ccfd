r"""Constants from measurements along a run: means and maxima over named windows of steps.

Each quantity is an array of shape (1 + G,): its value on all examples, then without each of G groups; of shape (1,)
where it is not known without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from empirics.probes.curvature import Spectrum
from empirics.probes.gradient_noise import GradientNoise, fit_second_moment
from empirics.probes.quadratic_forms import QuadraticForms
from empirics.probes.sample import Replicates
from empirics.probes.smoothness import StepMeasurement


@dataclass(frozen=True)
class Point:
    """What was measured at one step of a run on its way to the goal.

    Args:
        step: The step k, from 1.
        regular: Whether it is one of every so many; only the goal's may be another.
        along: L, the losses, and more along the step.
        noise: Variance and square of the gradient at w_k.
        spectrum: Of the Hessian at w_k, None where it was not taken.
        forms: Quadratic forms of the Hessian at w_k, likewise.
    """

    step: int
    regular: bool
    along: StepMeasurement
    noise: GradientNoise
    spectrum: Spectrum | None = None
    forms: QuadraticForms | None = None


@dataclass(frozen=True)
class Run:
    """The run along which was measured.

    Args:
        goal_step: K*, None where it reached no goal.
        batch_size: Its B.
        eta: The flow time that a step moves it, on average; None where its steps have none.
        plain: Whether a step is a rate times a gradient, without momentum.
        common_share: Of its first loss; the window of equal loss ends there.
    """

    goal_step: int | None
    batch_size: int
    eta: float | None
    plain: bool
    common_share: float


def constants_of(points: Sequence[Point], budget: Sequence[StepMeasurement], run: Run) -> dict[str, Replicates]:
    """Return the constants that a run's measurements hold.

    Averages up to K* are over the regular points 1, 1 + every, ... <= K*; they are left out where the run reached no
    goal.

    Args:
        points: The measurements on the way to the goal, ascending.
        budget: Those over the whole training, where all that were wanted are there.
        run: Which run.

    Returns:
        Quantity -> values, shape (1 + G,) or (1,).
    """
    if not points:
        return {}
    first = points[0]
    found = {"Delta": 2 * first.along.before, "beta": first.noise.variance}
    if smoothness := [along.smoothness for along in budget if along.smoothness is not None]:
        found["L_mean_budget"] = np.mean(smoothness, axis=0)
    regular = [point for point in points if point.regular]
    goal = run.common_share * first.along.before[0]
    early = [point for point in regular if point.along.before[0] > goal]
    if len(early) < len(regular) and (smoothness := _smoothness(early)):
        found["L_mean_equal_loss"] = np.mean(smoothness, axis=0)
    if run.goal_step is None:
        return found
    up_to_goal = [point for point in regular if point.step <= run.goal_step]
    if smoothness := _smoothness(up_to_goal):
        found |= {"L_mean": np.mean(smoothness, axis=0), "L_max": np.max(smoothness, axis=0)}
    at_goal = [point for point in points if point.step == run.goal_step]
    if smoothness := _smoothness(at_goal):
        (found["L_at_goal"],) = smoothness
    return (
        found
        | _noise_constants(up_to_goal, run.batch_size)
        | _step_constants(up_to_goal, run)
        | _forms(up_to_goal, run)
    )


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


def _step_constants(points: Sequence[Point], run: Run) -> dict[str, Replicates]:
    r"""Return what the steps themselves say.

    lambda is :math:`\sum d \cdot \tilde H d/\sum |d|^2`; of plain steps, :math:`d = -\eta g`, s is
    :math:`\sum \eta\,g \cdot \tilde H g/\sum G = \sum d \cdot \tilde H d/(\eta \sum G)`.
    """
    moved = [(point.along.moved, point.noise.gradient_square) for point in points if point.along.moved is not None]
    if not moved:
        return {}
    bend, squares = np.sum([step.bend for step, _ in moved], axis=0), np.sum([square for _, square in moved], axis=0)
    found = {
        "gamma": np.mean([step.gamma for step, _ in moved], axis=0),
        "lambda": bend / sum(step.square for step, _ in moved),
        "batch_square": np.array([np.mean([step.batch_square for step, _ in moved])]),
    }
    if run.plain and run.eta is not None and (squares > 0).all():
        found["s"] = bend / (run.eta * squares)
    return found


def _forms(points: Sequence[Point], run: Run) -> dict[str, Replicates]:
    """Return means of what the Hessian was asked."""
    columns: dict[str, list[float | None]] = {"hessian_top": [], "share_above_edge": []}
    for point in points:
        if point.spectrum is not None:
            columns["hessian_top"].append(point.spectrum.top)
            if run.eta is not None:
                columns["share_above_edge"].append(point.spectrum.share_above(1.0 / run.eta))
    forms = [point.forms for point in points if point.forms is not None]
    columns |= {"gradient_H_gradient": [f.gradient for f in forms], "trace_H_Sigma": [f.noise for f in forms]}
    known = {name: [value for value in values if value is not None] for name, values in columns.items()}
    return {name: np.array([np.mean(values)]) for name, values in known.items() if values}

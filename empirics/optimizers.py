"""Update rules and learning-rate schedules for T trials at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor

Points = Sequence[Mapping[str, float]]


def column(points: Points, name: str, like: Tensor) -> Tensor:
    """Return one metaparameter of each trial.

    Args:
        points: One mapping a trial, length T.
        name: The metaparameter.
        like: Whose precision and device to take.

    Returns:
        Shape (T, 1).
    """
    return torch.tensor([[point[name]] for point in points], dtype=like.dtype, device=like.device)


class Optimizer(Protocol):
    """The state of an update rule for T trials."""

    def update(self, weights: Tensor, gradient: Tensor, learning_rates: Tensor) -> None:
        """Change the weights, shape (T, P), by one step along a masked gradient; rates have shape (T, 1)."""

    def keep(self, wanted: Tensor) -> None:
        """Go on with some of the trials only; `wanted` has shape (T,), bool."""


class StochasticGradientDescent:
    """w <- w - eta g."""

    def __init__(self, points: Points, weights: Tensor) -> None:
        del points, weights

    def update(self, weights: Tensor, gradient: Tensor, learning_rates: Tensor) -> None:
        """Take one step."""
        weights.addcmul_(gradient, learning_rates, value=-1)

    def keep(self, wanted: Tensor) -> None:
        """Drop trials; there is no state to drop."""


class HeavyBall:
    """v <- m v + g, w <- w - eta v; with Nesterov's look-ahead w <- w - eta (g + m v)."""

    look_ahead = False

    def __init__(self, points: Points, weights: Tensor) -> None:
        self._momenta = column(points, "momentum", weights)
        self._velocities = torch.zeros_like(weights)

    def update(self, weights: Tensor, gradient: Tensor, learning_rates: Tensor) -> None:
        """Take one step."""
        self._velocities.mul_(self._momenta).add_(gradient)
        direction = self._velocities
        if self.look_ahead:
            direction = gradient.addcmul_(self._momenta, self._velocities)
        weights.addcmul_(direction, learning_rates, value=-1)

    def keep(self, wanted: Tensor) -> None:
        """Go on with some of the trials only."""
        self._momenta, self._velocities = self._momenta[wanted], self._velocities[wanted]


class Nesterov(HeavyBall):
    """v <- m v + g, w <- w - eta (g + m v)."""

    look_ahead = True


OPTIMIZERS: dict[str, Callable[[Points, Tensor], Optimizer]] = {
    "sgd": StochasticGradientDescent,
    "momentum": HeavyBall,
    "nesterov": Nesterov,
}


class Schedule(Protocol):
    """The learning rates of T trials, step by step."""

    def rates(self, step: int) -> Tensor:
        """Return the rates of step number `step` (from 0), shape (T, 1)."""

    def keep(self, wanted: Tensor) -> None:
        """Go on with some of the trials only."""


class Constant:
    """eta_k = eta."""

    def __init__(self, points: Points, weights: Tensor) -> None:
        self._rates = column(points, "learning_rate", weights)

    def rates(self, step: int) -> Tensor:
        """Return the same rates at every step."""
        del step
        return self._rates

    def keep(self, wanted: Tensor) -> None:
        """Go on with some of the trials only."""
        self._rates = self._rates[wanted]


class LinearDecay:
    """eta_k = eta (1 + (f - 1) min(k/d, 1)): linear to eta f over d steps, constant after."""

    def __init__(self, points: Points, weights: Tensor) -> None:
        self._rates = column(points, "learning_rate", weights)
        self._steps = column(points, "decay_steps", weights)
        self._ends = column(points, "end_learning_rate_factor", weights)

    def rates(self, step: int) -> Tensor:
        """Return the rates of one step."""
        passed = (step / self._steps).clamp(max=1.0)
        return self._rates * (1.0 + (self._ends - 1.0) * passed)

    def keep(self, wanted: Tensor) -> None:
        """Go on with some of the trials only."""
        self._rates, self._steps, self._ends = self._rates[wanted], self._steps[wanted], self._ends[wanted]


SCHEDULES: dict[str, Callable[[Points, Tensor], Schedule]] = {"constant": Constant, "linear": LinearDecay}

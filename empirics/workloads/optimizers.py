"""Update rules and learning-rate schedules for T trials at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar, cast

import torch
from torch import Tensor

from empirics.errors import InputError
from empirics.workloads.named import import_named

Points = Sequence[Mapping[str, float]]


def column(points: Points, name: str, like: Tensor, default: float | None = None) -> Tensor:
    """Return one metaparameter of each trial.

    Args:
        points: One mapping a trial, length T.
        name: The metaparameter.
        like: Whose precision and device to take.
        default: Its value where it is not searched; None where it must be.

    Returns:
        Shape (T, 1).

    Raises:
        KeyError: If a point lacks a metaparameter that has no default.
    """
    values = [[point[name] if default is None or name in point else default] for point in points]
    return torch.tensor(values, dtype=like.dtype, device=like.device)


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


class AdamW:
    r"""Adam with decoupled weight decay.

    :math:`m \gets \beta_1 m + (1 - \beta_1) g,\ v \gets \beta_2 v + (1 - \beta_2) g^2,\ w \gets (1 - \eta \lambda) w
    - \eta \hat m / (\sqrt{\hat v} + \epsilon)`, the hats dividing by :math:`1 - \beta^k` at step k.

    Searched or at their defaults: beta1 0.9, beta2 0.999, epsilon 1e-8, weight_decay 0.01.

    Reference:
        Loshchilov, Hutter 2019, Algorithm 2, with the schedule multiplying the decay as in PyTorch.
    """

    def __init__(self, points: Points, weights: Tensor) -> None:
        defaults = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.01}
        self._beta1, self._beta2, self._epsilon, self._decay = (
            column(points, name, weights, default) for name, default in defaults.items()
        )
        self._first, self._second = torch.zeros_like(weights), torch.zeros_like(weights)
        self._steps = torch.zeros((), dtype=weights.dtype, device=weights.device)

    def update(self, weights: Tensor, gradient: Tensor, learning_rates: Tensor) -> None:
        """Take one step."""
        self._steps += 1
        self._first.lerp_(gradient, 1 - self._beta1)
        self._second.mul_(self._beta2).add_((1 - self._beta2) * gradient.square())
        size = (self._second / (1 - self._beta2**self._steps)).sqrt_().add_(self._epsilon)
        weights.mul_(1 - learning_rates * self._decay)
        weights.sub_(learning_rates / (1 - self._beta1**self._steps) * self._first / size)

    def keep(self, wanted: Tensor) -> None:
        """Go on with some of the trials only."""
        self._beta1, self._beta2 = self._beta1[wanted], self._beta2[wanted]
        self._epsilon, self._decay = self._epsilon[wanted], self._decay[wanted]
        self._first, self._second = self._first[wanted], self._second[wanted]


Rule = TypeVar("Rule")
UpdateRule = Callable[[Points, Tensor], Optimizer]
OPTIMIZERS: dict[str, UpdateRule] = {
    "sgd": StochasticGradientDescent,
    "momentum": HeavyBall,
    "nesterov": Nesterov,
    "adamw": AdamW,
}


def update_rule(name: str) -> UpdateRule:
    """Return the update rule of that name.

    Args:
        name: One of `OPTIMIZERS`, or `my_module:MyOptimizer`, a class like those here.

    Raises:
        InputError: If there is none.

    Example:
        >>> update_rule("momentum").__name__
        'HeavyBall'
    """
    return _named(name, OPTIMIZERS, "optimiser", "MyOptimizer")


def _named(name: str, known: Mapping[str, Rule], kind: str, own: str) -> Rule:
    """Return one of the rules listed here, or a user's own."""
    if ":" in name:
        return cast("Rule", import_named(name))
    if name not in known:
        raise InputError(f"unknown {kind} {name!r}; choose one of: {', '.join(known)}, or my_module:{own}")
    return known[name]


class Schedule(Protocol):
    """The learning rates of T trials, step by step."""

    def rates(self, step: Tensor) -> Tensor:
        """Return the rates, shape (T, 1), of step number `step` (from 0), a tensor without axes."""

    def keep(self, wanted: Tensor) -> None:
        """Go on with some of the trials only."""


class Constant:
    """eta_k = eta."""

    def __init__(self, points: Points, weights: Tensor) -> None:
        self._rates = column(points, "learning_rate", weights)

    def rates(self, step: Tensor) -> Tensor:
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

    def rates(self, step: Tensor) -> Tensor:
        """Return the rates of one step."""
        passed = (step / self._steps).clamp(max=1.0)
        return self._rates * (1.0 + (self._ends - 1.0) * passed)

    def keep(self, wanted: Tensor) -> None:
        """Go on with some of the trials only."""
        self._rates, self._steps, self._ends = self._rates[wanted], self._steps[wanted], self._ends[wanted]


ScheduleRule = Callable[[Points, Tensor], Schedule]
SCHEDULES: dict[str, ScheduleRule] = {"constant": Constant, "linear": LinearDecay}


def schedule_rule(name: str) -> ScheduleRule:
    """Return the learning-rate schedule of that name.

    Args:
        name: One of `SCHEDULES`, or `my_module:MySchedule`, a class like those here.

    Raises:
        InputError: If there is none.

    Example:
        >>> schedule_rule("linear").__name__
        'LinearDecay'
    """
    return _named(name, SCHEDULES, "schedule", "MySchedule")

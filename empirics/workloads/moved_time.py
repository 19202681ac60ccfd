r"""How far the steps of a run move it, as the time in which a gradient flow would move as far.

Importing this module loads no torch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LOOK_AHEAD = {"sgd": 0, "momentum": 0, "nesterov": 1}


def moved_time(optimizer: str, schedule: str, point: Mapping[str, float], steps: int) -> float | None:
    r"""Return the time in which a gradient flow moves as far as a run from rest, under a gradient that stays the same.

    :math:`\tau(K) = \sum_{k=1}^K \eta_k \frac{1 - m^{k+j}}{1 - m}`, j = 1 for Nesterov, else 0: at a constant rate
    :math:`\frac{\eta}{1-m} \left(K - \frac{m^{1+j} (1 - m^K)}{1 - m}\right)`, which is :math:`\eta K` for m = 0. What
    is taken off is the lag of a velocity that begins at 0.

    Args:
        optimizer: Name of an update rule.
        schedule: Name of a learning-rate schedule.
        point: The run's metaparameters.
        steps: K, >= 1.

    Returns:
        The time, > 0; None where a step is not a rate times a mean of gradients, as with AdamW or a rule of one's own.

    Reference:
        Polyak 1964 (heavy ball); Nesterov 1983.

    Example:
        >>> point = {"learning_rate": 0.5, "momentum": 0.5}
        >>> [moved_time(name, "constant", point, 2) for name in ("sgd", "momentum", "nesterov", "adamw")]
        [1.0, 1.25, 1.625, None]
    """
    if optimizer not in _LOOK_AHEAD or schedule not in {"constant", "linear"}:
        return None
    numbers = np.arange(steps, dtype=np.float64)
    rates = np.full(steps, point["learning_rate"])
    if schedule == "linear":
        rates *= rate_left(point, numbers)
    momentum = 0.0 if optimizer == "sgd" else point["momentum"]
    velocities = (1.0 - momentum ** (numbers + 1.0 + _LOOK_AHEAD[optimizer])) / (1.0 - momentum)
    return float(rates @ velocities)


def rate_left(point: Mapping[str, float], number: ArrayLike) -> NDArray[np.float64]:
    r"""Return which share of its first rate a linear decay has left.

    :math:`1 + (f - 1) \min(k/d, 1)`.

    Args:
        point: The run's metaparameters, `decay_steps` d (less than 1 counts as 1) and `end_learning_rate_factor` f in
            (0, 1].
        number: k, the steps taken before, >= 0; any shape.

    Returns:
        Its share, in [f, 1], of the same shape.

    Example:
        >>> rate_left({"decay_steps": 100.0, "end_learning_rate_factor": 0.5}, [0, 50, 200]).tolist()
        [1.0, 0.75, 0.5]
    """
    steps = max(point["decay_steps"], 1.0)  # a table from elsewhere may hold 0
    passed = np.minimum(np.asarray(number, dtype=np.float64) / steps, 1.0)
    return np.asarray(1.0 + (point["end_learning_rate_factor"] - 1.0) * passed)


def relative_sums(point: Mapping[str, float], steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Return the sums of a linear decay's rates over its first one, and of their squares, up to each step.

    :math:`A_K = \sum_{k<K} \eta_k/\eta_0` and :math:`H_K = \sum_{k<K} (\eta_k/\eta_0)^2`.

    Args:
        point: The run's metaparameters, as of `rate_left`.
        steps: The largest K, >= 1.

    Returns:
        A and H at K = 1 to `steps`, each of shape (steps,).

    Example:
        >>> [found.tolist() for found in relative_sums({"decay_steps": 2.0, "end_learning_rate_factor": 0.5}, 3)]
        [[1.0, 1.75, 2.25], [1.0, 1.5625, 1.8125]]
    """
    left = rate_left(point, np.arange(steps))
    return np.cumsum(left), np.cumsum(left**2)


def has_decay(point: Mapping[str, float]) -> bool:
    """Return whether a run's metaparameters hold those of a linear decay, to a share of the first rate in [0, 1].

    Args:
        point: Metaparameters by name; a table from elsewhere may hold anything.

    Example:
        >>> has_decay({"learning_rate": 0.5}), has_decay({"decay_steps": 2.0, "end_learning_rate_factor": 0.5})
        (False, True)
    """
    return "decay_steps" in point and 0.0 <= point.get("end_learning_rate_factor", -1.0) <= 1.0


def steps_at_first_rate(point: Mapping[str, float], steps: float) -> float:
    r"""Return how many steps at its first rate add up to the rates of a run.

    :math:`\sum_{k=0}^{K-1} \eta_k/\eta_0`, which is K at a constant rate.

    Args:
        point: The run's metaparameters.
        steps: K, >= 1.

    Returns:
        Steps, in (0, K].

    Example:
        >>> steps_at_first_rate({"decay_steps": 2.0, "end_learning_rate_factor": 0.5}, 3)  # 1 + 3/4 + 1/2
        2.25
        >>> steps_at_first_rate({"learning_rate": 0.5}, 3)
        3.0
    """
    if not has_decay(point):
        return float(steps)
    decay_steps = max(point["decay_steps"], 1.0)
    falling = math.ceil(min(steps, decay_steps))
    passed = falling * (falling - 1) / (2.0 * decay_steps) + max(steps - falling, 0.0)
    return steps - (1.0 - point["end_learning_rate_factor"]) * passed

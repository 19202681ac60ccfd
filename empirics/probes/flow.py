r"""The time that the gradient flow dw/dt = -grad f takes from a start to a training loss.

T(phi) is what a descent without noise and with vanishing steps takes: :math:`T(\phi) = \int d\phi/|\nabla f|^2` along
the flow. It changes with the units of weights and loss as a learning rate does, so T/eta does not change at all.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from empirics.probes.field import Field, Vector

# A step that keeps less of dt |grad f|^2 turns a stiff direction by more than half way, and is halved; steps grow again
# slowly, as most of what was too long once is soon too long again. On digits, with steps of at most a quarter of the
# best rate, T is then 0.3-1.0% too long (it was 1-12% with every step taken that lowers f, at more gradients).
_KEPT = 0.75
_GROWTH = 1.25
_LEAST = 2.0**-50  # of the longest step: then f no longer resolves a decrease


class Flow:
    r"""A gradient flow under way, in float64, by Euler steps of adapted length.

    :math:`w \gets w - dt\,\nabla f(w)`; a step that lowers f by less than three quarters of :math:`dt\,|\nabla f|^2`
    is halved.

    Args:
        field: Returns f and its gradient at weights of shape (P,).
        weights: The start, shape (P,).
        longest: No step is longer, in the unit of a learning rate, > 0.

    Reference:
        Elkabetz and Cohen 2021: gradient descent follows this flow in the time that its steps sum up to.

    Example:
        >>> flow = Flow(lambda w: (float(w @ w) / 2, w), np.array([1.0]), longest=1e-3)  # w(t) = exp(-t)
        >>> while flow.loss > 0.5 * np.exp(-2):
        ...     flow.advance()
        >>> round(flow.time_at(0.5 * np.exp(-2)), 3)
        1.0
    """

    def __init__(self, field: Field, weights: Vector, longest: float) -> None:
        self._field = field
        self._longest = self._step = longest
        self._weights = weights
        loss, self._gradient = field(weights)
        self.gradients = 1
        self.stuck = False
        self._path = [(0.0, loss, float(self._gradient @ self._gradient))]

    @property
    def time(self) -> float:
        """How long it has flowed."""
        return self._path[-1][0]

    @property
    def loss(self) -> float:
        """The loss f where it is."""
        return self._path[-1][1]

    @property
    def path(self) -> NDArray[np.float64]:
        """Time, f and the squared gradient norm after every step, shape (steps + 1, 3)."""
        return np.array(self._path)

    def advance(self) -> None:
        """Take a step; at a point where no step lowers f there is none, and the flow is stuck."""
        time, loss, square = self._path[-1]
        while self._step >= _LEAST * self._longest and square > 0.0:
            weights = self._weights - self._step * self._gradient
            after, gradient = self._field(weights)
            self.gradients += 1
            if loss - after >= _KEPT * self._step * square:  # false where it is no number
                self._path.append((time + self._step, after, float(gradient @ gradient)))
                self._weights, self._gradient = weights, gradient
                self._step = min(_GROWTH * self._step, self._longest)
                return
            self._step /= 2
        self.stuck = True

    def time_at(self, loss: float) -> float | None:
        """Return when the loss first was as low as a loss, linear within a step; None where it was not so far."""
        times, losses, _ = self.path.T
        if loss >= losses[0]:
            return 0.0
        if loss < losses[-1]:
            return None
        return float(np.interp(-loss, -losses, times))

    def state(self) -> dict[str, NDArray[np.float64]]:
        """Return all that changes with the steps, for `load`."""
        counts = np.array([self._step, self.gradients, self.stuck], dtype=np.float64)
        return {"weights": self._weights, "gradient": self._gradient, "path": self.path, "counts": counts}

    def load(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        """Go on from where a flow of the same field, start and longest step was.

        Raises:
            ValueError: If it is no such state.
        """
        path, (step, gradients, stuck) = state["path"], state["counts"].tolist()
        at_start = path.ndim == 2 and np.array_equal(path[0], self._path[0])
        shapes = {state[name].shape for name in ("weights", "gradient")}
        if not (at_start and shapes == {self._weights.shape} and 0.0 < step <= self._longest):
            raise ValueError("not a state of this flow")
        self._weights, self._gradient = state["weights"], state["gradient"]
        self._path = [(time, loss, square) for time, loss, square in path.tolist()]
        self._step, self.gradients, self.stuck = step, int(gradients), bool(stuck)

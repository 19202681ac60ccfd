"""The goal test on a user's own metric: any scalar of outputs and targets, on the whole validation set."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from empirics.networks.network import Network

Metric = Callable[[Tensor, Tensor], object]


class MetricGoalTest:
    """Decides for each of T trials which goals its metric reaches; a metric that is not a number reaches none.

    The metric is given tensors of the host, wherever the network is: it may be written in numpy.

    Args:
        network: The network.
        inputs: Of the validation set, shape (n, ...).
        targets: Shape (n, ...).
        metric: Maps outputs (n, ...) and targets to a scalar.
        goals: Values that count as the result, length G.
        maximise: Whether a goal is reached from below.
    """

    def __init__(
        self,
        network: Network,
        inputs: Tensor,
        targets: Tensor,
        metric: Metric,
        goals: Sequence[float],
        *,
        maximise: bool,
    ) -> None:
        self._network = network
        self._inputs = inputs
        self._targets = targets.cpu()
        self._metric = metric
        self._goals = torch.tensor(goals, dtype=torch.float64)
        self._maximise = maximise

    def reached(self, weights: Tensor, trials: Sequence[int]) -> Tensor:
        """Return which trials reach which goals, shape (G, T), bool."""
        del trials
        return self.reached_by(self.values(weights))

    @torch.no_grad()
    def values(self, weights: Tensor) -> Tensor:
        """Return the metric of each trial, shape (T,), float64."""
        parameters = self._network.views(weights)
        rows = max(self._network.examples_at_once // len(weights), 1)
        starts = range(0, len(self._targets), rows)
        chunks = [self._network.logits(parameters, self._inputs[start : start + rows]) for start in starts]
        outputs = torch.cat(chunks, dim=1).cpu()
        values = [float(self._metric(of_trial, self._targets)) for of_trial in outputs]  # type: ignore[arg-type]
        return torch.tensor(values, dtype=torch.float64)

    def reached_by(self, values: Tensor) -> Tensor:
        """Return which values reach which goals, shape (G, T), bool."""
        goals = self._goals[:, None]
        return values >= goals if self._maximise else values <= goals

    def state(self) -> dict[str, Tensor]:
        """Return nothing: every answer is that of a full evaluation."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on; there is nothing to go on from."""

    def best(self, values: Sequence[float]) -> float:
        """Return the best value; one that is not a number only where there is no other."""
        numbers = [value for value in values if value == value]  # noqa: PLR0124 - nan differs from itself
        return (max if self._maximise else min)(numbers or values)

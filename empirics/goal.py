"""The goal test: errors on the whole validation set against a count, and no more work than the answer needs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from empirics.networks import Network


def goal_count(goal_error: float, examples: int) -> int:
    """Return the largest number of errors that reaches the goal.

    Args:
        goal_error: Goal as a share of the validation set, in (0, 1).
        examples: Size of the validation set.

    Returns:
        floor(goal_error x examples), safe against the rounding of the product.

    Reference:
        Lee et al. 2021, Appendix B: 0.02 of 6000 is reached at 120 errors.

    Example:
        >>> goal_count(0.02, 6000), goal_count(0.08, 179)
        (120, 14)
    """
    return math.floor(goal_error * examples + 1e-6)


def classification_error(outputs: Tensor, targets: Tensor) -> float:
    """Return the share of examples whose highest output is not that of their class.

    Args:
        outputs: Shape (n, classes).
        targets: Classes, shape (n,).

    Example:
        >>> classification_error(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([1, 1]))
        0.5
    """
    highest, classes = outputs.max(dim=1)
    return float(((classes != targets) | highest.isnan()).double().mean())


class Goals(Protocol):
    """Decides for each of T trials which of G goals it reaches on the validation set."""

    def reached(self, weights: Tensor) -> Tensor:
        """Return which trials reach which goals, shape (G, T), bool; weights are finite, shape (T, P)."""

    def values(self, weights: Tensor) -> Tensor:
        """Return the metric of each trial, shape (T,), float64."""

    def reached_by(self, values: Tensor) -> Tensor:
        """Return which of such values reach which goals, shape (G, T), bool."""

    def best(self, values: Sequence[float]) -> float:
        """Return the best of some values of the metric."""

    def state(self) -> dict[str, Tensor]:
        """Return what later answers may depend on, for `load`."""

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from where another test on the same set stood."""


class GoalTest:
    """Decides for each of T trials which goals its errors on the validation set reach.

    A trial is decided as soon as it has made more errors than the easiest goal allows, so a network far from every
    goal costs a few images. The answer is that of a full evaluation.

    Args:
        network: The network.
        images: The validation set, shape (n, channels, height, width).
        labels: Shape (n,).
        most_errors: Errors that still reach each goal, length G.
    """

    def __init__(self, network: Network, images: Tensor, labels: Tensor, most_errors: Sequence[int]) -> None:
        self._network = network
        self._images = images
        self._labels = labels
        self._most_errors = torch.tensor(most_errors, device=labels.device)

    @torch.no_grad()
    def reached(self, weights: Tensor) -> Tensor:
        """Return which trials reach which goals.

        Args:
            weights: Finite, shape (T, P).

        Returns:
            Shape (G, T), bool.
        """
        parameters = self._network.views(weights)
        easiest = self._most_errors.max()
        errors = torch.zeros(len(weights), dtype=torch.int64, device=weights.device)
        for start, stop in self._chunks(len(weights)):
            errors += self._count(parameters, start, stop)
            if bool((errors > easiest).all()):
                break
        return errors <= self._most_errors[:, None]

    @torch.no_grad()
    def errors(self, weights: Tensor) -> Tensor:
        """Return the errors of each trial on the whole validation set, shape (T,), int64."""
        parameters = self._network.views(weights)
        counts = [self._count(parameters, start, stop) for start, stop in self._chunks(len(weights))]
        return torch.stack(counts).sum(dim=0)

    def values(self, weights: Tensor) -> Tensor:
        """Return the validation error of each trial, shape (T,), float64."""
        return self.errors(weights).double() / len(self._labels)

    def reached_by(self, values: Tensor) -> Tensor:
        """Return which validation errors reach which goals, shape (G, T), bool."""
        return (values * len(self._labels)).round() <= self._most_errors[:, None]

    def state(self) -> dict[str, Tensor]:
        """Return nothing: images come in a fixed order."""
        return {}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on; there is nothing to go on from."""

    @staticmethod
    def best(values: Sequence[float]) -> float:
        """Return the lowest error."""
        return min(values)

    def _count(self, parameters: list[Tensor], start: int, stop: int) -> Tensor:
        """Return the errors of each trial on one chunk, shape (T,)."""
        highest, classes = self._network.logits(parameters, self._images[start:stop]).max(dim=2)
        return ((classes != self._labels[start:stop]) | highest.isnan()).sum(dim=1)  # NaN must not count as class 0

    def _chunks(self, trials: int) -> list[tuple[int, int]]:
        """Return the borders of the chunks, about a third of a training pass each."""
        examples, rows = len(self._labels), max(self._network.examples_at_once // (3 * trials), 8)
        return [(start, min(start + rows, examples)) for start in range(0, examples, rows)]

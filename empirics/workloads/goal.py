"""The goal test: errors on the whole validation set against a count, stopped as soon as the answer is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from empirics.networks.gradient import as_input
from empirics.networks.network import Network
from empirics.workloads.goal_label import GoalCount, goal_count

# From weights, shape (T, P), to a function of the rows of some images: which of them each trial gets wrong, (T, rows).
Errors = Callable[[Tensor], Callable[[Tensor], Tensor]]
_ROWS = 64
_MEMORY = 0.9  # of how hard an image was when trials last looked at it


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

    def reached(self, weights: Tensor, trials: Sequence[int]) -> Tensor:
        """Return which of some trials, with finite weights of shape (T, P), reach which goals, shape (G, T), bool."""

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
    """Decides for each of T trials which goals its errors on the validation set reach, looking at few images.

    A trial is decided as soon as it has made more errors than the easiest goal it may still miss allows, or so few
    images are left that every open goal is reached. The images that it got wrong last time come first, then those that
    other trials got wrong, so that a trial a little short of its goal is decided by its hard images alone.

    The answer is that of `errors`, exactly: every pass has one shape (the last is filled up), in which the outputs for
    an image depend neither on the image's place nor on the others beside it.

    Args:
        network: The network.
        errors_of: What finds the images of the validation set that trials get wrong, e.g. `wrong_images`.
        labels: Of those images, shape (n,).
        most_errors: Errors that still reach each goal, length G.
    """

    def __init__(self, network: Network, errors_of: Errors, labels: Tensor, most_errors: Sequence[int]) -> None:
        self._network = network
        self._errors_of = errors_of
        self._labels = labels
        self._most_errors = torch.tensor(most_errors, device=labels.device)
        self._missed: dict[int, Tensor] = {}  # by trial, which images it got wrong when it last saw them
        self._hardness = torch.zeros(len(labels), device=labels.device)
        self.tests, self.images_seen = 0, 0

    @torch.no_grad()
    def reached(self, weights: Tensor, trials: Sequence[int]) -> Tensor:
        """Return which trials reach which goals.

        Args:
            weights: Finite, shape (T, P).
            trials: Their indices in the study, length T.

        Returns:
            Shape (G, T), bool.
        """
        return torch.cat([self._decide(weights[place], trials[place]) for place in self._passes(len(weights))], dim=1)

    def _decide(self, weights: Tensor, trials: Sequence[int]) -> Tensor:
        """Return which goals the trials of one pass reach, shape (G, passes' trials)."""
        wrong_of, most = self._errors_of(weights), self._most_errors[:, None]
        missed = torch.stack([self._missed.get(trial, torch.zeros_like(self._hardness)) for trial in trials])
        order = torch.argsort(missed.sum(dim=0) + self._hardness, descending=True, stable=True)
        errors = torch.zeros(len(trials), dtype=torch.int64, device=weights.device)
        for start in range(0, len(order), self._rows(len(trials))):
            rows = order[start : start + self._rows(len(trials))]
            wrong = wrong_of(rows)
            errors += wrong.sum(dim=1)
            missed[:, rows] = wrong.float()
            self._hardness[rows] = _MEMORY * self._hardness[rows] + (1 - _MEMORY) * wrong.float().mean(dim=0)
            self.images_seen += len(rows) * len(trials)
            left = len(order) - start - len(rows)
            if bool(((errors > most) | (errors + left <= most)).all()):
                break
        self.tests += len(trials)
        self._missed |= dict(zip(trials, missed, strict=True))
        return errors + left <= most

    @torch.no_grad()
    def errors(self, weights: Tensor) -> Tensor:
        """Return the errors of each trial on the whole validation set, shape (T,), int64."""
        every = torch.arange(len(self._labels), device=weights.device)
        counts = []
        for place in self._passes(len(weights)):
            wrong_of = self._errors_of(weights[place])
            chunks = torch.split(every, self._rows(len(weights[place])))
            counts.append(torch.stack([wrong_of(rows).sum(dim=1) for rows in chunks]).sum(dim=0))
        return torch.cat(counts)

    def values(self, weights: Tensor) -> Tensor:
        """Return the validation error of each trial, shape (T,), float64."""
        return self.errors(weights).double() / len(self._labels)

    def reached_by(self, values: Tensor) -> Tensor:
        """Return which validation errors reach which goals, shape (G, T), bool."""
        return (values * len(self._labels)).round() <= self._most_errors[:, None]

    def state(self) -> dict[str, Tensor]:
        """Return what trials got wrong: it decides which images later tests look at, though never their answers."""
        if not self._missed:
            return {}
        trials = torch.tensor([*self._missed])
        return {"trials": trials, "missed": torch.stack([*self._missed.values()]), "hardness": self._hardness.clone()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from where another test on the same set stood.

        Raises:
            ValueError: If it was on another set.
        """
        if state:
            if not state["missed"].shape[1:] == state["hardness"].shape == self._hardness.shape:
                raise ValueError("not the images of this validation set")
            self._missed = dict(zip(state["trials"].tolist(), state["missed"].to(self._hardness), strict=True))
            self._hardness = state["hardness"].to(self._hardness)

    @staticmethod
    def best(values: Sequence[float]) -> float:
        """Return the lowest error."""
        return min(values)

    def _passes(self, trials: int) -> list[slice]:
        """Return which trials go through the network together: on a CPU each alone, so that each is decided alone."""
        together = trials if self._labels.is_cuda else 1
        return [slice(first, first + together) for first in range(0, trials, together)]

    def _rows(self, trials: int) -> int:
        """Return the images of one pass."""
        return _images_at_once(self._network, trials, on_gpu=self._labels.is_cuda)


def _images_at_once(network: Network, trials: int, *, on_gpu: bool) -> int:
    """Return the images of one pass; 64 of one trial is where a CPU is fastest, see `benchmarks/RESULTS.md`."""
    return max(network.examples_at_once // trials, 1) if on_gpu else min(_ROWS, network.examples_at_once)


def wrong_images(network: Network, images: Tensor, labels: Tensor) -> Errors:
    """Return what finds the images that a network gets wrong, by passes of one shape.

    Args:
        network: The network.
        images: Shape (n, channels, height, width).
        labels: Shape (n,).
    """

    def wrong(parameters: list[Tensor], rows: Tensor) -> Tensor:
        at_once = _images_at_once(network, len(parameters[0]), on_gpu=labels.is_cuda)
        filled = torch.cat([rows, rows[:1].expand(at_once - len(rows))])
        highest, classes = network.logits(parameters, as_input(images[filled], parameters[0].dtype)).max(dim=2)
        missed = (classes != labels[filled]) | highest.isnan()  # NaN must not count as class 0
        return missed[:, : len(rows)]

    return lambda weights: partial(wrong, network.views(weights))


def error_goals(
    network: Network, errors_of: Errors, labels: Tensor, goals: Sequence[float], known: Sequence[GoalCount] = ()
) -> GoalTest:
    """Return the test of goals that are shares of errors.

    Args:
        network: The network.
        errors_of: What finds the images of the validation set that trials get wrong.
        labels: Of those images.
        goals: Shares in (0, 1).
        known: Goals whose count of errors is another.
    """
    return GoalTest(network, errors_of, labels, [goal_count(goal, len(labels), known) for goal in goals])

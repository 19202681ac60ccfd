"""The goal test: errors on the whole validation set against a count, stopped as soon as the answer is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from empirics.networks.gradient import as_input
from empirics.networks.network import Network
from empirics.workloads.goal_label import GoalCount, goal_count

# From weights, shape (T, P), to a function of the rows of some images: which of them each trial gets wrong, (T, rows).
Errors = Callable[[Tensor], Callable[[Tensor], Tensor]]
_ROWS, _ROWS_ON_GPU = 64, 512
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
        """Return which of some trials, with finite weights of shape (T, P), reach which goals, shape (G, T), bool.

        It is on the host, as are the others' results.
        """

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

    The answer is that of `errors`, exactly: every pass is of one trial and has one shape (the last is filled up), in
    which the outputs for an image depend neither on the image's place nor on the others beside it. A CPU decides one
    trial after another; a GPU is given a pass of every open trial before the host waits for their errors.

    Args:
        network: The network.
        errors_of: What finds the images of the validation set that trials get wrong, e.g. `wrong_images`.
        labels: Of those images, shape (n,).
        most_errors: Errors that still reach each goal, length G.
    """

    def __init__(self, network: Network, errors_of: Errors, labels: Tensor, most_errors: Sequence[int]) -> None:
        self._errors_of = errors_of
        self._labels = labels
        self._rows = images_at_once(network, labels)
        self._most_errors = np.array(most_errors)[:, None]
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
        if self._labels.is_cuda:
            found = self._decide_together(weights, trials)
        else:
            found = np.concatenate(
                [self._decide(*one) for one in zip(torch.split(weights, 1), trials, strict=True)], axis=1
            )
        self.tests += len(trials)
        return torch.from_numpy(found)

    def _decide(self, weights: Tensor, trial: int) -> NDArray[np.bool_]:
        """Return which goals one trial reaches, shape (G, 1)."""
        wrong_of, missed = self._errors_of(weights), self._missed.get(trial, torch.zeros_like(self._hardness)).clone()
        order = torch.argsort(missed + self._hardness, descending=True, stable=True)
        errors, left = 0, len(order)
        for rows in torch.split(order, self._rows):
            wrong = wrong_of(rows)[0].float()
            errors, left = errors + int(wrong.sum()), left - len(rows)
            missed[rows] = wrong
            self._hardness[rows] = _MEMORY * self._hardness[rows] + (1 - _MEMORY) * wrong
            self.images_seen += len(rows)
            if ((errors > self._most_errors) | (errors + left <= self._most_errors)).all():
                break
        self._missed[trial] = missed
        return errors + left <= self._most_errors

    def _decide_together(self, weights: Tensor, trials: Sequence[int]) -> NDArray[np.bool_]:
        """Return which goals some trials reach, shape (G, T), each of which is given passes until it is decided."""
        missed = torch.stack([self._missed.get(trial, torch.zeros_like(self._hardness)) for trial in trials])
        order = torch.argsort(missed + self._hardness, dim=1, descending=True, stable=True)
        wrong_of = [self._errors_of(row) for row in torch.split(weights, 1)]
        errors, left, undecided = np.zeros(len(trials), dtype=np.int64), order.shape[1], list(range(len(trials)))
        looks: list[Tensor] = []
        for rows in torch.split(order, self._rows, dim=1):
            found = torch.cat([wrong_of[place](rows[place]) for place in undecided]).float()
            errors[undecided] += found.sum(dim=1).cpu().numpy().astype(np.int64)
            of_place, nothing = dict(zip(undecided, found, strict=True)), torch.full_like(found[0], -1.0)
            looks.append(torch.stack([of_place.get(place, nothing) for place in range(len(trials))]))
            self.images_seen += found.numel()
            left -= rows.shape[1]
            open_goals = (errors <= self._most_errors) & (errors + left > self._most_errors)
            undecided = np.flatnonzero(open_goals.any(axis=0)).tolist()
            if not undecided:
                break
        self._learn(missed, order, torch.cat(looks, dim=1))
        self._missed |= dict(zip(trials, missed, strict=True))
        return errors + left <= self._most_errors

    def _learn(self, missed: Tensor, order: Tensor, looks: Tensor) -> None:
        """Note which of the first images in its order each trial got wrong, shape (T, images): 1, 0, or -1 for no look.

        An image is as hard as if the trials that looked at it had done so as one.
        """
        rows = order[:, : looks.shape[1]]
        missed.scatter_(1, rows, torch.where(looks < 0, missed.gather(1, rows), looks))
        seen = torch.zeros_like(missed).scatter_(1, rows, (looks >= 0).float())
        share = (missed * seen).sum(dim=0) / seen.sum(dim=0)
        learned = _MEMORY * self._hardness + (1 - _MEMORY) * share
        self._hardness = torch.where(seen.any(dim=0), learned, self._hardness)

    @torch.no_grad()
    def errors(self, weights: Tensor) -> Tensor:
        """Return the errors of each trial on the whole validation set, shape (T,), int64."""
        every = torch.split(torch.arange(len(self._labels), device=weights.device), self._rows)
        counts = []
        for row in torch.split(weights, 1):
            wrong_of = self._errors_of(row)
            counts.append(torch.stack([wrong_of(rows).sum(dim=1) for rows in every]).sum(dim=0))
        return torch.cat(counts).cpu()

    def values(self, weights: Tensor) -> Tensor:
        """Return the validation error of each trial, shape (T,), float64."""
        return self.errors(weights).double() / len(self._labels)

    def reached_by(self, values: Tensor) -> Tensor:
        """Return which validation errors reach which goals, shape (G, T), bool."""
        return (values * len(self._labels)).round() <= torch.from_numpy(self._most_errors)

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


def images_at_once(network: Network, labels: Tensor) -> int:
    """Return the images of one pass of a goal test, on the device of the validation set's labels, shape (n,).

    Of these a CPU is fastest, see `benchmarks/RESULTS.md`; a GPU must be given more for its launches to be worth it.
    """
    return min(_ROWS_ON_GPU, len(labels)) if labels.is_cuda else min(_ROWS, network.examples_at_once)


def wrong_images(network: Network, images: Tensor, labels: Tensor) -> Errors:
    """Return what finds the images that a network gets wrong, by passes of one shape.

    Args:
        network: The network.
        images: Shape (n, channels, height, width).
        labels: Shape (n,).
    """
    at_once = images_at_once(network, labels)

    def wrong(parameters: list[Tensor], rows: Tensor) -> Tensor:
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

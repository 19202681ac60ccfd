"""The plain way to measure a study: one trial after another, a straightforward PyTorch loop, full evaluations.

It shares data, initial weights, masks and metaparameters with the engine, and nothing of how they are used.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.plain_networks import plain_module
from empirics.errors import InputError
from empirics.records import Study
from empirics.training.laboratory import Laboratory

_EVALUATION_ROWS = 500


class PlainLoop:
    """SGD at a constant rate, as one would write it.

    Args:
        module: Trained in place.
        masks: Of each parameter, 1 where it is kept; empty where every parameter is kept whole.
        rate: Learning rate.
    """

    def __init__(self, module: nn.Module, masks: Sequence[Tensor], rate: float) -> None:
        self.module = module
        self._masks = masks
        self._optimizer = torch.optim.SGD(module.parameters(), lr=rate)

    def step(self, images: Tensor, labels: Tensor) -> bool:
        """Take one step; return whether its loss is finite."""
        loss = functional.cross_entropy(self.module(images), labels)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for value, mask in zip(self.module.parameters(), self._masks, strict=bool(self._masks)):
            if value.grad is not None:
                value.grad.mul_(mask)
        self._optimizer.step()
        return bool(torch.isfinite(loss))


def masked_module(
    network: str, image_shape: tuple[int, ...], weights: NDArray[np.float32], mask: NDArray[np.bool_]
) -> tuple[nn.Module, list[Tensor]]:
    """Return a network with given weights, shape (P,), where they are kept, and the mask of each of its parameters.

    Raises:
        InputError: If there is no such network.
    """
    module = plain_module(network, image_shape)
    nn.utils.vector_to_parameters(torch.from_numpy(weights * mask), module.parameters())
    shapes = [value.shape for value in module.parameters()]
    parts = torch.split(torch.from_numpy(mask).float(), [shape.numel() for shape in shapes])
    return module, [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


@dataclass(frozen=True)
class PlainCost:
    """What the plain way was timed to take, CPU seconds."""

    step: float
    evaluation: float
    steps_timed: int
    evaluations_timed: int


class PlainTrial:
    """One trial of a study, trained the plain way with SGD.

    Args:
        laboratory: Data, network and search points.
        study: Whose batch size and replicate.
        trial: Which trial.
        mask: Its kept weights, shape (P,).
    """

    def __init__(self, laboratory: Laboratory, study: Study, trial: int, mask: NDArray[np.bool_]) -> None:
        workload = laboratory.specification.workload
        if (workload.optimizer, workload.schedule) != ("sgd", "constant"):
            raise InputError("the plain way is written for SGD at a constant rate only")
        module, masks = masked_module(
            workload.network, laboratory.network.image_shape, laboratory.initial_weights(study.replicate, trial), mask
        )
        self._loop = PlainLoop(module, masks, laboratory.specification.points[trial]["learning_rate"])
        self._data = laboratory.split(study.replicate)
        self._order = laboratory.order(study.replicate)
        self._batch_size, self._step = study.batch_size, 0

    @property
    def module(self) -> nn.Module:
        """The network, as far as it is trained."""
        return self._loop.module

    def step(self) -> bool:
        """Take one step; return whether its loss is finite."""
        rows = torch.from_numpy(self._order.batch(self._step, self._batch_size))
        self._step += 1
        return self._loop.step(self._data.training_images[rows], self._data.training_labels[rows])

    @torch.no_grad()
    def errors(self) -> int:
        """Return the errors on the whole validation set."""
        pairs = zip(
            self._data.validation_images.split(_EVALUATION_ROWS),  # type: ignore[no-untyped-call]
            self._data.validation_labels.split(_EVALUATION_ROWS),  # type: ignore[no-untyped-call]
            strict=True,
        )
        return sum(int((self._predicted(images) != labels).sum()) for images, labels in pairs)

    def _predicted(self, images: Tensor) -> Tensor:
        """Return the class of each image."""
        classes: Tensor = self.module(images).argmax(dim=1)
        return classes


class PlainSample:
    """Steps and evaluations of one plain trial, timed a few at a time.

    Args:
        trial: The trial.
        steps: Steps timed together, followed by one evaluation.
    """

    def __init__(self, trial: PlainTrial, steps: int = 10) -> None:
        self._trial, self._steps = trial, steps
        self._step_times: list[float] = []
        self._evaluation_times: list[float] = []

    @property
    def taken(self) -> int:
        """How many samples there are."""
        return len(self._step_times)

    def take(self) -> None:
        """Time some steps and one evaluation."""
        start = time.process_time()
        for _ in range(self._steps):
            self._trial.step()
        middle = time.process_time()
        self._trial.errors()
        self._step_times.append((middle - start) / self._steps)
        self._evaluation_times.append(time.process_time() - middle)

    def cost(self) -> PlainCost:
        """Return the cost; the fastest of the samples, in the plain way's favour."""
        steps = self.taken * self._steps
        return PlainCost(min(self._step_times), min(self._evaluation_times), steps, self.taken)


def plain_study(
    laboratory: Laboratory, study: Study, masks: NDArray[np.bool_], most_errors: int, max_steps: int
) -> tuple[int | None, int | None]:
    """Return K* and the winner of a study, really measured the plain way: every trial to its own hit or the budget.

    Args:
        laboratory: Data, network and search points.
        study: Which study.
        masks: Kept weights of each trial, shape (trials, P).
        most_errors: Errors on the validation set that still reach the goal.
        max_steps: Budget; a little beyond the engine's K* is enough to confirm or refute it.
    """
    hits = [
        (step, trial)
        for trial, mask in enumerate(masks)
        if (step := _steps_to_hit(laboratory, study, trial, mask, most_errors, max_steps)) is not None
    ]
    return min(hits) if hits else (None, None)


def _steps_to_hit(
    laboratory: Laboratory, study: Study, trial: int, mask: NDArray[np.bool_], most_errors: int, max_steps: int
) -> int | None:
    """Return the step at which a trial reached the goal, None where it did not."""
    plain = PlainTrial(laboratory, study, trial, mask)
    for step in _tests(max_steps, laboratory.specification.workload.eval_interval):
        while plain._step < step:  # noqa: SLF001 - its own module
            if not plain.step():
                return None
        if plain.errors() <= most_errors:
            return step
    return None


def _tests(max_steps: int, interval: int) -> Iterator[int]:
    """Yield the steps at which the goal is tested."""
    yield from range(interval, max_steps, interval)
    yield max_steps

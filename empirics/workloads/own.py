"""A user's own workload: any module, data, loss and goal metric, measured like those of the paper.

`python -m empirics.measure --workload my_module:make_workload` calls `make_workload`, which returns an `OwnWorkload`.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from empirics.datasets.arrays import Dataset
from empirics.errors import InputError, describe
from empirics.networks.module_checks import Loss, refuse_targets
from empirics.networks.module_network import ModuleNetwork, module_network
from empirics.networks.network import Network
from empirics.networks.own_code import digest_of
from empirics.networks.own_masks import OwnMasks
from empirics.search.space import Metaparameter
from empirics.workloads.goal import Errors, Goals, classification_error, error_goals
from empirics.workloads.goal_label import CLASSIFICATION_ERROR
from empirics.workloads.metric_goal import Metric, MetricGoalTest
from empirics.workloads.named import import_named, name_of
from empirics.workloads.optimizers import ScheduleRule, UpdateRule, schedule_rule, update_rule
from empirics.workloads.own_data import Array, Packing, read_data
from empirics.workloads.workload import Workload

_TRIED_EXAMPLES = 8
_RULE = "write a class like those in empirics.workloads.optimizers, which update all trials at once"


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnWorkload:
    """What a user's own workload is made of.

    Args:
        module: Makes the network, a fresh one at every call, its weights drawn from torch's generator. Buffers must be
            constant; layers that mix the examples of a batch or draw random numbers are refused by name.
        data: (inputs, targets), arrays or tensors with a row an example; a map-style `torch.utils.data.Dataset`; or a
            loader of batches, which is drawn once. Several inputs are a tuple, or a dictionary by argument.
        validation: The same for the validation set; None splits a tenth off the data, another one each replicate.
        goal: Value of the metric that counts as the result.
        search_space: Metaparameters and ranges: those the optimiser and schedule need, and any others they read.
        loss: Maps outputs (B, ...) and targets (B, ...) to the mean of a loss per example.
        metric: Maps outputs and targets of the whole validation set to a number; None is classification error.
        maximise: Whether the goal is reached from below.
        optimizer: sgd, momentum, nesterov, adamw, or a class like those in `empirics.workloads.optimizers`.
        schedule: constant or linear, or a class like those there.
        max_steps: Budget of a trial.
        eval_interval: Steps between two goal tests.
        batch_sizes: Batch sizes measured by default.
        trials: Search points a study by default.
        masks: What prunes the network: a module pruned by `torch.nn.utils.prune` or its state dict, several of these by
            sparsity, or a function of (module, sparsity, seed) that returns one; None leaves it to `--pruning`.
    """

    module: Callable[[], nn.Module]
    data: Any
    goal: float
    search_space: tuple[Metaparameter, ...]
    validation: Any = None
    loss: Loss = functional.cross_entropy
    metric: Metric | None = None
    maximise: bool = False
    optimizer: str | UpdateRule = "sgd"
    schedule: str | ScheduleRule = "constant"
    max_steps: int = 2_000
    eval_interval: int = 10
    batch_sizes: tuple[int, ...] = (4, 8, 16, 32, 64, 128)
    trials: int = 16
    masks: Any = None

    def __post_init__(self) -> None:
        if self.metric is None and self.maximise:
            raise InputError("maximise: classification error is minimised; give a metric to maximise")
        if isinstance(self.goal, bool) or not isinstance(self.goal, int | float):
            raise InputError(f"goal: must be a number, not {self.goal!r}")
        space = self.search_space
        if not isinstance(space, tuple | list) or not all(isinstance(axis, Metaparameter) for axis in space):
            raise InputError("search_space: must be a tuple of empirics.search.space.Metaparameter")
        sizes = self.batch_sizes
        if not isinstance(sizes, tuple | list) or not sizes or not all(type(size) is int for size in sizes):
            raise InputError(f"batch_sizes: must be a tuple of integers, at least one, not {sizes!r}")
        for name in ("max_steps", "eval_interval", "trials"):
            if type(getattr(self, name)) is not int or getattr(self, name) < 1:
                raise InputError(f"{name}: must be an integer >= 1, not {getattr(self, name)!r}")


@dataclass(frozen=True, eq=False)
class LoadedWorkload:
    """An own workload under its import path, checked."""

    path: str
    own: OwnWorkload

    @cached_property
    def _read(self) -> tuple[Array, Array, Packing | None]:
        """Inputs and targets of the training set, and how several inputs lie in a row."""
        return read_data("data", self.own.data)

    @cached_property
    def dataset(self) -> Dataset:
        """The data, validation examples last where the user gave them."""
        inputs, targets, packing = self._read
        validation = len(inputs) // 10
        if self.own.validation is not None:
            more_inputs, more_targets, more_packing = read_data("validation", self.own.validation)
            validation = len(more_inputs)
            if packing != more_packing:
                raise InputError(
                    "validation: its inputs have other names, shapes or kinds of numbers than those of data"
                )
            for kind, more, there in (("inputs", more_inputs, inputs), ("targets", more_targets, targets)):
                if more.shape[1:] != there.shape[1:]:
                    raise InputError(f"validation: {kind} of shape {more.shape[1:]}, those of data {there.shape[1:]}")
            inputs, targets = np.concatenate([inputs, more_inputs]), np.concatenate([targets, more_targets])
        if validation < 1 or len(inputs) - validation < 2:
            raise InputError(f"data: {len(inputs)} examples are too few to train and validate on")
        digest = hashlib.sha256(inputs.tobytes() + targets.tobytes()).hexdigest()
        return Dataset(self.path, inputs, targets, validation, digest, fixed_validation=self.own.validation is not None)

    @cached_property
    def network(self) -> ModuleNetwork:
        """The module as a function of flat weights."""
        packing, masks = self._read[2], self.own.masks
        factory = packing.taking(self.own.module) if packing and callable(self.own.module) else self.own.module
        network = module_network(factory, self.own.loss, *self.tried())
        return network if masks is None else replace(network, own_masks=OwnMasks(masks))

    def tried(self) -> tuple[Tensor, Tensor]:
        """Return a few examples to try module, loss and metric on: the first, and those with the extreme tokens."""
        inputs, targets = self.dataset.images, self.dataset.labels
        rows = np.arange(min(_TRIED_EXAMPLES, len(inputs)))
        packing = self._read[2]
        if inputs.dtype.kind != "f" or (packing and any(packing.whole)):
            flat = inputs.reshape(len(inputs), -1)
            flat = flat[:, packing.tokens] if packing else flat
            rows = np.array([*rows[:-2], flat.min(axis=1).argmin(), flat.max(axis=1).argmax()])
        return torch.from_numpy(inputs[rows]), torch.from_numpy(targets[rows])

    @property
    def metric(self) -> Metric:
        """What the goal is a value of."""
        return self.own.metric or classification_error

    @cached_property
    def workload(self) -> UserWorkload:
        """The workload as the rest of the program knows it."""
        own = self.own
        optimizer, schedule = (
            rule if isinstance(rule, str) else name_of(rule) for rule in (own.optimizer, own.schedule)
        )
        self._check_metaparameters(update_rule(optimizer), schedule_rule(schedule))
        self._check_classes()
        self._check_targets()
        self._check_metric()
        return UserWorkload(
            dataset=self.path,
            network=self.path,
            optimizer=optimizer,
            schedule=schedule,
            search_space=tuple(own.search_space),
            goal_error=own.goal,
            max_steps=own.max_steps,
            eval_interval=own.eval_interval,
            batch_sizes=tuple(own.batch_sizes),
            trials=own.trials,
            expected_c1=0.1 * own.max_steps * min(own.batch_sizes),
            expected_c2=0.05 * own.max_steps,
            metric=CLASSIFICATION_ERROR if own.metric is None else name_of(own.metric).split(":")[-1],
            maximise=own.maximise,
            own_masks=own.masks is not None,
            own_description=tuple(self._description(optimizer, schedule)),
        )

    def _description(self, optimizer: str, schedule: str) -> Iterator[tuple[str, str]]:
        """Yield by name what tells this workload from others under its path; code by its name and digest."""
        own = self.own
        yield "layers", repr(self.network.template)
        yield "module", f"{name_of(own.module)}, code {digest_of(own.module, self.network.template)}"
        yield "loss", f"{name_of(own.loss)}, code {digest_of(own.loss)}"
        yield "metric", f"{name_of(self.metric)}, code {digest_of(self.metric)}"
        for name, rule, told in (("optimizer", own.optimizer, optimizer), ("schedule", own.schedule, schedule)):
            yield name, told if isinstance(rule, str) else f"{told}, code {digest_of(rule)}"
        yield "maximise", str(own.maximise)
        yield "fixed_validation", str(own.validation is not None)
        if own.masks is not None:
            yield "masks", OwnMasks(own.masks).digest()

    def _check_metric(self) -> None:
        """Refuse a metric that makes no number of outputs and targets."""
        module, (inputs, targets) = self.network.template, self.tried()
        try:
            with torch.no_grad():
                float(self.metric(module(inputs), targets))  # type: ignore[arg-type]
        except Exception as error:
            raise InputError(f"metric {name_of(self.metric)}: makes no number of a batch: {describe(error)}") from error

    def _check_classes(self) -> None:
        """Refuse outputs and targets that cross-entropy or the classification error cannot take."""
        if self.own.metric is not None and self.own.loss is not functional.cross_entropy:
            return
        module = self.network.template
        with torch.no_grad():
            outputs = module(self.tried()[0])
        targets = self.dataset.labels
        if self.own.metric is None and (outputs.dim() != 2 or targets.ndim != 1 or targets.dtype.kind != "i"):
            raise InputError(
                f"metric: classification error needs an output a class and a class an example, here outputs are of "
                f"shape {tuple(outputs.shape[1:])} and targets of {targets.shape[1:]}; give a metric"
            )
        classes = outputs.shape[1]
        if targets.dtype.kind == "i" and not (targets.min() >= 0 and targets.max() < classes):
            raise InputError(f"data: classes {targets.min()}..{targets.max()} do not fit {classes} outputs")

    def _check_targets(self) -> None:
        """Refuse targets that the loss cannot take."""
        module, inputs = self.network.template, self.tried()[0]
        with torch.no_grad():
            outputs = module(inputs[:1])
        refuse_targets(self.own.loss, outputs, torch.from_numpy(self.dataset.labels))

    def _check_metaparameters(self, rule: UpdateRule, scheduled: ScheduleRule) -> None:
        """Refuse a search space that lacks what is needed or holds what nothing reads."""
        own = self.own
        if not own.search_space:
            raise InputError("search_space: name at least learning_rate")
        point = _WatchedPoint({axis.name: axis.value(0.5) for axis in own.search_space})
        weights = torch.zeros(1, 2)
        try:
            optimizer = rule([point], weights)
        except KeyError as error:
            raise InputError(f"search_space: lacks {error.args[0]}, which optimiser or schedule need") from error
        except Exception as error:
            raise InputError(f"optimizer {name_of(rule)}: cannot be made: {describe(error)}; {_RULE}") from error
        rates = self._rates(scheduled, point, weights)
        try:
            optimizer.update(weights, torch.zeros_like(weights), rates)
            optimizer.keep(torch.tensor([True]))
        except Exception as error:
            raise InputError(f"optimizer {name_of(rule)}: fails in a step: {describe(error)}; {_RULE}") from error
        unread = [axis.name for axis in own.search_space if axis.name not in point.read]
        if unread:
            raise InputError(f"search_space: nothing reads {', '.join(unread)}; leave it out or correct its name")

    def _rates(self, scheduled: ScheduleRule, point: _WatchedPoint, weights: Tensor) -> Tensor:
        """Return the learning rate of the first step; refuse a schedule that makes none."""
        try:
            schedule = scheduled([point], weights)
            rates = schedule.rates(torch.zeros((), dtype=torch.int64))
            schedule.keep(torch.tensor([True]))
        except KeyError as error:
            raise InputError(f"search_space: lacks {error.args[0]}, which optimiser or schedule need") from error
        except Exception as error:
            raise InputError(f"schedule {name_of(scheduled)}: fails: {describe(error)}; {_RULE}") from error
        if not isinstance(rates, Tensor) or rates.shape != (1, 1) or rates.dtype != weights.dtype:
            raise InputError(f"schedule {name_of(scheduled)}: must return rates of shape (trials, 1); {_RULE}")
        return rates


class _WatchedPoint(dict[str, float]):
    """A search point that knows which of its metaparameters have been read."""

    def __init__(self, values: Mapping[str, float]) -> None:
        super().__init__(values)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> float:
        self.read.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: float | None = None) -> float | None:  # type: ignore[override]
        self.read.add(name)
        return super().get(name, default)


@dataclass(frozen=True)
class UserWorkload(Workload):
    """A workload at an import path. Only the path goes to other processes, which load it anew."""

    @property
    def name(self) -> str:
        """The import path."""
        return self.network

    def load_data(self, data_dir: Path | None) -> Dataset:
        """Return the user's data."""
        return load_own_workload(self.name).dataset

    def build_network(self, dataset: Dataset) -> Network:
        """Return the user's module as a network."""
        return load_own_workload(self.name).network

    def goal_test(
        self, network: Network, inputs: Tensor, targets: Tensor, goals: Sequence[float], errors_of: Errors
    ) -> Goals:
        """Return the test by the user's metric, by counts of errors where there is none."""
        metric = load_own_workload(self.name).own.metric
        if metric is None:
            return error_goals(network, errors_of, targets, goals)
        return MetricGoalTest(network, inputs, targets, metric, goals, maximise=self.maximise)


@lru_cache(maxsize=4)
def load_own_workload(path: str) -> LoadedWorkload:
    """Return the workload that the function at an import path returns.

    Args:
        path: `my_module:make_workload`.

    Raises:
        InputError: If it cannot be imported or called, returns something else, or cannot be measured.
    """
    function = import_named(path)
    if not callable(function):
        raise InputError(f"{path}: is no function; it must return an OwnWorkload")
    try:
        own = function()
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise InputError(f"{path}: raised {describe(error)} ({place.filename}, line {place.lineno})") from error
    if not isinstance(own, OwnWorkload):
        raise InputError(f"{path}: returned {type(own).__name__}; it must return an OwnWorkload")
    loaded = LoadedWorkload(path, own)
    try:
        _ = loaded.workload
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return loaded

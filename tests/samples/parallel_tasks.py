"""Work for processes that train together, some of which one of them spoils; in a module that workers can import."""

import os
import signal
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from empirics.networks.module_network import module_network
from empirics.training import race as engine
from empirics.training.block import TrialBlock
from empirics.training.tasks import StudyTask


def softmax_regression():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


@dataclass(frozen=True)
class Trajectory:
    """Trains softmax regressions in float64 with plain steps; returns all weights, shape (steps + 1, T, P)."""

    batch_size: int
    rates: tuple[float, ...]
    steps: int
    label: str = "a trajectory"

    def run(self, laboratory, report):
        data, order = laboratory.split(0), laboratory.order(0)
        images, labels = data.training_images, data.training_labels
        network = module_network(softmax_regression, functional.cross_entropy, images[:8], labels[:8])
        random = np.random.default_rng(0)
        start = torch.from_numpy(np.stack([network.initial_weights(random) for _ in self.rates])).double()
        points = [{"learning_rate": rate} for rate in self.rates]
        workload, trials = laboratory.specification.workload, range(len(self.rates))
        block = TrialBlock(network, workload, trials, start, torch.ones_like(start), points, laboratory.engine.gradient)
        seen = [block.weights.numpy().copy()]
        for step in range(self.steps):
            rows = laboratory.tensor(order.batch(step, self.batch_size))
            block.step(images[rows], labels[rows])
            seen.append(block.weights.numpy().copy())
        report(self.steps)
        return np.stack(seen)


@dataclass(frozen=True)
class KilledStudy(StudyTask):
    """A study that leaves a checkpoint at every step, and whose second process is killed at the eighth."""

    def run(self, laboratory, report):
        engine.CHECKPOINT_SECONDS = -1.0

        def killing(step):
            if laboratory.rank == 1 and step >= 8:
                os.kill(os.getpid(), signal.SIGKILL)
            report(step)

        return super().run(laboratory, killing)


@dataclass(frozen=True)
class BrokenStudy(StudyTask):
    """A study whose second process fails at a step."""

    def run(self, laboratory, report):
        def failing(step):
            if laboratory.rank == 1:
                raise ZeroDivisionError("a bug in one process")
            report(step)

        return super().run(laboratory, failing)


@dataclass(frozen=True)
class OtherResult(StudyTask):
    """A study of which the second process tells another result."""

    def run(self, laboratory, report):
        outcome = super().run(laboratory, report)
        if laboratory.rank == 1:
            object.__setattr__(outcome, "halvings", 7)
        return outcome

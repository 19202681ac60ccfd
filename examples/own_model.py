"""Measure K*(B) of a model, data, loss and goal of one's own: the diabetes study of Efron et al. (2004).

python -m empirics.measure --workload examples.own_model:make_workload --sparsity 0 50
"""

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.nn import functional

from empirics import Metaparameter, OwnWorkload


def make_network() -> nn.Module:
    """Return a fresh network; its weights are drawn from torch's generator, so each trial has its own."""
    return nn.Sequential(nn.Linear(10, 64), nn.LayerNorm(64), nn.GELU(), nn.Linear(64, 1), nn.Flatten(0))


def r_squared(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the share of the targets' variance that the outputs explain: the goal, to be maximised."""
    return 1 - functional.mse_loss(outputs, targets) / targets.var(correction=0)


def make_workload() -> OwnWorkload:
    """Return what is to be measured."""
    patients, progression = load_diabetes(return_X_y=True)
    inputs, targets = torch.tensor(patients), torch.tensor(progression)
    inputs = (inputs - inputs.mean(0)) / inputs.std(0)
    targets = (targets - targets.mean()) / targets.std()
    shuffled = torch.randperm(len(targets), generator=torch.Generator().manual_seed(0))
    training, validation = shuffled[88:], shuffled[:88]
    return OwnWorkload(
        module=make_network,
        data=(inputs[training], targets[training]),
        validation=(inputs[validation], targets[validation]),
        loss=functional.mse_loss,
        metric=r_squared,
        maximise=True,
        goal=0.45,
        optimizer="adamw",
        search_space=(
            Metaparameter("learning_rate", 1e-4, 0.1, "log"),
            Metaparameter("weight_decay", 1e-3, 1.0, "log"),
        ),
        batch_sizes=(1, 4, 16, 64),
        max_steps=1000,
        eval_interval=1,
    )

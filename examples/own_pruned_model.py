"""The same model, data and goal as in own_model.py, pruned by masks of one's own.

python -m empirics.measure --workload examples.own_pruned_model:make_workload --sparsity 0 50
"""

import dataclasses

from torch import nn
from torch.nn.utils import prune

from empirics import OwnWorkload
from examples import own_model


def by_magnitude(module: nn.Module, sparsity: float, seed: int) -> nn.Module:
    """Return the module with its smallest weights pruned, layer by layer."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            prune.l1_unstructured(layer, "weight", amount=sparsity / 100)  # type: ignore[no-untyped-call]
    return module


def make_workload() -> OwnWorkload:
    """Return what is to be measured."""
    return dataclasses.replace(own_model.make_workload(), masks=by_magnitude)

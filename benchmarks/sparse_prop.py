"""SparseProp's layers in place of PyTorch's, where SparseProp is installed; it is no dependency of this project.

    python -m venv SP && SP/bin/pip install pybind11 setuptools wheel
    PATH=SP/bin:$PATH pip install --no-deps --no-build-isolation --target SPARSEPROP sparseprop

and then `PYTHONPATH=SPARSEPROP python -m benchmarks.sparse`.

Reference:
    Nikdan et al. 2023, SparseProp (ICML), whose package compiles its C++ for the processor at hand.
"""

from __future__ import annotations

import importlib
import os

import torch
from torch import Tensor, nn

from benchmarks.plain_networks import layer_shapes, layers
from empirics.errors import InputError

_LEAST_PRUNED = 0.8  # its authors replace no layer of which less is pruned


class _Contiguous(nn.Module):
    """Lay images out as one of SparseProp's convolutions takes for granted; the other one's output is not so."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the same images."""
        return images.contiguous()


def sparse_prop_module(module: nn.Module, image_shape: tuple[int, ...], batch_size: int) -> nn.Module:
    """Replace layers by SparseProp's as its authors do, and return the module.

    Of layers that are pruned enough, SparseProp times its own against PyTorch's and keeps the fastest. The weights of
    other layers are no longer held at 0, which saves time.

    Args:
        module: With its pruned weights; changed in place.
        image_shape: (channels, side, side).
        batch_size: Examples of a step.

    Raises:
        InputError: If SparseProp is not installed, or no layer is pruned enough.
    """
    os.environ["OMP_NUM_THREADS"] = "1"  # read once, when its library is loaded
    try:
        faster = importlib.import_module("sparseprop.modules").sparsify_if_faster
    except ImportError as error:
        raise InputError(f"SparseProp is not installed ({error}); benchmarks/sparse_prop.py says how") from None
    torch.set_flush_denormal(False)  # which loading code built with -ffast-math turns on
    shapes = layer_shapes(module, image_shape)
    pruned = [one for one in layers(module) if (one[1].weight == 0).float().mean() > _LEAST_PRUNED]
    if not pruned:
        raise InputError(f"its authors use it for layers that are over {_LEAST_PRUNED:.0%} pruned, and here is none")
    for name, layer in pruned:
        parent, _, own = name.rpartition(".")
        chosen = faster(layer, (batch_size, *shapes[name][0]))
        setattr(module.get_submodule(parent), own, nn.Sequential(_Contiguous(), chosen))
    return module

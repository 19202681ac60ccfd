"""Parametrised weights of a user's module: which numbers are lengths, and whether their zeros stay zeros."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations
from torch.nn.utils.parametrize import ParametrizationList
from torch.nn.utils.weight_norm import WeightNorm
from torch.overrides import TorchFunctionMode

from empirics.errors import InputError

_NORM = parametrizations._WeightNorm  # noqa: SLF001 - what `parametrizations.weight_norm` registers


def gains_of(module: nn.Module) -> list[Tensor]:
    """Return the parameters that scale whole units although they are no vectors.

    They are the lengths of weight normalisation, and arrays of a user's own with one axis longer than 1 whose entries
    all start at one number other than 0, like a layer's scale of shape (1, channels, 1, 1).

    Args:
        module: The module.

    Example:
        >>> layer = parametrizations.weight_norm(nn.Linear(3, 2))
        >>> [tuple(gain.shape) for gain in gains_of(layer)]
        [(2, 1)]
    """
    return [*_lengths(module), *_scales(module)]


def has_weight_norm(module: nn.Module) -> bool:
    """Return whether a weight of a module is normalised."""
    return any(True for _ in _lengths(module))


class PlainWeightNorm(TorchFunctionMode):
    r"""Computes weight normalisation, :math:`w = g \, v / |v|` row by row, from plain operations; a row of zeros is 0.

    Torch's own kernel has second derivatives that are wrong (it takes the norm for a constant), is not batched over
    trials, and makes NaN of a row that is pruned whole.

    Example:
        >>> with PlainWeightNorm():
        ...     torch._weight_norm(torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.ones(2, 1), 0)
        tensor([[0.6000, 0.8000],
                [0.0000, 0.0000]])
    """

    def __torch_function__(
        self,
        function: Callable[..., Any],
        _types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the function returns
        if function is not torch._weight_norm:  # noqa: SLF001 - what both styles call
            return function(*args, **(kwargs or {}))
        return _normalise(*args, **(kwargs or {}))


def _normalise(v: Tensor, g: Tensor, dim: int = 0) -> Tensor:
    """Return weights of lengths g in the directions v; one length for all where the axis is -1."""
    axes = [axis for axis in range(v.dim()) if axis != dim] if dim >= 0 else None
    norm = torch.linalg.vector_norm(v, dim=axes, keepdim=dim >= 0)
    return v * (g / torch.where(norm == 0, 1.0, norm))


def _lengths(module: nn.Module) -> Iterator[Tensor]:
    """Yield the lengths of weight normalisation, new style and old."""
    for layer in module.modules():
        if isinstance(layer, ParametrizationList) and any(isinstance(part, _NORM) for part in layer):
            yield from (value for name, value in layer.named_parameters(recurse=False) if name == "original0")
        for hook in layer._forward_pre_hooks.values():  # noqa: SLF001 - where the old style is known by
            if isinstance(hook, WeightNorm):
                yield getattr(layer, f"{hook.name}_g")


def _scales(module: nn.Module) -> Iterator[Tensor]:
    """Yield arrays of a user's own that are vectors but for axes of length 1, and start at one number."""
    for layer in module.modules():
        if type(layer).__module__.startswith("torch.nn."):
            continue
        for value in layer.parameters(recurse=False):
            lengths = [length for length in value.shape if length > 1]
            if value.dim() > 1 and len(lengths) <= 1 and bool((value == value.flatten()[0]).all() & value.any()):
                yield value


def refuse_pruned_parametrizations(module: nn.Module) -> None:
    """Refuse parametrised weights in which a zero of what is trained is no zero of the weight.

    Raises:
        InputError: If there are such; pruning them would prune nothing.
    """
    random = np.random.default_rng(0)
    for name, layer in module.named_modules():
        if not isinstance(layer, ParametrizationList):
            continue
        values = dict(layer.named_parameters(recurse=False))
        value = values.get("original", values.get("original1"))
        if value is None or not value.requires_grad or value.dim() < 2:
            continue
        with torch.no_grad():
            before, kept = value.clone(), torch.from_numpy(random.random(tuple(value.shape)) < 0.5)
            value.mul_(kept)
            weight = layer()
            value.copy_(before)
        if weight.shape != kept.shape or bool(weight[~kept].any()):
            kinds = ", ".join(type(part).__name__ for part in layer)
            raise InputError(
                f"module: {name.replace('parametrizations.', '')!r} is computed by {kinds}: zeros in its parameters "
                "are no zeros of the weight, so nothing would be pruned; use --sparsity 0 or a plain weight"
            )

"""Masks that a user gives: a module pruned by `torch.nn.utils.prune`, a state dict, or a function that makes them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import prune

from empirics.errors import InputError, describe
from empirics.networks.network import Network
from empirics.networks.own_code import digest_of

Masks = Mapping[str, Any] | nn.Module
MasksFunction = Callable[[nn.Module, float, int], Masks]
_MASK, _ORIGINAL = "_mask", "_orig"
_CLOSE = 0.5  # percentage points between the sparsity that is asked for and that of the masks


@dataclass(frozen=True)
class OwnMasks:
    """What a user gave as masks.

    Args:
        given: A function of (module, sparsity, seed); a pruned module or its state dict; or several of these by
            sparsity.
    """

    given: Any

    def of(self, network: Network, make: Callable[[], nn.Module], sparsity: float, seed: int) -> NDArray[np.bool_]:
        """Return which weights of a trial are kept, shape (P,).

        Args:
            network: Says which weights there are.
            make: Makes the module with the trial's initial weights.
            sparsity: Percent, > 0.
            seed: For a function that draws; torch's own generator is set to it, too.

        Raises:
            InputError: If the masks fit no such network, or prune another share of its weights.
        """
        given = self.given
        if isinstance(given, Mapping) and _by_sparsity(given):
            given = next((masks for of, masks in given.items() if abs(of - sparsity) < 1e-9), None)
            if given is None:
                known = ", ".join(f"{of:g}" for of in self.given)
                raise InputError(f"masks: there are none for --sparsity {sparsity:g}, only for {known}")
        if callable(given) and not isinstance(given, nn.Module):
            given = _called(given, make(), sparsity, seed)
        mask = flat_mask(network, given)
        _check_share(network, mask, sparsity)
        return mask

    def digest(self) -> str:
        """Return what tells these masks from others: of their content, or of a function's code."""
        given = self.given
        if isinstance(given, Mapping) and _by_sparsity(given):
            return ", ".join(f"{of:g}: {OwnMasks(given[of]).digest()}" for of in sorted(given))
        if callable(given) and not isinstance(given, nn.Module):
            return f"{getattr(given, '__qualname__', type(given).__qualname__)}, code {digest_of(given)}"
        content = hashlib.sha256()
        for name, kept in sorted(_entries(given)[0].items()):
            content.update(f"{name} {tuple(kept.shape)} ".encode() + np.packbits(kept.numpy()).tobytes())
        return content.hexdigest()[:16]


def _by_sparsity(given: Mapping[Any, Any]) -> bool:
    """Return whether masks are given by sparsity."""
    return bool(given) and all(isinstance(key, int | float) for key in given)


def _called(function: MasksFunction, module: nn.Module, sparsity: float, seed: int) -> Masks:
    """Return what a user's function makes of a module."""
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return function(module, sparsity, seed)
    except Exception as error:
        raise InputError(
            f"masks: the function, called with (module, {sparsity:g}, {seed}), {_raised(error)}"
        ) from error


def _raised(error: Exception) -> str:
    """Return that an error was raised."""
    return f"raised {describe(error)}"


def flat_mask(network: Network, given: Masks) -> NDArray[np.bool_]:
    """Return masks by name as one vector, shape (P,); weights that none of them names are kept.

    Args:
        network: With the names of its parameters.
        given: A pruned module or its state dict, or a mask by the name of each parameter.

    Raises:
        InputError: If a mask is of no parameter, of another shape, or takes what is frozen or never pruned.
    """
    (entries, named), kept = _entries(given), np.ones(network.size, dtype=np.bool_)
    names = {parameter.name for parameter in network.parameters}
    for name in sorted(entries.keys() & network.frozen):
        if named and not entries[name].all():
            raise InputError(
                f"masks: {name!r} is frozen, so it is no part of what is pruned; leave its mask out, and let module() "
                "return its zeros if you want them at every sparsity"
            )
    unknown = [name for name in entries if name not in names | network.frozen]
    if unknown and (named or len(unknown) == len(entries)):
        raise InputError(
            f"masks: the module has no parameter {unknown[0]!r}; it has {', '.join(sorted(names)[:4])} ..."
        )
    if not entries:
        raise InputError("masks: there are none in it; give a pruned module, or a mask by the name of each parameter")
    start = 0
    for parameter in network.parameters:
        part = slice(start, start := start + parameter.size)
        mask = entries.get(parameter.name)
        if mask is None:
            continue
        if tuple(mask.shape) != parameter.shape:
            raise InputError(
                f"masks: {parameter.name!r} is of shape {parameter.shape}, its mask of {tuple(mask.shape)}"
            )
        kept[part] = mask.numpy().ravel()
    if (~kept & network.never_pruned).any():
        raise InputError("masks: take gains of a normalisation, which are never pruned; leave their masks out")
    return kept


def _entries(given: Masks) -> tuple[dict[str, Tensor], bool]:
    """Return a mask, true where a weight is kept, by name, and whether every name must be a parameter's.

    Names are those before `torch.nn.utils.prune` renamed the parameter. Tensors of zeros and ones alone are masks. Of a
    state dict without masks the zeros of weights, not of vectors such as biases, are pruned ones; it holds buffers too.
    """
    state = given.state_dict() if isinstance(given, nn.Module) else given
    if not isinstance(state, Mapping):
        raise InputError(f"masks: must be a pruned module, its state dict or a function, not {type(state).__name__}")
    tensors = {str(name): torch.as_tensor(value).detach().cpu() for name, value in state.items() if _is_array(value)}
    bases = [name.removesuffix(_MASK) for name in tensors if name.endswith(_MASK)]
    masks = {base: tensors[f"{base}{_MASK}"] != 0 for base in bases if f"{base}{_ORIGINAL}" in tensors}
    if masks:
        return masks, True
    if all(bool(((value == 0) | (value == 1)).all()) for value in tensors.values()):
        return {name: value != 0 for name, value in tensors.items()}, True
    return {name: value != 0 for name, value in tensors.items() if value.dim() > 1}, False


def _is_array(value: object) -> bool:
    """Return whether an entry of a state dict holds numbers."""
    return isinstance(value, Tensor | np.ndarray | list)


def _check_share(network: Network, mask: NDArray[np.bool_], sparsity: float) -> None:
    """Refuse masks that prune another share of the weights, biases and gains aside, than is asked for."""
    weights = ~(network.is_bias | network.never_pruned)
    found = 100.0 * float((~mask[weights]).mean())
    if abs(found - sparsity) > max(_CLOSE, 100.0 / int(weights.sum())):
        raise InputError(
            f"masks: prune {found:.4g}% of the weights, biases aside, where --sparsity asks for {sparsity:g}; "
            f"use --sparsity {found:.4g}, or other masks"
        )


def refuse_pruned(module: nn.Module) -> None:
    """Refuse a module that `torch.nn.utils.prune` has pruned: it would be measured as the dense one.

    Raises:
        InputError: If a layer computes its weights under a mask.
    """
    for name, layer in module.named_modules():
        if any(isinstance(hook, prune.BasePruningMethod) for hook in layer._forward_pre_hooks.values()):  # noqa: SLF001
            raise InputError(
                f"module: {name or type(layer).__name__!r} is pruned by torch.nn.utils.prune: return the module "
                "without that, and give the pruned one as masks=..."
            )

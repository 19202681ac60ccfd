"""A user's own `torch.nn.Module` as a pure function of flat weights, for any number of trials at once."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from empirics.errors import InputError, describe
from empirics.networks.device_memory import is_out_of_memory
from empirics.networks.gains import PlainWeightNorm, gains_of, has_weight_norm
from empirics.networks.gradient import loss_and_gradient
from empirics.networks.module_checks import (
    Loss,
    refuse_behaviour,
    refuse_idle_parameters,
    refuse_layers,
    refuse_loss,
    refuse_other_structure,
    refuse_parameters,
    trained,
)
from empirics.networks.network import Network, Parameter
from empirics.networks.own_masks import OwnMasks, refuse_pruned

_FLOATS_AT_ONCE = 2**24  # of activations in one pass, 64 MiB in float32
_MOST_EXAMPLES_AT_ONCE = 1024
_TRIALS_AT_ONCE_EXAMPLES = 256
_WEIGHTS_PUT_IN = "training, which puts each trial's weights into it,"


@dataclass(frozen=True, kw_only=True, eq=False)
class ModuleNetwork(Network):
    """A module, its parameters taken as one flat vector, and the loss of its outputs.

    Buffers and parameters that need no gradient are constants, the same in every trial.

    Args:
        factory: Makes the module; draws its initial weights from torch's own generator.
        template: A module it made, whose structure and constants are used.
        loss: Maps outputs (B, ...) and targets (B, ...) to the mean of a loss per example.
        floats: Activations of one example.
        module_batches: Whether several trials go through the module in one pass.
        loss_batches: Whether several examples go through the loss one by one in one pass.
        tried: A few inputs and targets that it takes.
        own_masks: What prunes it, where the user brought masks.
    """

    factory: Callable[[], nn.Module]
    template: nn.Module
    loss: Loss
    floats: int
    module_batches: bool
    loss_batches: bool
    tried: tuple[Tensor, Tensor]
    own_masks: OwnMasks | None = None

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters in their order in the flat weights; vectors with `bias` in their names are biases."""
        return tuple(
            Parameter(name, tuple(value.shape), 0 if _is_bias(name, value) else max(math.prod(value.shape[1:]), 1))
            for name, value in trained(self.template)
        )

    @cached_property
    def never_pruned(self) -> NDArray[np.bool_]:
        """Gains of normalisation layers and the like: vectors and scalars that are no biases, and `gains_of`."""
        gains = {id(value) for value in gains_of(self.template)}
        values = [value for _, value in trained(self.template)]
        vectors = [
            np.full(p.size, p.fan_in > 0 and (len(p.shape) < 2 or id(value) in gains))
            for p, value in zip(self.parameters, values, strict=True)
        ]
        return np.concatenate(vectors)

    @property
    def frozen(self) -> frozenset[str]:
        """Names of the parameters that need no gradient."""
        return frozenset(name for name, value in self.template.named_parameters() if not value.requires_grad)

    @property
    def activations(self) -> int:
        """Floats that one example leaves in memory for the backward pass."""
        return self.floats

    @property
    def batched(self) -> bool:
        """Whether several trials go through one pass."""
        return self.module_batches and self.loss_batches

    def trials_at_once(self, batch_size: int) -> int:
        """Return how many trials train as one batched computation; one where the module cannot be batched."""
        return super().trials_at_once(batch_size) if self.batched else 1

    def logits(self, parameters: list[Tensor], images: Tensor) -> Tensor:
        """Return the outputs of T trials on the same inputs, shape (T, B, ...)."""
        constants = self._constants(parameters[0])

        def outputs(values: Sequence[Tensor]) -> Tensor:
            places = zip(self._places, values, strict=True)
            tensors = {name: value for names, value in places for name in names} | constants
            # Of torch's ways to compute attention this alone can be batched over trials and differentiated twice.
            with sdpa_kernel(SDPBackend.MATH), PlainWeightNorm() if self._normalised else nullcontext():
                found: Tensor = functional_call(self.template, tensors, (images,), tie_weights=False)
            return found

        try:
            if self.module_batches:
                batched: Tensor = vmap(outputs)(parameters)
                return batched
            return torch.stack([outputs(values) for values in zip(*parameters, strict=True)])
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise InputError(f"module: fails on inputs of shape {tuple(images.shape)}: {describe(error)}") from error

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each trial on each example, shape (T, B)."""

        def one(output: Tensor, target: Tensor) -> Tensor:
            return self.loss(output[None], target[None])

        try:
            if self.loss_batches:
                batched: Tensor = vmap(vmap(one), in_dims=(0, None))(outputs, targets)
                return batched
            rows = [torch.stack([one(*pair) for pair in zip(of_trial, targets, strict=True)]) for of_trial in outputs]
            return torch.stack(rows)
        except Exception as error:
            if is_out_of_memory(error):
                raise
            raise InputError(
                f"loss: fails on outputs of shape {tuple(outputs.shape[1:])}: {describe(error)}"
            ) from error

    def initial_weights(self, random: np.random.Generator) -> NDArray[np.float32]:
        """Draw the initial weights of one trial: the factory's, with torch's generator at a seed of its own."""
        module = make_module(self.factory, int(random.integers(2**63)))
        flat = [value.detach().flatten() for _, value in trained(module)]
        weights: NDArray[np.float32] = torch.cat(flat).float().cpu().numpy()
        return weights

    def masks(self, weights: Tensor, sparsity: float, seed: int) -> NDArray[np.bool_]:
        """Return which weights the user's own masks keep, shape (P,).

        Args:
            weights: Initial weights of a trial, shape (P,).
            sparsity: Percent, > 0.
            seed: For a function that draws.

        Raises:
            InputError: If there are no masks, or they do not fit.
        """
        if self.own_masks is None:
            raise InputError("the workload has no masks of its own: give OwnWorkload(masks=...)")

        def make() -> nn.Module:
            module = make_module(self.factory, 0)
            with torch.no_grad():
                for (_, value), view in zip(trained(module), self.views(weights[None].cpu()), strict=True):
                    value.copy_(view[0])
            return module

        return self.own_masks.of(self, make, sparsity, seed)

    @cached_property
    def _normalised(self) -> bool:
        """Whether a weight of it is normalised."""
        return has_weight_norm(self.template)

    @cached_property
    def _places(self) -> tuple[tuple[str, ...], ...]:
        """The names of every place that holds a parameter, each place once: layers may be shared, and weights tied."""
        return tuple(_places_of(self.template, value) for _, value in trained(self.template))

    @cached_property
    def _known_constants(self) -> dict[tuple[torch.device, torch.dtype], dict[str, Tensor]]:
        """What `_constants` has returned so far: on a GPU a copy from the host would make each pass wait."""
        return {}

    def _constants(self, like: Tensor) -> dict[str, Tensor]:
        """Return buffers and frozen parameters on a tensor's device, numbers in its precision."""
        key = (like.device, like.dtype)
        if key not in self._known_constants:
            self._known_constants[key] = self._constants_on(*key)
        return self._known_constants[key]

    def _constants_on(self, device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
        """Return copies of buffers and frozen parameters."""
        values = [value for value in self.template.parameters() if not value.requires_grad]
        constants = {
            name: value.detach()
            for value in (*values, *self.template.buffers())
            for name in _places_of(self.template, value)
        }
        return {
            name: value.to(device, dtype if value.is_floating_point() else value.dtype)
            for name, value in constants.items()
        }


def _places_of(module: nn.Module, wanted: Tensor) -> tuple[str, ...]:
    """Return the names under which a module's layers hold a parameter or buffer, each layer looked at once."""
    return tuple(
        f"{prefix}.{name}" if prefix else name
        for prefix, layer in module.named_modules()
        for name, value in (*layer._parameters.items(), *layer._buffers.items())  # noqa: SLF001 - with repetitions
        if value is wanted
    )


def _is_bias(name: str, value: Tensor) -> bool:
    """Whether a parameter is a bias: `bias`, or `in_proj_bias` and `bias_hh_l0` of attention and recurrent layers."""
    return "bias" in name.rsplit(".", maxsplit=1)[-1] and value.dim() == 1


def make_module(factory: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Return a fresh module, drawn with torch's generator at a seed; the generator is left as it was.

    Raises:
        InputError: If the factory makes none.
    """
    if isinstance(factory, nn.Module) or not callable(factory):
        raise InputError(f"module: give a function that makes a fresh module, not {type(factory).__name__}")
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = factory()
    except Exception as error:
        raise InputError(f"module: its factory, called without arguments, raised {describe(error)}") from error
    if not isinstance(module, nn.Module):
        raise InputError(f"module: the factory returned {type(module).__name__}, no torch.nn.Module")
    return module


def module_network(factory: Callable[[], nn.Module], loss: Loss, inputs: Tensor, targets: Tensor) -> ModuleNetwork:
    """Return the network of a module after trying it on a few examples.

    Args:
        factory: Makes the module.
        loss: The mean loss of a batch.
        inputs: A few examples, shape (B, ...).
        targets: Shape (B, ...).

    Raises:
        InputError: If training it would not be a function of weights and examples alone; the layer is named.
    """
    warnings.filterwarnings("ignore", "There is a performance drop")  # of what torch batches one by one
    template = make_module(factory, 0)
    refuse_layers(template)
    refuse_pruned(template)
    refuse_parameters(template, make_module(factory, 0))
    outputs = refuse_behaviour(template, inputs)
    refuse_loss(loss, outputs, targets)
    refuse_idle_parameters(template, loss(outputs, targets))
    floats = _activations(template, inputs[:1])
    network = ModuleNetwork(
        image_shape=tuple(inputs.shape[1:]),
        examples_at_once=_power_of_two(min(_FLOATS_AT_ONCE // floats, _MOST_EXAMPLES_AT_ONCE)),
        trials_at_once_examples=_TRIALS_AT_ONCE_EXAMPLES,
        factory=factory,
        template=template,
        loss=loss,
        floats=floats,
        module_batches=False,
        loss_batches=False,
        tried=(inputs, targets),
    )
    _refuse_other_weights(network, inputs, targets)
    return _batched_where_possible(network, inputs, targets)


def _refuse_other_weights(network: ModuleNetwork, inputs: Tensor, targets: Tensor) -> None:
    """Refuse modules that give other gradients with a trial's weights put in than a module that has those weights."""
    module = make_module(network.factory, 1)
    refuse_other_structure(network.template, module)
    constants = network._constants(inputs.new_zeros((), dtype=torch.float32))  # noqa: SLF001 - of the same file
    parameters = [value for _, value in trained(module)]
    random = np.random.default_rng(1)
    try:
        with torch.no_grad():
            for value in parameters:
                value.add_(torch.from_numpy(random.normal(0.0, 0.02, tuple(value.shape))))
            tensors: dict[str, Tensor] = {**dict(module.named_parameters()), **dict(module.named_buffers())}
            for name in tensors.keys() & constants.keys():
                tensors[name].copy_(constants[name])
        weights = torch.cat([value.detach().flatten() for value in parameters])[None]
        expected = torch.autograd.grad(network.loss(module(inputs), targets), parameters)
        flat = torch.cat([slope.flatten() for slope in expected])[None]
        _, found = loss_and_gradient(network, weights, inputs, targets)
    except Exception as error:
        raise InputError(f"module: {_WEIGHTS_PUT_IN} fails with {describe(error)}{_advice(error)}") from error
    if not torch.allclose(found, flat, rtol=1e-2, atol=1e-3 * float(flat.abs().max()), equal_nan=True):
        raise InputError(
            f"module: {_WEIGHTS_PUT_IN} gives another gradient than a module that has them; leave out activation "
            "checkpointing and code that reads weights after a pass or keeps values made from them"
        )


def _advice(error: Exception) -> str:
    """Return what to do about an error that comes of weights being put in, where it is known."""
    if "checkpoint" in f"{type(error).__name__} {error}".lower():
        return "; leave out activation checkpointing, which computes again when those weights are gone"
    return ""


def _activations(module: nn.Module, example: Tensor) -> int:
    """Return how many numbers the layers of a module put out for one example."""
    counts = [example.numel()]

    def count(_layer: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor):
            counts.append(output.numel())

    handles = [layer.register_forward_hook(count) for layer in module.modules()]
    module(example)
    for handle in handles:
        handle.remove()
    return sum(counts)


def _power_of_two(most: int) -> int:
    """Return the largest power of two that is at most a number, at least 1."""
    return 1 << (max(most, 1).bit_length() - 1)


def _batched_where_possible(singly: ModuleNetwork, inputs: Tensor, targets: Tensor) -> ModuleNetwork:
    """Return the network, one by one over trials or examples where torch cannot batch it or says otherwise."""
    rows = np.stack([singly.initial_weights(np.random.default_rng(seed)) for seed in range(2)])
    weights = torch.from_numpy(rows)
    outputs, (_, gradient) = (
        singly.logits(singly.views(weights), inputs),
        loss_and_gradient(singly, weights, inputs, targets),
    )

    def by_module(network: ModuleNetwork) -> bool:
        return _agrees(lambda: network.logits(network.views(weights), inputs), outputs) and _agrees(
            lambda: loss_and_gradient(network, weights, inputs, targets)[1], gradient
        )

    with_module = replace(singly, module_batches=True)
    network = with_module if by_module(with_module) else singly
    with_loss = replace(network, loss_batches=True)
    by_loss = _agrees(lambda: with_loss.losses(outputs, targets), singly.losses(outputs, targets))
    return with_loss if by_loss and by_module(with_loss) else network


def _agrees(compute: Callable[[], Tensor], expected: Tensor) -> bool:
    """Whether a batched computation runs and gives what the plain one gives."""
    roundings = 1e-5 * max(float(expected.detach().abs().max()), 1.0)
    try:
        return torch.allclose(compute(), expected, rtol=1e-3, atol=roundings, equal_nan=True)
    except Exception:  # noqa: BLE001 - whatever it is that torch cannot batch
        return False

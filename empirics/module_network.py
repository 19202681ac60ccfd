"""A user's own `torch.nn.Module` as a pure function of flat weights, for any number of trials at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, vmap

from empirics.errors import InputError, describe
from empirics.networks import Network, Parameter

Loss = Callable[[Tensor, Tensor], Tensor]
_FLOATS_AT_ONCE = 2**24  # of activations in one pass, 64 MiB in float32
_MOST_EXAMPLES_AT_ONCE = 1024
_TRIALS_AT_ONCE_EXAMPLES = 256


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
    """

    factory: Callable[[], nn.Module]
    template: nn.Module
    loss: Loss
    floats: int
    module_batches: bool
    loss_batches: bool

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters in their order in the flat weights; vectors with `bias` in their names are biases."""
        return tuple(
            Parameter(name, tuple(value.shape), 0 if _is_bias(name, value) else max(math.prod(value.shape[1:]), 1))
            for name, value in self.template.named_parameters()
            if value.requires_grad
        )

    @cached_property
    def never_pruned(self) -> NDArray[np.bool_]:
        """Gains of normalisation layers and the like: vectors and scalars that are no biases."""
        vectors = [np.full(p.size, len(p.shape) < 2 and p.fan_in > 0) for p in self.parameters]
        return np.concatenate(vectors)

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
        names = [parameter.name for parameter in self.parameters]
        constants = self._constants(parameters[0])

        def outputs(values: Sequence[Tensor]) -> Tensor:
            found: Tensor = functional_call(self.template, dict(zip(names, values, strict=True)) | constants, (images,))
            return found

        if self.module_batches:
            batched: Tensor = vmap(outputs)(parameters)
            return batched
        return torch.stack([outputs(values) for values in zip(*parameters, strict=True)])

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of each trial on each example, shape (T, B)."""

        def one(output: Tensor, target: Tensor) -> Tensor:
            return self.loss(output[None], target[None])

        if self.loss_batches:
            batched: Tensor = vmap(vmap(one), in_dims=(0, None))(outputs, targets)
            return batched
        rows = [torch.stack([one(*pair) for pair in zip(of_trial, targets, strict=True)]) for of_trial in outputs]
        return torch.stack(rows)

    def initial_weights(self, random: np.random.Generator) -> NDArray[np.float32]:
        """Draw the initial weights of one trial: the factory's, with torch's generator at a seed of its own."""
        module = make_module(self.factory, int(random.integers(2**63)))
        flat = [value.detach().flatten() for value in module.parameters() if value.requires_grad]
        weights: NDArray[np.float32] = torch.cat(flat).float().cpu().numpy()
        return weights

    def _constants(self, like: Tensor) -> dict[str, Tensor]:
        """Return buffers and frozen parameters on a tensor's device, numbers in its precision."""
        frozen = {name: value for name, value in self.template.named_parameters() if not value.requires_grad}
        constants = {name: value.detach() for name, value in (frozen | dict(self.template.named_buffers())).items()}
        return {
            name: value.to(like.device, like.dtype if value.is_floating_point() else value.dtype)
            for name, value in constants.items()
        }


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
    template = make_module(factory, 0)
    _refuse_layers(template)
    _refuse_parameters(template, make_module(factory, 0))
    outputs = _refuse_behaviour(template, inputs)
    _refuse_loss(loss, outputs, targets)
    _refuse_idle_parameters(template, loss(outputs, targets))
    floats = _activations(template, inputs[:1])
    network = ModuleNetwork(
        image_shape=tuple(inputs.shape[1:]),
        examples_at_once=_power_of_two(min(_FLOATS_AT_ONCE // floats, _MOST_EXAMPLES_AT_ONCE)),
        trials_at_once_examples=_TRIALS_AT_ONCE_EXAMPLES,
        factory=factory,
        template=template,
        loss=loss,
        floats=floats,
        module_batches=True,
        loss_batches=True,
    )
    return _batched_where_possible(network, inputs, targets)


def _refuse_layers(module: nn.Module) -> None:
    """Refuse layers that are known to be no function of weights and one example."""
    for name, layer in module.named_modules():
        kind = type(layer).__name__
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - the layers' only common base
            raise InputError(
                f"module: {kind} {name!r} makes an example's output depend on its batch and keeps running statistics, "
                "so K*(B) would compare different networks; use GroupNorm or LayerNorm"
            )
        if isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0:  # noqa: SLF001
            raise InputError(f"module: {kind} {name!r} draws random numbers in every pass; set p=0 or leave it out")


def _refuse_parameters(module: nn.Module, again: nn.Module) -> None:
    """Refuse parameters that are not numbers of one kind, not there yet, or not drawn from torch's generator."""
    trained = [(name, value) for name, value in module.named_parameters() if value.requires_grad]
    if not trained:
        raise InputError("module: has no parameter that needs a gradient; there is nothing to train")
    for (name, value), other in zip(module.named_parameters(), again.parameters(), strict=True):
        if isinstance(value, nn.parameter.UninitializedParameter):
            raise InputError(f"module: parameter {name!r} has no shape yet; use a layer that is not lazy")
        if not value.is_floating_point():
            raise InputError(f"module: parameter {name!r} is {value.dtype}; only real numbers can be trained")
        if not torch.equal(value, other):
            raise InputError(
                f"module: parameter {name!r} differs between two modules made at the same torch seed; "
                "draw initial weights from torch's generator"
            )


def _refuse_behaviour(module: nn.Module, inputs: Tensor) -> Tensor:
    """Refuse modules whose output is not a function of weights and one example; return the outputs."""
    before = {name: value.clone() for name, value in module.named_buffers()}
    try:
        outputs, again, half = (module(part) for part in (inputs, inputs, inputs[: len(inputs) // 2]))
    except Exception as error:
        raise InputError(f"module: fails on a batch of shape {tuple(inputs.shape)}: {describe(error)}") from error
    if not isinstance(outputs, Tensor) or outputs.shape[:1] != inputs.shape[:1]:
        raise InputError("module: must return one tensor with a row an example")
    for name, value in module.named_buffers():
        if not torch.equal(value, before[name]):
            raise InputError(f"module: buffer {name!r} changes in a forward pass; only constant buffers are supported")
    if not torch.equal(outputs, again):
        raise InputError("module: gives two outputs for one input; it draws random numbers or keeps a state")
    if not torch.allclose(outputs[: len(half)], half, rtol=1e-3, atol=1e-5):
        raise InputError("module: an example's output depends on the others in its batch; normalise per example")
    return outputs


def _refuse_loss(loss: Loss, outputs: Tensor, targets: Tensor) -> None:
    """Refuse losses that are not the mean of a differentiable loss per example."""
    name = getattr(loss, "__name__", type(loss).__name__)
    try:
        whole = loss(outputs, targets)
        each = [loss(output[None], target[None]) for output, target in zip(outputs, targets, strict=True)]
    except Exception as error:
        raise InputError(f"loss {name}: fails on outputs of shape {tuple(outputs.shape)}: {describe(error)}") from error
    if not isinstance(whole, Tensor) or whole.dim() or not whole.is_floating_point():
        raise InputError(f"loss {name}: must return one number, the mean over the batch")
    if not whole.requires_grad:
        raise InputError(f"loss {name}: has no gradient; it must be made of differentiable operations")
    whole, mean = whole.detach(), torch.stack(each).mean().detach()
    if bool(whole.isfinite()) and not torch.allclose(whole, mean, rtol=1e-3, atol=1e-6):
        raise InputError(
            f"loss {name}: {float(whole):.4g} on a batch, {float(mean):.4g} as the mean over its examples; it must be "
            "that mean, with no weights that depend on the batch"
        )


def _refuse_idle_parameters(module: nn.Module, loss: Tensor) -> None:
    """Refuse parameters that the loss does not depend on."""
    trained = [(name, value) for name, value in module.named_parameters() if value.requires_grad]
    slopes = torch.autograd.grad(loss, [value for _, value in trained], allow_unused=True)
    for (name, _), slope in zip(trained, slopes, strict=True):
        if slope is None:
            raise InputError(
                f"module: the loss does not depend on parameter {name!r}; leave it out or freeze it with "
                "requires_grad_(False)"
            )


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


def _batched_where_possible(network: ModuleNetwork, inputs: Tensor, targets: Tensor) -> ModuleNetwork:
    """Return the network, one by one over trials or examples where torch cannot batch it or says otherwise."""
    singly = replace(network, module_batches=False, loss_batches=False)
    rows = np.stack([network.initial_weights(np.random.default_rng(seed)) for seed in range(2)])
    weights = torch.from_numpy(rows)
    expected = singly.logits(singly.views(weights), inputs)
    by_module = _agrees(lambda: network.logits(network.views(weights), inputs), expected)
    by_loss = _agrees(lambda: network.losses(expected, targets), singly.losses(expected, targets))
    return replace(network, module_batches=by_module, loss_batches=by_loss)


def _agrees(compute: Callable[[], Tensor], expected: Tensor) -> bool:
    """Whether a batched computation runs and gives what the plain one gives."""
    try:
        return torch.allclose(compute(), expected, rtol=1e-3, atol=1e-5, equal_nan=True)
    except Exception:  # noqa: BLE001 - whatever it is that torch cannot batch
        return False

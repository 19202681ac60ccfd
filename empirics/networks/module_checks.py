"""Checks of a user's module or loss; each fault is rejected by name before training."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from empirics.errors import InputError, describe
from empirics.networks.module_state import changed, python_state, random_states, tensor_state

Loss = Callable[[Tensor, Tensor], Tensor]
_WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)
_TARGETS_AT_ONCE = 4096


def trained(module: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Return the parameters that need a gradient, each once, under their names."""
    return [(name, value) for name, value in module.named_parameters() if value.requires_grad]


def refuse_layers(module: nn.Module) -> None:
    """Refuse layers that are known to be no function of weights and one example."""
    for name, layer in module.named_modules():
        called = _called(name, layer)
        if isinstance(layer, torch.jit.ScriptModule):
            raise InputError(
                f"module: {called} is TorchScript, into which no trial's weights can be put; "
                "return the module without torch.jit.script or trace"
            )
        if type(layer).__module__.startswith("torch._dynamo") or getattr(layer, "_compiled_call_impl", None):
            raise InputError(
                f"module: {called} is compiled for its own weights, not for those of a trial; "
                "return it without torch.compile"
            )
        if isinstance(layer, _WRAPPERS):
            raise InputError(f"module: {called} spreads its work by itself; return the module within")
        if ".quantized" in type(layer).__module__:
            raise InputError(f"module: {called} is quantised and has no gradient; return the module before that")
        _refuse_mixing(name, layer)


def _called(name: str, layer: nn.Module) -> str:
    """Return what a layer is and where, the latter where it is not the module itself."""
    return f"{type(layer).__name__} {name!r}" if name else type(layer).__name__


def _refuse_mixing(name: str, layer: nn.Module) -> None:
    """Refuse batch normalisation and dropout, unless they are in evaluation mode, in which they are neither."""
    called = _called(name, layer)
    if not layer.training and getattr(layer, "track_running_stats", True):
        return
    if isinstance(layer, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - the layers' only common base
        raise InputError(
            f"module: {called} makes an example's output depend on its batch and keeps running statistics, "
            f"so K*(B) would compare different networks; use nn.GroupNorm({_groups(layer)}, {layer.num_features}) "
            "in its place, or LayerNorm"
        )
    if isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0:  # noqa: SLF001
        raise InputError(f"module: {called} draws random numbers in every pass; set p=0 or leave it out")
    several = not isinstance(layer, nn.RNNBase) or layer.num_layers > 1  # one layer alone drops nothing
    if isinstance(layer, nn.RNNBase | nn.MultiheadAttention) and several and layer.dropout > 0:
        raise InputError(f"module: {called} has dropout={layer.dropout:g}, random in every pass; set it to 0")


def _groups(layer: nn.modules.batchnorm._BatchNorm) -> int:
    """Return how many groups of channels a GroupNorm in place of batch normalisation may have: 8, or fewer."""
    return max(groups for groups in (1, 2, 4, 8) if layer.num_features % groups == 0)


def refuse_parameters(module: nn.Module, again: nn.Module) -> None:
    """Refuse parameters that are not numbers of one kind, not there yet, or not drawn from torch's generator."""
    for name, value in module.named_parameters():
        if isinstance(value, nn.parameter.UninitializedParameter):
            raise InputError(f"module: parameter {name!r} has no shape yet; use a layer that is not lazy")
    if not trained(module):
        raise InputError("module: has no parameter that needs a gradient; there is nothing to train")
    for name, value in trained(module):
        _refuse_kind(name, value)
    refuse_other_structure(module, again)
    for (name, value), (_, other) in zip(trained(module), trained(again), strict=True):
        if value is other or (value.numel() and value.data_ptr() == other.data_ptr()):  # an empty one lies nowhere
            raise InputError(
                f"module: the factory returned parameter {name!r} twice; it must make a fresh module at every call"
            )
    for (name, value), other in zip(module.named_parameters(), again.parameters(), strict=True):
        if not torch.equal(value, other):
            raise InputError(
                f"module: parameter {name!r} differs between two modules made at the same torch seed; "
                "draw initial weights from torch's generator"
            )


def _refuse_kind(name: str, value: Tensor) -> None:
    """Refuse a parameter that is not made of finite float32 numbers on the CPU."""
    if not value.is_floating_point():
        raise InputError(f"module: parameter {name!r} is {value.dtype}; only real numbers can be trained")
    if value.dtype != torch.float32:
        raise InputError(
            f"module: parameter {name!r} is {value.dtype}, and training is in torch.float32 (the constants alone "
            "are in float64): return the module with .float()"
        )
    if value.device.type != "cpu":
        raise InputError(f"module: parameter {name!r} is on {value.device}; make it on the CPU, it is moved later")
    if not bool(value.isfinite().all()):
        raise InputError(f"module: parameter {name!r} starts with values that are not finite")


def refuse_other_structure(module: nn.Module, another: nn.Module) -> None:
    """Refuse factories that make modules of several structures."""
    one, other = ([(name, tuple(value.shape)) for name, value in m.named_parameters()] for m in (module, another))
    if one != other:
        raise InputError("module: the factory made two modules of different parameters; every trial needs the same")


def refuse_behaviour(module: nn.Module, inputs: Tensor) -> Tensor:
    """Refuse modules whose output is not a function of weights and one example; return the outputs."""
    outputs = _outputs(module, inputs)
    remembered = python_state(module)
    again = _outputs(module, inputs)
    place = changed(remembered, python_state(module))
    if place:
        raise InputError(
            f"module: {place} changes from pass to pass; a trial's loss must depend on weights and examples alone: "
            "keep nothing between passes"
        )
    half, one = _outputs(module, inputs[: len(inputs) // 2]), _outputs(module, inputs[:1])
    if not bool(outputs.isfinite().all()):
        raise InputError("module: its outputs are not finite at its initial weights")
    if not outputs.requires_grad:
        raise InputError("module: its outputs have no gradient; leave out detach(), no_grad(), .data and checkpoints")
    if not (torch.equal(outputs, again) and torch.equal(outputs, _outputs(module, inputs))):
        raise InputError("module: gives two outputs for one input; it draws random numbers or keeps a state")
    for part in (half, one):
        same_shape = outputs.shape[1:] == part.shape[1:]
        if not same_shape or not torch.allclose(outputs[: len(part)], part, rtol=1e-3, atol=1e-5):
            raise InputError("module: an example's output depends on the others in its batch; normalise per example")
    return outputs


def _outputs(module: nn.Module, inputs: Tensor) -> Tensor:
    """Return the outputs of one pass that leaves tensors and generators as they were."""
    given, before, drawn = inputs.clone(), tensor_state(module), random_states()
    try:
        outputs = module(given)
    except Exception as error:
        raise InputError(f"module: fails on a batch of shape {tuple(inputs.shape)}: {describe(error)}") from error
    if not isinstance(outputs, Tensor):
        raise InputError(f"module: must return one tensor with a row an example, not {type(outputs).__name__}")
    if outputs.shape[:1] != inputs.shape[:1]:
        raise InputError(
            f"module: must return one tensor with a row an example, here {tuple(outputs.shape)} for "
            f"{tuple(inputs.shape)}"
        )
    if outputs.dtype != torch.float32:
        raise InputError(
            f"module: returns {outputs.dtype}; training is in torch.float32: leave out casts and autocast, and keep "
            "constants in float32"
        )
    whose = changed(drawn, random_states())
    if whose:
        raise InputError(
            f"module: gives two outputs for one input, or may: it draws {whose}'s random numbers in a pass; leave the "
            "noise out"
        )
    name = changed(before, tensor_state(module))
    if name:
        raise InputError(f"module: {name} changes in a forward pass; only constant buffers are supported")
    if not torch.equal(given, inputs):
        raise InputError("module: changes its inputs in place; work on a copy")
    return outputs


def refuse_loss(loss: Loss, outputs: Tensor, targets: Tensor) -> None:
    """Refuse losses that are not the mean of a differentiable loss per example."""
    name = getattr(loss, "__name__", type(loss).__name__)
    if isinstance(loss, nn.Module) and any(value.requires_grad for value in loss.parameters()):
        raise InputError(f"loss {name}: has parameters, which nothing would train; make them part of the module")
    drawn, remembered = random_states(), python_state(loss)
    try:
        whole = loss(outputs, targets)
        each = [loss(output[None], target[None]) for output, target in zip(outputs, targets, strict=True)]
    except Exception as error:
        raise InputError(f"loss {name}: fails on outputs of shape {tuple(outputs.shape)}: {describe(error)}") from error
    if not isinstance(whole, Tensor) or whole.dim() or not whole.is_floating_point():
        raise InputError(f"loss {name}: must return one number, the mean over the batch")
    if not whole.requires_grad:
        raise InputError(f"loss {name}: has no gradient; it must be made of differentiable operations")
    place = changed(drawn, random_states()) or changed(remembered, python_state(loss))
    if place:
        raise InputError(f"loss {name}: keeps a state or draws random numbers ({place}); it must be a function")
    whole, mean = whole.detach(), torch.stack(each).mean().detach()
    if bool(whole.isfinite()) and not torch.allclose(whole, mean, rtol=1e-3, atol=1e-6):
        raise InputError(
            f"loss {name}: {float(whole):.4g} on a batch, {float(mean):.4g} as the mean over its examples; it must be "
            "that mean, with no weights that depend on the batch"
        )


def refuse_targets(loss: Loss, outputs: Tensor, targets: Tensor) -> None:
    """Refuse targets that the loss cannot take, all of them put to the outputs of one example, shape (1, ...)."""
    name = getattr(loss, "__name__", type(loss).__name__)
    for start in range(0, len(targets), _TARGETS_AT_ONCE):
        part = targets[start : start + _TARGETS_AT_ONCE]
        try:
            with torch.no_grad():
                value = float(loss(outputs.expand(len(part), *outputs.shape[1:]), part))
        except Exception as error:
            raise InputError(
                f"data: loss {name} fails on targets {start}..{start + len(part) - 1}: {describe(error)}"
            ) from error
        if value != value:  # noqa: PLR0124 - nan differs from itself
            raise InputError(f"data: loss {name} is no number on targets {start}..{start + len(part) - 1}")


def refuse_idle_parameters(module: nn.Module, loss: Tensor) -> None:
    """Refuse parameters that the loss does not depend on."""
    try:
        slopes = torch.autograd.grad(loss, [value for _, value in trained(module)], allow_unused=True)
    except Exception as error:
        raise InputError(f"module: its loss has no gradient: {describe(error)}") from error
    for (name, _), slope in zip(trained(module), slopes, strict=True):
        if slope is None:
            raise InputError(
                f"module: the loss does not depend on parameter {name!r}; leave it out or freeze it with "
                "requires_grad_(False)"
            )
        if slope.is_sparse:
            raise InputError(f"module: parameter {name!r} has a sparse gradient; make its layer with sparse=False")

"""Every kind of pass through a user's module, tried on a few examples before training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from empirics.errors import InputError, describe
from empirics.networks.gains import refuse_pruned_parametrizations
from empirics.networks.gradient import as_input, loss_and_gradient
from empirics.networks.module_network import ModuleNetwork
from empirics.probes.example_gradients import gradient_sums
from empirics.pruning.methods import Untrained, prune
from empirics.specification.specification import Specification

_SAME = 3e-4  # of the largest output; what float32 loses is a hundredth of it, what bfloat16 loses ten times as much
_DOUBLE = "in float64, in which the constants are measured"
_STEP = 1e-6  # of a unit normal: its square is far below, float64's rounding over it a hundred millionth
_IN_DOUBLE = "let it compute in the precision of its weights, e.g. x.to(self.weight.dtype), or use --no-constants"


def rehearse(
    specification: Specification, network: ModuleNetwork, inputs: Tensor, targets: Tensor, more: Tensor
) -> None:
    """Refuse a module or loss that fails in a pass that training did not need but the run will: pruning's, constants'.

    Args:
        specification: What is measured.
        network: The user's.
        inputs: A few examples, shape (B, ...).
        targets: Shape (B, ...).
        more: As many inputs as ever go through in one pass, the few not among them.

    Raises:
        InputError: If a pass raises, or says something else in double precision; the option without it is named.
    """
    weights = torch.from_numpy(network.initial_weights(np.random.default_rng(0)))[None]
    with torch.no_grad():
        alone = network.logits(network.views(weights), inputs)
        among = network.logits(network.views(weights), torch.cat([inputs, more]))[:, : len(inputs)]
    if alone.shape != among.shape or not torch.allclose(alone, among, rtol=1e-3, atol=1e-5):
        raise InputError("module: an example's output depends on the others in its batch; normalise per example")
    pruned = [sparsity for sparsity in specification.sparsities if sparsity > 0]
    if pruned:
        refuse_pruned_parametrizations(network.template)
        untrained = Untrained(network, weights, inputs, targets, (np.random.default_rng(0),), loss_and_gradient)
        with _refused(f"--pruning {specification.pruning}: the module or loss fails", "use another method"):
            if specification.pruning == "grasp":
                _refuse_second_derivatives(network, weights, inputs[:2], targets[:2])
            prune(untrained, specification.pruning, specification.biases, pruned[-1:])
    if specification.constants:
        with _refused(f"module or loss: fails {_DOUBLE}", _IN_DOUBLE):
            loss_and_gradient(network, weights.double(), inputs, targets)
            single = network.logits(network.views(weights), inputs).double()
            double = network.logits(network.views(weights.double()), as_input(inputs, torch.float64)).double()
        if not torch.allclose(single, double, rtol=0, atol=_SAME * float(double.detach().abs().max())):
            raise InputError(
                f"module: has other outputs {_DOUBLE}; leave out autocast and casts, or use --no-constants"
            )
        with _refused("module or loss: fails on one example at a time, as beta is measured", "use --no-constants"):
            gradient_sums(network, weights, inputs[:2], targets[:2])


def _refuse_second_derivatives(network: ModuleNetwork, weights: Tensor, inputs: Tensor, targets: Tensor) -> None:
    """Refuse Hessian-vector products that are not how fast the gradient changes.

    They may be wrong without a word: torch takes a gradient that cannot be differentiated for a constant one.
    """
    direction = torch.from_numpy(np.random.default_rng(0).standard_normal(network.size))
    found = _derivative_of_slope(network, weights, direction, inputs, targets)
    ends = [weights.double() + sign * _STEP * direction for sign in (1, -1)]
    after, before = (loss_and_gradient(network, end, inputs, targets)[1][0] for end in ends)
    expected = (after - before) / (2 * _STEP)
    if not torch.allclose(found, expected, rtol=0, atol=1e-2 * float(expected.abs().max())):
        raise InputError("its second derivatives are not how fast its gradient changes")


def _derivative_of_slope(
    network: ModuleNetwork, weights: Tensor, direction: Tensor, inputs: Tensor, targets: Tensor
) -> Tensor:
    """Return the Hessian of the mean loss times a direction, shape (P,), by differentiating twice, in float64."""
    point = weights.double().requires_grad_()
    with torch.enable_grad():
        outputs = network.logits(network.views(point), as_input(inputs, torch.float64))
        loss = network.losses(outputs, targets).mean()
        (gradient,) = torch.autograd.grad(loss, point, create_graph=True)
        slope = gradient[0] @ direction
        # A gradient that does not depend on the weights has no graph: the Hessian is zero.
        return torch.autograd.grad(slope, point)[0][0] if slope.requires_grad else torch.zeros_like(direction)


@contextlib.contextmanager
def _refused(what: str, instead: str) -> Iterator[None]:
    """Turn whatever is raised into a refusal that says what failed, how, and what to use instead."""
    try:
        yield
    except InputError as error:
        told = str(error)
        raise InputError(
            told if told.startswith("--pruning") or instead in told else f"{what}: {told}; {instead}"
        ) from error
    except Exception as error:
        raise InputError(f"{what}: {describe(error)}; {instead}") from error

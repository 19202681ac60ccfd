"""Own workloads whose constants are known in closed form, and their closed forms in plain numpy."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from empirics.search.space import Metaparameter
from empirics.workloads.own import OwnWorkload

RATE = Metaparameter("learning_rate", 1e-3, 0.2, "log")
CURVATURES = np.array([4.0, 1.0, 0.5, 0.25, 0.125, 2.0, 1.5, 0.75, 0.6, 0.3, 0.2, 0.1])
_random = np.random.default_rng(0)
INPUTS = _random.normal(size=(60, len(CURVATURES))).astype(np.float32)
CLASSES = (INPUTS[:, 0] + 0.5 * _random.normal(size=60) > 0).astype(np.int64)
TARGETS = (INPUTS[:, :2].sum(axis=1) + 0.1 * _random.normal(size=60)).astype(np.float32)


def workload(**changes):
    parts = {
        "data": (INPUTS, CLASSES),
        "goal": 0.3,
        "search_space": (RATE,),
        "max_steps": 30,
        "eval_interval": 5,
        "batch_sizes": (4, 16),
        "trials": 3,
    }
    return OwnWorkload(**(parts | changes))


class Distance(nn.Module):
    """w - x: with `weighted_square` as loss, f(w) is the mean over examples of 1/2 (w - x)^T H (w - x)."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(2 + torch.randn(1, len(CURVATURES)))

    def forward(self, inputs):
        return self.weight - inputs


def weighted_square(outputs, _targets):
    curvatures = torch.as_tensor(CURVATURES, dtype=outputs.dtype)
    return 0.5 * (curvatures * outputs.square()).sum(dim=1).mean()


def distance(outputs, _targets):
    return outputs.mean(dim=0).norm()


def quadratic():
    return workload(module=Distance, loss=weighted_square, metric=distance, goal=1.0)


def quadratic_gradients(weights, inputs):
    """Return the gradient of each example, shape (n, d)."""
    return CURVATURES * (weights - inputs)


def logistic_regression():
    return workload(module=lambda: nn.Linear(len(CURVATURES), 2, bias=False))


def logistic_gradients(weights, inputs, classes):
    """Return the gradient of each example: (softmax - one hot) times the input, shape (n, 2 d)."""
    logits = inputs @ weights.reshape(2, -1).T
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return ((shares - np.eye(2)[classes])[:, :, None] * inputs[:, None, :]).reshape(len(inputs), -1)


def logistic_hessian(weights, inputs):
    """Return the mean over examples of (diag(p) - p p^T) times x x^T, shape (2 d, 2 d)."""
    logits = inputs @ weights.reshape(2, -1).T
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    total = np.zeros((weights.size, weights.size))
    for share, row in zip(shares, inputs, strict=True):
        total += np.kron(np.diag(share) - np.outer(share, share), np.outer(row, row))
    return total / len(inputs)


def squared_error(outputs, targets):
    return 0.5 * (outputs[:, 0] - targets).square().mean()


def distance_to_targets(outputs, targets):
    return (outputs[:, 0] - targets).abs().mean()


def linear_network():
    """Return two linear layers, f = mean of 1/2 (v . U x - y)^2."""
    return workload(
        module=lambda: nn.Sequential(nn.Linear(len(CURVATURES), 3, bias=False), nn.Linear(3, 1, bias=False)),
        data=(INPUTS, TARGETS),
        loss=squared_error,
        metric=distance_to_targets,
        goal=0.5,
    )


def linear_network_gradients(weights, inputs, targets):
    """Return each example's gradient: r v x^T for U and r U x for v, r the residual."""
    first, second = weights[: 3 * inputs.shape[1]].reshape(3, -1), weights[3 * inputs.shape[1] :]
    residuals = inputs @ first.T @ second - targets
    of_first = residuals[:, None, None] * second[None, :, None] * inputs[:, None, :]
    return np.concatenate([of_first.reshape(len(inputs), -1), residuals[:, None] * (inputs @ first.T)], axis=1)


class Once(torch.autograd.Function):
    """A square whose gradient cannot be differentiated again."""

    @staticmethod
    def forward(context, outputs):
        context.save_for_backward(outputs)
        return outputs**2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(context, gradient):
        (outputs,) = context.saved_tensors
        return 2 * outputs * gradient


def once_differentiable_loss(outputs, targets):
    return Once.apply(outputs - functional.one_hot(targets, 2)).square().sum(dim=1).mean()


def once_differentiable():
    return workload(module=lambda: nn.Linear(len(CURVATURES), 2), loss=once_differentiable_loss)


def stepwise_loss(outputs, targets):
    """Return errors, with a gradient that is 0 wherever there is one."""
    return functional.cross_entropy(outputs.sign(), targets)


def flat():
    return workload(module=lambda: nn.Linear(len(CURVATURES), 2), loss=stepwise_loss)


def errors_loss(outputs, targets):
    return (outputs.argmax(dim=1) != targets).float().mean()


def not_differentiable():
    return workload(module=lambda: nn.Linear(len(CURVATURES), 2), loss=errors_loss)


class Rewritten(nn.Module):
    """A network of two layers whose weights are counted in units of a: f_a(u) = f(a u), from u = w/a."""

    def __init__(self, a):
        super().__init__()
        self.a = a
        self.first = nn.Parameter(torch.randn(3, len(CURVATURES)) / (4.0 * a))
        self.second = nn.Parameter(torch.randn(2, 3) / (2.0 * a))

    def forward(self, inputs):
        return torch.tanh(inputs @ (self.a * self.first).T) @ (self.a * self.second).T


def rewritten(a, s, optimizer):
    """Return a workload with weights in units of a and losses in units of 1/s."""
    momentum = (Metaparameter("momentum", 0.5, 0.99, "reverse_log"),) if optimizer != "sgd" else ()
    return workload(
        module=lambda: Rewritten(a),
        loss=lambda outputs, targets: s * functional.cross_entropy(outputs, targets),
        search_space=(Metaparameter("learning_rate", 1e-3, 10.0, "log"), *momentum),
        optimizer=optimizer,
    )


def plain_sgd():
    return rewritten(1.0, 1.0, "sgd")


def half_sgd():
    return rewritten(0.5, 1.0, "sgd")


def double_sgd():
    return rewritten(2.0, 1.0, "sgd")


def louder_sgd():
    return rewritten(1.0, 4.0, "sgd")


def plain_momentum():
    return rewritten(1.0, 1.0, "momentum")


def double_momentum():
    return rewritten(2.0, 4.0, "momentum")

"""Local smoothness along a training run: how fast the gradient changes over one step."""

from __future__ import annotations

import torch
from torch import Tensor

from empirics.networks import Network
from empirics.training import as_input, loss_and_gradient

GAMMAS = tuple(tenth / 10 for tenth in range(1, 11))


def full_gradient(
    network: Network, weights: Tensor, masks: Tensor, images: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the training loss of T weight vectors and its gradient on the kept weights, in float64.

    Args:
        network: The network.
        weights: Shape (T, P).
        masks: 1 where a weight is kept, shape (T, P) or (1, P).
        images: The training set, shape (n, channels, height, width).
        labels: Shape (n,).

    Returns:
        Losses, shape (T,), and gradients, shape (T, P).
    """
    loss, gradient = loss_and_gradient(network, weights.double(), images, labels)
    return loss, gradient * masks


def local_smoothness(
    network: Network, before: Tensor, after: Tensor, mask: Tensor, images: Tensor, labels: Tensor
) -> tuple[float, float]:
    r"""Return the smoothness along one training step, and the training loss before it.

    :math:`L(w_k) = \max_\gamma |\nabla f(w_k + \gamma d) - \nabla f(w_k)| / |\gamma d|`, :math:`d = w_{k+1} - w_k`,
    :math:`\gamma \in \{0.1, 0.2, \ldots, 1\}`.

    Args:
        network: The network.
        before: Weights w_k, shape (1, P).
        after: Weights w_{k+1}, shape (1, P), different from `before`.
        mask: 1 where a weight is kept, shape (1, P).
        images: The training set, shape (n, channels, height, width).
        labels: Shape (n,).

    Returns:
        L(w_k) and f(w_k).

    Reference:
        Lee et al. 2021, Eq. (11), after Zhang, He, Sra, Jadbabaie 2020.
    """
    start = before.double()
    direction = after.double() - start
    gammas = torch.tensor((0.0, *GAMMAS), dtype=torch.float64, device=before.device).unsqueeze(1)
    losses, gradients = full_gradient(network, start + gammas * direction, mask, images, labels)
    change = torch.linalg.vector_norm(gradients[1:] - gradients[0], dim=1)
    length = gammas[1:, 0] * torch.linalg.vector_norm(direction)
    return float((change / length).max()), float(losses[0])


def gradient_variance(network: Network, weights: Tensor, mask: Tensor, images: Tensor, labels: Tensor) -> float:
    r"""Return the trace of the covariance of per-example gradients on the kept weights.

    :math:`\beta = \frac{1}{n} \sum_i |\nabla f_i(w)|^2 - |\nabla f(w)|^2`, the gradient variance at B = 1.

    Args:
        network: The network.
        weights: Shape (1, P).
        mask: 1 where a weight is kept, shape (1, P).
        images: The training set, shape (n, channels, height, width).
        labels: Shape (n,).

    Returns:
        beta, >= 0, over the training set as the whole population.

    Reference:
        Lee et al. 2021, Section 4 (M = beta/B) and Appendix C.
    """
    views = [view.double() for view in network.views(weights)]
    kept = network.views(mask.double())
    squares = torch.zeros((), dtype=torch.float64, device=weights.device)
    totals = [torch.zeros_like(view) for view in views]
    rows = max(network.examples_at_once // 8, 1)
    for start in range(0, len(labels), rows):
        part = slice(start, start + rows)
        gradients = _example_gradients(network, views, as_input(images[part], torch.float64), labels[part])
        for total, gradient, keep in zip(totals, gradients, kept, strict=True):
            masked = gradient * keep
            squares += masked.square().sum()
            total.add_(masked.sum(dim=0))
    examples = len(labels)
    mean_square = sum(float(total.square().sum()) for total in totals) / examples**2
    return max(float(squares) / examples - mean_square, 0.0)


def _example_gradients(network: Network, views: list[Tensor], images: Tensor, labels: Tensor) -> list[Tensor]:
    """Return the gradient of each example's loss, one tensor a parameter, of shape (n, 1, *shape)."""

    def example_loss(parameters: list[Tensor], image: Tensor, label: Tensor) -> Tensor:
        return network.losses(network.logits(parameters, image[None]), label[None]).sum()

    if network.batched:
        batched: list[Tensor] = torch.func.vmap(torch.func.grad(example_loss), in_dims=(None, 0, 0))(
            views, images, labels
        )
        return batched
    parameters = [view.detach().requires_grad_() for view in views]
    rows = [
        torch.autograd.grad(example_loss(parameters, *example), parameters)
        for example in zip(images, labels, strict=True)
    ]
    return [torch.stack(of_parameter) for of_parameter in zip(*rows, strict=True)]

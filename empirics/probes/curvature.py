"""The top eigenvalue of the Hessian of the training loss, on the kept weights."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

from empirics.errors import InputError, describe
from empirics.networks.gradient import as_input
from empirics.networks.network import Network
from empirics.probes.sample import Sample
from empirics.workloads.named import name_of

_TOLERANCE = 1e-3  # relative, of the eigenvalue; eight vectors reach 1e-9 on digits in ten products
_MOST_RESTARTS = 100
_LANCZOS_VECTORS = 8
_MOST_EXAMPLES_AT_ONCE = 64  # in one pass; timed on Simple-CNN, 256 at once take 1.6 times as long
HESSIAN_EXAMPLES = 1000


def top_curvature(
    network: Network, weights: Tensor, mask: Tensor, sample: Sample, start: NDArray[np.float64]
) -> float | None:
    r"""Return the largest eigenvalue of the Hessian, rows and columns of pruned weights left out.

    :math:`\lambda_1 = \max_{|v|=1} v^T \nabla^2 f(w) v` by Lanczos on Hessian-vector products.

    Args:
        network: The network.
        weights: Shape (1, P).
        mask: 1 where a weight is kept, shape (1, P).
        sample: The examples f is the loss of; their first thousand are used, drawn at random in a sample.
        start: Where Lanczos begins, shape (P,).

    Returns:
        The eigenvalue; None where Lanczos did not converge.

    Raises:
        InputError: If the loss or module cannot be differentiated twice; it is named.

    Reference:
        Compare L of Lee et al. 2021, Eq. (11): on a quadratic the largest possible L is this eigenvalue.
    """
    kept = mask[0].nonzero()[:, 0]
    place = kept.cpu().numpy()
    images, labels = sample.part(slice(0, HESSIAN_EXAMPLES))

    def product(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        direction = torch.zeros(network.size, dtype=torch.float64, device=weights.device)
        direction[kept] = torch.from_numpy(np.ascontiguousarray(vector).ravel()).to(weights.device)
        found: NDArray[np.float64] = hessian_product(network, weights, direction, images, labels)[kept].cpu().numpy()
        return found

    if len(place) <= _LANCZOS_VECTORS:
        hessian = np.stack([product(row) for row in np.eye(len(place))])
        return float(np.linalg.eigvalsh((hessian + hessian.T) / 2)[-1])
    if not product(start[place]).any():  # a loss without curvature, on which Lanczos has nothing to go on
        return 0.0
    operator = LinearOperator((len(place), len(place)), matvec=product, dtype=np.float64)
    try:
        (value,) = eigsh(
            operator,
            1,
            which="LA",
            v0=start[place],
            ncv=_LANCZOS_VECTORS,
            maxiter=_MOST_RESTARTS,
            tol=_TOLERANCE,
            return_eigenvectors=False,
        )
    except ArpackNoConvergence:
        return None
    return float(value)


def hessian_product(network: Network, weights: Tensor, direction: Tensor, images: Tensor, labels: Tensor) -> Tensor:
    """Return the Hessian of the mean loss times a direction, in float64.

    Args:
        network: The network.
        weights: Shape (1, P).
        direction: Shape (P,).
        images: Shape (n, ...).
        labels: Shape (n, ...).

    Returns:
        Shape (P,).

    Raises:
        InputError: If the loss or module cannot be differentiated twice.
    """
    total = torch.zeros(network.size, dtype=torch.float64, device=weights.device)
    rows = min(network.examples_at_once, _MOST_EXAMPLES_AT_ONCE)
    for start in range(0, len(labels), rows):
        part = slice(start, start + rows)
        point = weights.detach().double().requires_grad_()
        with torch.enable_grad():
            outputs = network.logits(network.views(point), as_input(images[part], torch.float64))
            loss = network.losses(outputs, labels[part]).sum() / len(labels)
            try:
                (gradient,) = torch.autograd.grad(loss, point, create_graph=True)
                slope = gradient[0] @ direction
                # A gradient that does not depend on the weights has no graph: that part of the Hessian is zero.
                if slope.requires_grad:
                    total += torch.autograd.grad(slope, point)[0][0]
            except RuntimeError as error:
                name = name_of(getattr(network, "loss", network))
                raise InputError(
                    f"loss {name}: it or the module cannot be differentiated twice ({describe(error)}); "
                    "use --hessian-points 0"
                ) from error
    return total

r"""The Hessian of the training loss on the kept weights, through products with vectors.

A product is a difference of two gradients, :math:`H v \approx (\nabla f(w + h v) - \nabla f(w - h v))/(2 h)`, in
float64 with a step so short that no unit passes its kink: it is 1e-9 of the weights' length, and the gradients on both
sides say whether one did. On digits this is the product of automatic differentiation to 4e-9. It costs two gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from empirics.probes.field import Field, Vector

Product = Callable[[Vector], Vector | None]
_STEPS = (1e-9, 1e-10, 1e-11)  # of the weights' length; the later ones where a unit passes its kink within the first
_ALIKE = 1e-3  # difference of both sides over their sum: 1e-7 where f is smooth, 1 or more across a kink
_ROUNDING = 1e-12  # of the gradient's length, in either side; one unit's kink in one of a million examples is far above
_VECTORS = 16  # on digits shares of the gradient are exact to 1e-4 then, the top eigenvalue to 1e-7
_CONVERGED = 1e-2  # residual of the top eigenvector over the eigenvalue, which bounds the error
_ZERO = 1e-8  # of the first product's length: what is left of a vector that the earlier ones span


def product_at(field: Field, weights: Vector) -> Product:
    """Return what multiplies a vector by the Hessian at some weights.

    Args:
        field: f and its gradient.
        weights: Shape (P,).

    Returns:
        From a vector to the product; None where the gradient jumps there, however short the step.

    Example:
        >>> curvatures = np.array([3.0, 1.0])
        >>> product = product_at(lambda w: (float(curvatures @ w**2) / 2, curvatures * w), np.array([1.0, 1.0]))
        >>> product(np.array([2.0, 0.0])).round(6).tolist()
        [6.0, 0.0]
    """
    _, here = field(weights)
    rounding = _ROUNDING * float(np.linalg.norm(here))
    size = float(np.linalg.norm(weights)) or 1.0

    def product(vector: Vector) -> Vector | None:
        length = float(np.linalg.norm(vector))
        if length == 0.0:
            return np.zeros_like(vector)
        for step in _STEPS:
            move = step * size / length
            ahead, behind = field(weights + move * vector)[1] - here, here - field(weights - move * vector)[1]
            if np.linalg.norm(ahead - behind) <= _ALIKE * np.linalg.norm(ahead + behind) + rounding:
                found: Vector = (ahead + behind) / (2 * move)
                return found
        return None

    return product


@dataclass(frozen=True)
class Spectrum:
    """What the Hessian does to the gradient.

    Args:
        values: Ritz values, ascending, shape (m,).
        shares: Of the squared gradient norm that belong to them, shape (m,), sum 1.
        residual: Of the top one's vector, which bounds its distance from an eigenvalue.
    """

    values: NDArray[np.float64]
    shares: NDArray[np.float64]
    residual: float

    @property
    def top(self) -> float | None:
        """The largest eigenvalue, None where the vectors do not suffice to know it."""
        top = float(self.values[-1])
        return top if self.residual <= _CONVERGED * abs(top) else None

    @property
    def mean(self) -> float:
        r"""The curvature along the gradient g, :math:`g \cdot H g/|g|^2`."""
        return float(self.values @ self.shares)

    def share_above(self, curvature: float) -> float:
        """Return the share of the squared gradient norm in modes of more curvature."""
        return float(self.shares[self.values > curvature].sum())


def gradient_spectrum(product: Product, gradient: Vector) -> Spectrum | None:
    r"""Return eigenvalues of the Hessian and the shares of the gradient's square in them, by Lanczos from the gradient.

    With :math:`T = Q^T H Q = U \Theta U^T`, Q an orthonormal basis of :math:`g, Hg, H^2 g, \ldots`, the shares are
    :math:`U_{1j}^2`: Gauss quadrature of the gradient's spectral measure.

    Args:
        product: The Hessian times a vector.
        gradient: Shape (P,).

    Returns:
        The spectrum; None for a gradient of 0, and where a product is None.

    Reference:
        Golub, Welsch 1969; Golub, Meurant 2010, Chapter 7.

    Example:
        >>> curvatures = np.array([4.0, 1.0, 9.0])
        >>> found = gradient_spectrum(lambda v: curvatures * v, np.array([2.0, 1.0, 0.0]))  # no part of the third mode
        >>> found.values.round(9).tolist(), found.shares.round(9).tolist(), found.share_above(2.0).__round__(9)
        ([1.0, 4.0], [0.2, 0.8], 0.8)
    """
    length = float(np.linalg.norm(gradient))
    if not length > 0.0:
        return None
    basis = [gradient / length]
    diagonal: list[float] = []
    beside: list[float] = []
    for _ in range(_VECTORS):
        image = product(basis[-1])
        if image is None:
            return None
        if not diagonal:
            negligible = _ZERO * float(np.linalg.norm(image))
        diagonal.append(float(basis[-1] @ image))
        rows = np.array(basis)
        for _ in range(2):  # once leaves rounding errors that grow with the vectors
            image = image - rows.T @ (rows @ image)
        beside.append(float(np.linalg.norm(image)))
        if beside[-1] <= negligible:
            break
        basis.append(image / beside[-1])
    values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1))
    return Spectrum(values, np.square(vectors[0]), beside[-1] * abs(float(vectors[-1, -1])))

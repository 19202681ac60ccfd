"""A noisy quadratic, its constants, and the rates at which it can be trained."""

from dataclasses import dataclass

import numpy as np

from theory.log_space import Array
from theory.quadratic_modes import Spectrum


@dataclass(frozen=True, eq=False)
class NoisyQuadratic:
    r"""A quadratic in its eigenbasis with additive gradient noise.

    .. math:: f(w) = \tfrac12 \sum_i h_i w_i^2,\qquad g_i = h_i w_i + \xi_i,\quad \mathrm{E}\,\xi_i^2 = n_i/B

    Its constants are :math:`L = \max_i h_i`, :math:`\Delta = \sum_i h_i s_i(0)`, :math:`\beta = \sum_i n_i`, and
    mu = M_G = 1.

    Args:
        curvature: h, shape (d,), loss/weight^2. Finite, > 0.
        noise: n, shape (d,), variance of the gradient of one example, (loss/weight)^2. Finite, >= 0.
        initial: s(0), shape (d,), mean square of each weight at the start, weight^2. Finite, >= 0, not all 0.

    Raises:
        ValueError: If an argument is outside the range above.

    Reference:
        Zhang et al. 2019, "Which algorithmic choices matter at which batch sizes?"; docs/theory.md, result 16.

    Example:
        >>> problem = NoisyQuadratic.harmonic(2)  # h = 1, 1/2
        >>> problem.L, problem.Delta, problem.beta
        (1.0, 1.5, 1.5)
    """

    curvature: Array
    noise: Array
    initial: Array

    def __post_init__(self) -> None:
        h, n, s = self.curvature, self.noise, self.initial
        if not (h.ndim == 1 and h.size and h.shape == n.shape == s.shape):
            raise ValueError(f"need curvature, noise, initial of one shape (d,), got {h.shape}, {n.shape}, {s.shape}")
        if not (np.isfinite(h).all() and (h > 0.0).all()):
            raise ValueError("curvature must be finite and > 0")
        for name, values in (("noise", n), ("initial", s)):
            if not (np.isfinite(values).all() and (values >= 0.0).all()):
                raise ValueError(f"{name} must be finite and >= 0")
        if not s.any():
            raise ValueError("initial must not be 0 throughout: the loss starts at its minimum")

    @classmethod
    def harmonic(cls, dimension: int) -> "NoisyQuadratic":
        r"""Return the problem with :math:`h_i = n_i = 1/i` and :math:`s_i(0) = 1`.

        Args:
            dimension: d, number of modes. >= 1.

        Returns:
            The problem, i = 1..d.

        Raises:
            ValueError: If the dimension is below 1.

        Reference:
            Zhang et al. 2019, Sec. 3: curvatures 1/i, gradient noise of the Hessian's shape.

        Example:
            >>> NoisyQuadratic.harmonic(3).noise.round(2)
            array([1.  , 0.5 , 0.33])
        """
        if dimension < 1:
            raise ValueError(f"dimension must be >= 1, got {dimension}")
        curvature = 1.0 / np.arange(1.0, dimension + 1.0)
        return cls(curvature, curvature, np.ones(dimension))

    @property
    def L(self) -> float:  # noqa: N802  (the paper's name)
        """Smoothness: the largest curvature."""
        return float(self.curvature.max())

    @property
    def Delta(self) -> float:  # noqa: N802  (the paper's name)
        """Twice the expected loss at the start."""
        return float(self.curvature @ self.initial)

    @property
    def beta(self) -> float:
        """Gradient variance of one example."""
        return float(self.noise.sum())

    def spectrum(self, batch_size: float) -> Spectrum:
        """Return the modes in units of the loss, with the noise of a batch size.

        Args:
            batch_size: B, scalar, examples per step. Finite, > 0.

        Raises:
            ValueError: If the batch size is outside the range above.
        """
        if not 0.0 < batch_size < np.inf:
            raise ValueError(f"batch_size must be finite and > 0, got {batch_size}")
        half = 0.5 * self.curvature
        return Spectrum(self.curvature, half * self.initial, half * self.noise / batch_size)


def largest_rate(problem: NoisyQuadratic, momentum: float = 0.0, *, nesterov: bool = False) -> float:
    r"""Return the rate from which on the loss diverges.

    :math:`2 (1 + m)/h_{\max}` for SGD and heavy ball, :math:`2 (1 + m)/((1 + 2m)\,h_{\max})` for Nesterov.

    Args:
        problem: The quadratic.
        momentum: m, scalar. In [0, 1); 0 is SGD.
        nesterov: Nesterov's step instead of the heavy ball's.

    Returns:
        Scalar, weight^2/loss.

    Raises:
        ValueError: If momentum is outside the range above.

    Reference:
        Both roots of y^2 = t y - d lie inside the unit circle iff `|t| < 1 + d` and d < 1 (`theory.quadratic_modes`).

    Example:
        >>> largest_rate(NoisyQuadratic.harmonic(10)), largest_rate(NoisyQuadratic.harmonic(10), 0.5, nesterov=True)
        (2.0, 1.5)
    """
    if not 0.0 <= momentum < 1.0:
        raise ValueError(f"momentum must be in [0, 1), got {momentum}")
    return 2.0 * (1.0 + momentum) / ((1.0 + 2.0 * momentum if nesterov else 1.0) * problem.L)
